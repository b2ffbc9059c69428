"""People as a yardstick: each vote predicted by the others, counted by hand."""

import numpy as np
import pytest

from annotation.core.resampling import Resampling, corrected_interval
from rewardmodel.core.ceiling import ceiling, leave_one_out
from rewardmodel.core.measures import interval_over, mean_over_prompts
from rewardmodel.core.pairs import FIRST, SECOND, TIE, Votes


def votes_of(rows: list[tuple[int, int, int, int, int]]) -> Votes:
    """Rows of first, second, outcome, prompt, annotator."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    return Votes(
        table[:, 0], table[:, 1], table[:, 2], np.ones(len(table)), table[:, 3], table[:, 4]
    )


def test_others_are_counted_as_by_hand() -> None:
    votes = votes_of([
        (0, 1, FIRST, 7, 1), (0, 1, FIRST, 7, 2), (1, 0, FIRST, 7, 3), (0, 1, TIE, 7, 4),
        (2, 3, SECOND, 8, 1),
    ])  # fmt: skip
    person, crowd, told = leave_one_out(votes)
    assert told.tolist() == [True, True, True, True, False]
    # Annotator 1 said the first; of the three others one agrees, one says the other, one ties.
    assert person[0] == pytest.approx((1 + 0.5) / 3)
    assert crowd[0] == 0.5
    # Annotator 3 saw the pair the other way round and stands alone against two and a tie.
    assert person[2] == pytest.approx(0.5 / 3)
    assert crowd[2] == 0.0


def test_nobody_agrees_with_themselves() -> None:
    votes = votes_of([(0, 1, FIRST, 7, 1), (0, 1, FIRST, 7, 1)])
    assert not leave_one_out(votes)[2].any()


def test_a_model_that_knows_the_truth_reaches_the_majority() -> None:
    """People err 20 % of the time: two agree in 68 %, the truth is said in 80 %."""
    random = np.random.default_rng(1)
    rows = [
        (2 * k, 2 * k + 1, int(random.random() > 0.8), k, person)
        for k in range(300)
        for person in range(9)
    ]
    votes = votes_of(rows)
    chances = np.tile([0.7, 0.2, 0.1], (len(votes), 1))
    found = ceiling(chances, votes, seed=1)
    assert found.one_person.value == pytest.approx(0.68, abs=0.02)
    # The majority of eight others is right in 95.7 %, ties counted half.
    assert found.majority.value == pytest.approx(0.957 * 0.8 + 0.043 * 0.2, abs=0.02)
    assert found.model.value == pytest.approx(0.8, abs=0.02)
    assert found.against_person.low > 0.05
    assert 0 < found.against_majority.value < 0.05


def test_without_others_there_is_no_ceiling_but_a_sentence() -> None:
    found = ceiling(np.full((1, 3), 1 / 3), votes_of([(0, 1, FIRST, 7, 1)]), seed=1)
    assert found.model.value is None
    assert found.model.note


def test_intervals_over_few_prompts_cover_as_they_say() -> None:
    """Eight prompts that differ: a percentile interval would miss the truth in 1 of 8."""
    random = np.random.default_rng(4)
    missed = 0
    for draw in range(150):
        level = random.normal(0.6, 0.15, 8)
        prompt = np.repeat(np.arange(8), 30)
        values = level[prompt] + random.normal(0, 0.3, 240)
        rows = [(0, 1, FIRST, int(p), 1) for p in prompt]
        found = mean_over_prompts(values, votes_of(rows), draw)
        missed += not found.low <= 0.6 <= found.high
    assert missed / 150 < 0.095


def test_with_many_prompts_the_quick_interval_is_the_bootstraps() -> None:
    random = np.random.default_rng(6)
    sums = np.column_stack([random.normal(3, 2, 400), random.uniform(4, 9, 400)])

    def ratio(totals: np.ndarray) -> np.ndarray:
        return totals[:, 0] / totals[:, 1]

    low, high, _ = interval_over(sums, ratio, 1)
    slow = corrected_interval(sums, np.ones(400), ratio, Resampling(1))
    assert [low, high] == pytest.approx([slow.low, slow.high], rel=0.02)
    assert interval_over(np.ones((400, 2)), ratio, 1)[0] is None
