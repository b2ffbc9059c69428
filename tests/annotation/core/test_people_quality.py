from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from annotation.core.errors import Invalid
from annotation.core.intervals import wilson
from annotation.core.people_quality import people_quality
from annotation.core.preferences import Verdict
from annotation.core.quality import Work
from annotation.core.rankings import Groups, Outcome
from annotation.core.recommendations import Action
from benchmarks.annotators import MEASURED, PROMISED, found_in, pool

FIRST, SECOND, TIE = ((0,), (1,)), ((1,), (0,)), ((0, 1),)


def work(comparison: int, annotator: int, groups: Groups, **more: object) -> Work:
    size = sum(map(len, groups))
    verdict = Verdict(
        judgment_id=1000 * comparison + annotator,
        comparison_id=comparison,
        prompt_id=comparison,
        completion_ids=tuple(10 * comparison + k for k in range(size)),
        annotator_id=annotator,
        groups=groups,
        display_order=tuple(np.random.default_rng(comparison + annotator).permutation(size)),
    )
    return Work(verdict, **more)  # type: ignore[arg-type]


def crowd(n_items: int = 40, people: int = 8, *, right: float = 0.9, seed: int = 0) -> list[Work]:
    random = np.random.default_rng(seed)
    return [
        work(item, who, (FIRST, SECOND)[int((random.random() < right) == bool(item % 2))])
        for item in range(n_items)
        for who in range(people)
    ]


@pytest.mark.parametrize("kind", PROMISED)
def test_planted_annotators_are_found_and_nobody_else(kind: str) -> None:
    found = [found_in(pool(kind, 0.2, seed)) for seed in range(3)]  # type: ignore[arg-type]
    assert sum(each.wrong for each in found) == 0
    assert sum(each.found for each in found) >= 0.95 * sum(each.planted for each in found)


@pytest.mark.parametrize("kind", MEASURED)
def test_other_pools_accuse_nobody_honest(kind: str) -> None:
    found = found_in(pool(kind, 0.2, 1))  # type: ignore[arg-type]
    assert found.wrong == 0
    assert found.found == (found.planted if kind == "colluding" else 0)


def test_a_person_s_row_holds_everything() -> None:
    works = crowd()
    works = [
        replace(each, gold_groups=SECOND if each.verdict.comparison_id % 2 else FIRST,
                seconds=30.0, words=100.0, judged_at=float(each.verdict.comparison_id),
                earlier_groups=each.verdict.groups)
        if each.verdict.comparison_id < 6 else each
        for each in works
    ]  # fmt: skip
    report = people_quality(works)
    person = report.people[3]
    assert person.annotator_id == 3
    assert person.figures.n == 40
    assert person.figures.gold.n == 6
    assert person.repeats == wilson(6, 6)
    assert person.behaviour.too_fast == wilson(0, 6)
    assert person.kind is not None
    assert person.kind.told_by == "consensus"
    assert person.weight == person.kind.honest > 0.9
    assert person.recommendation.action is Action.KEEP
    assert person.reliability.low < 0.9 < person.reliability.high + 0.08  # type: ignore[operator]


def test_what_holds_of_each_pair_has_a_probability() -> None:
    rows = {(row.comparison_id, row.first, row.second): row
            for row in people_quality(crowd()).pair_consensus()}  # fmt: skip
    assert len(rows) == 40
    assert rows[3, 0, 1].outcome is Outcome.WORSE
    assert rows[4, 0, 1].outcome is Outcome.BETTER
    assert all(0.5 <= row.probability <= 1 and row.n == 8 for row in rows.values())


def test_rankings_and_ties_are_pairs() -> None:
    orders = [((0,), (1,), (2,)), ((0,), (1,), (2,)), ((0,), (2,), (1,)), ((0, 1), (2,))]
    works = [work(item, who, orders[who]) for item in range(8) for who in range(4)]
    report = people_quality(works)
    found = {(row.first, row.second): row.outcome for row in report.pair_consensus()
             if row.comparison_id == 5}  # fmt: skip
    assert found == {(0, 1): Outcome.BETTER, (0, 2): Outcome.BETTER, (1, 2): Outcome.BETTER}
    assert report.people[0].reliability.n == 16  # three pairs of weight 2/3 in each of 8


def test_policies_tell_where_nobody_shares_an_item() -> None:
    random = np.random.default_rng(2)
    works, policies = [], {}
    for item in range(400):
        one, other = random.choice(5, 2, replace=False)
        is_first_better = random.random() < 1 / (1 + np.exp(-1.5 * (one - other)))
        if item % 8 == 7:
            is_first_better = not is_first_better
        works.append(work(item, item % 8, FIRST if is_first_better else SECOND))
        policies |= {10 * item: int(one), 10 * item + 1: int(other)}
    report = people_quality(works, policies=policies)
    assert report.consensus.why_not
    assert report.consensus.why_not in report.note
    assert list(report.pair_consensus()) == []
    kinds = [person.kind for person in report.people]
    assert all(kind is not None and kind.told_by == "strengths" for kind in kinds)
    assert kinds[7].flipped > 0.99 > 0.9 < kinds[0].honest  # type: ignore[union-attr]
    assert report.people[7].recommendation.action is Action.QUARANTINE
    assert report.people[0].reliability.value is None


@pytest.mark.parametrize(
    "works",
    [
        [],
        [work(1, 1, FIRST)],
        [work(item, 1, FIRST) for item in range(9)],
        [work(1, who, FIRST) for who in range(9)],
        [work(item, who, TIE) for item in range(5) for who in range(5)],
        [work(item, item, FIRST) for item in range(9)],
    ],
)
def test_too_little_accuses_nobody_and_says_so(works: list[Work]) -> None:
    report = people_quality(works)
    assert report.note
    assert all(person.recommendation.action is Action.KEEP for person in report.people)
    assert all(person.reliability.value is None for person in report.people)


def test_the_crowds_workers(crowd_votes: list[dict[str, str]]) -> None:
    groups = {"left": FIRST, "right": SECOND, "tie": TIE}
    report = people_quality(
        work(int(vote["pair"]), int(vote["worker"]), groups[vote["winner"]]) for vote in crowd_votes
    )
    by_action = Counter(person.recommendation.action for person in report.people)
    assert len(report.people) == 124
    assert by_action[Action.KEEP] > 80
    assert 0 < by_action[Action.QUARANTINE] + by_action[Action.REQUALIFY] < 20
    accused = [p for p in report.people if p.recommendation.action is Action.QUARANTINE]
    assert all(p.reliability.high < 0.8 for p in accused)  # type: ignore[operator]


def test_a_second_answer_is_refused() -> None:
    with pytest.raises(Invalid, match="twice"):
        people_quality([work(1, 1, FIRST), work(1, 1, SECOND)])


def test_a_completion_without_a_policy_is_refused() -> None:
    with pytest.raises(Invalid, match="policy of completion"):
        people_quality([work(1, 1, FIRST)], policies={})
