from dataclasses import replace

import numpy as np
import pytest

from annotation.core.errors import Invalid
from annotation.core.intervals import wilson
from annotation.core.preferences import Verdict
from annotation.core.quality import (
    AnnotatorFigures,
    Work,
    agreement_with_others,
    annotator_figures,
)
from annotation.core.rankings import Groups

FIRST, SECOND, TIE = ((0,), (1,)), ((1,), (0,)), ((0, 1),)


def work(
    comparison: int,
    annotator: int,
    groups: Groups,
    *,
    order: tuple[int, ...] | None = None,
    seconds: float | None = None,
    gold: Groups | None = None,
) -> Work:
    size = sum(map(len, groups))
    verdict = Verdict(
        judgment_id=1000 * comparison + annotator,
        comparison_id=comparison,
        prompt_id=1,
        completion_ids=tuple(range(size)),
        annotator_id=annotator,
        groups=groups,
        display_order=order or tuple(range(size)),
    )
    return Work(verdict, seconds, gold)


def figures(*works: Work) -> dict[int, AnnotatorFigures]:
    return {row.annotator_id: row for row in annotator_figures(works)}


def test_the_majority_leaves_the_annotator_out() -> None:
    rows = figures(
        work(1, 7, FIRST), work(1, 8, FIRST), work(1, 9, SECOND),
        work(2, 7, TIE), work(2, 8, TIE),
        work(3, 9, FIRST),
    )  # fmt: skip
    # On 1 the others of 7 are split; those of 9 are not. On 2 each has one other.
    assert rows[7].majority == wilson(1, 1)
    assert rows[8].majority == wilson(1, 1)
    assert rows[9].majority == wilson(0, 1)
    assert [rows[k].n for k in (7, 8, 9)] == [2, 2, 2]


def test_a_rankings_pairs_share_one_vote() -> None:
    three = ((0,), (1,), (2,))
    rows = figures(work(1, 1, three), work(1, 2, three), work(1, 3, ((0,), (2,), (1,))))
    assert rows[3].majority == wilson(2 / 3, 1)
    assert rows[1].majority.n == 1


def test_ties_places_seconds_and_gold() -> None:
    row = figures(
        work(1, 5, FIRST, order=(0, 1), seconds=4, gold=FIRST),
        work(2, 5, FIRST, order=(1, 0), seconds=20, gold=SECOND),
        work(3, 5, TIE, order=(1, 0), seconds=6),
        work(4, 5, SECOND, order=(1, 0)),
    )[5]
    assert row.n == 4
    assert row.ties == wilson(1, 4)
    assert row.first_position == wilson(2, 3)
    assert row.median_seconds == 6
    assert row.gold == wilson(1, 2)
    assert row.majority.value is None


def test_a_tie_at_the_top_has_no_first_place() -> None:
    row = figures(work(1, 5, ((0, 1), (2,))), work(2, 5, ((2,), (0, 1)), order=(2, 0, 1)))[5]
    assert row.first_position == wilson(1, 1)
    assert row.ties == wilson(0, 2)


def test_nothing_judged() -> None:
    assert annotator_figures([]) == ()


def test_a_second_answer_is_refused() -> None:
    with pytest.raises(Invalid, match="twice"):
        figures(work(1, 1, FIRST), work(1, 1, SECOND))


def test_the_careless_stand_out_of_a_crowd() -> None:
    random = np.random.default_rng(3)
    truth = random.integers(2, size=120)
    works = []
    for annotator in range(8):
        careful = 0.5 if annotator == 0 else 0.85
        for comparison, right in enumerate(truth):
            given = right if random.random() < careful else 1 - right
            works.append(work(comparison, annotator, (FIRST, SECOND)[given]))
    rows = figures(*works)
    assert rows[0].majority.high < min(rows[k].majority.low for k in range(1, 8))


def test_the_crowds_workers_judge_by_the_majority(crowd_votes: list[dict[str, str]]) -> None:
    groups = {"left": FIRST, "right": SECOND, "tie": TIE}
    rows = annotator_figures(
        work(int(v["pair"]), int(v["worker"]), groups[v["winner"]]) for v in crowd_votes
    )
    assert len(rows) == 124
    assert sum(row.n for row in rows) == 8931
    assert sum(row.ties.value * row.n for row in rows) == pytest.approx(3471)
    decided = sum(row.first_position.n for row in rows)
    assert decided == 5460
    won = sum((row.first_position.value or 0) * row.first_position.n for row in rows)
    assert won == pytest.approx(2911)


def test_the_order_of_rows_does_not_matter() -> None:
    works = [work(c, a, (FIRST, SECOND, TIE)[(c * a) % 3]) for c in range(6) for a in range(4)]
    shuffled = [replace(w) for w in reversed(works)]
    assert annotator_figures(works) == annotator_figures(shuffled)


def test_agreement_with_others_counts_comparisons_not_pairs_or_people() -> None:
    three = ((0,), (1,), (2,))
    own = {1: FIRST, 2: FIRST, 3: three, 4: FIRST}
    others = {
        1: [FIRST, SECOND, TIE, FIRST],  # two of four say the same
        2: [TIE],
        3: [three, ((0, 1), (2,))],  # three of three pairs and two of three
        9: [FIRST],
    }
    found = agreement_with_others(own, others)
    assert found == wilson(0.5 + 0 + 5 / 6, 3)
    assert agreement_with_others(own, {}) == wilson(0, 0)
