import numpy as np
import pytest

from annotation.core.preferences import Verdict, preferences_from
from annotation.core.rankings import Groups
from annotation.core.row_weights import NO_WEIGHTS, consensus_weights

FIRST, SECOND = ((0,), (1,)), ((1,), (0,))
POLICIES = {key: key % 10 for key in range(10_000)}


def verdict(
    item: int, who: int, groups: Groups, *, comparison: int | None = None, is_swapped: bool = False
) -> Verdict:
    """The pair 10 x item and the one after it, maybe in the other order."""
    ids = (10 * item, 10 * item + 1)
    return Verdict(
        judgment_id=1000 * (comparison or item) + who,
        comparison_id=comparison or item,
        prompt_id=item,
        completion_ids=ids[::-1] if is_swapped else ids,
        annotator_id=who,
        groups=groups,
        display_order=(0, 1),
    )


def crowd(n_items: int = 40) -> list[Verdict]:
    """Seven people who are right in nine of ten, and an eighth who always takes the left one."""
    random = np.random.default_rng(3)
    return [
        verdict(
            item, who, FIRST if who == 7 or (random.random() < 0.9) == (item % 2 == 0) else SECOND
        )
        for item in range(1, n_items + 1)
        for who in range(8)
    ]


def test_a_vote_weighs_what_its_annotator_does() -> None:
    votes = crowd()
    weights = consensus_weights(votes, policies=POLICIES, gold={})
    told = {v.annotator_id: weights.of_person(preferences_from(v)[0]) for v in votes}
    assert all(told[who] > 0.95 for who in range(7))
    assert told[7] < 0.05


def test_a_preference_is_as_sure_as_its_judges() -> None:
    weights = consensus_weights(crowd(), policies=POLICIES, gold={})
    (right,) = preferences_from(verdict(4, 0, FIRST))
    (wrong,) = preferences_from(verdict(4, 0, SECOND))
    p, q = weights.probability(right), weights.probability(wrong)
    assert p is not None
    assert q is not None
    assert p > 0.99
    assert p + q == pytest.approx(1, abs=1e-5)  # nobody called a tie


def test_two_comparisons_of_one_pair_are_evidence_on_one_question() -> None:
    votes = [v for v in crowd() if v.comparison_id != 4]
    one = [verdict(4, who, FIRST) for who in range(2)]
    other = [verdict(4, who, SECOND, comparison=99, is_swapped=True) for who in range(2, 4)]
    (asked,) = preferences_from(one[0])

    def told(*more: Verdict) -> float:
        found = consensus_weights([*votes, *more], policies=POLICIES, gold={}).probability(asked)
        assert found is not None
        return found

    assert told(*one, *other) > told(*one) > 0.9
    against = [verdict(4, who, FIRST, comparison=99, is_swapped=True) for who in range(2, 4)]
    assert 0.2 < told(*one, *against) < 0.8


def test_gold_is_known_on_overall_alone() -> None:
    weights = consensus_weights(crowd(), policies=POLICIES, gold={4: SECOND})
    (said,) = preferences_from(verdict(4, 0, FIRST))
    assert weights.probability(said) == 0


@pytest.mark.parametrize(
    "votes", [[], [verdict(1, 1, FIRST)], [verdict(i, i, FIRST) for i in (1, 2)]]
)
def test_too_little_weighs_nothing_and_says_why(votes: list[Verdict]) -> None:
    weights = consensus_weights(votes, policies=POLICIES, gold={})
    (asked,) = preferences_from(verdict(1, 1, FIRST))
    assert weights.probability(asked) is None
    assert weights.of_person(asked) == 1
    assert bool(weights.notes) == bool(votes)


def test_without_weights_every_row_weighs_one() -> None:
    (asked,) = preferences_from(verdict(1, 1, FIRST))
    assert NO_WEIGHTS.probability(asked) is None
    assert NO_WEIGHTS.of_person(asked) == 1
