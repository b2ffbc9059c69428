import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import fisher_exact

from annotation.core.answer_pairs import Answers
from annotation.core.audit import benjamini_hochberg
from annotation.core.pluralism import adjusted_together, newcombe, pluralism, without_telling


def panel(seed: int, *, camp: float = 0.0) -> tuple[Answers, np.ndarray, np.ndarray]:
    """Sixty items, thirty of 120 people each; on every fifth the "old" want the opposite."""
    random = np.random.default_rng(seed)
    who = np.concatenate([random.choice(120, 30, replace=False) for _ in range(60)])
    item = np.repeat(np.arange(60), 30)
    is_old, divides = who % 3 == 0, item % 5 == 0
    logits = random.normal(0, 1, 60)[item] * ~divides
    logits += np.where(divides, np.where(is_old, camp, -camp), 0.0)
    values = (random.random(len(who)) < expit(logits)).astype(float)
    return Answers(item, who, values), np.where(is_old, "old", "young"), np.arange(60) % 5 == 0


def test_items_that_divide_are_found_and_no_others() -> None:
    answers, labels, divides = panel(1, camp=1.8)
    found = pluralism(answers, labels)
    named = [each.item for each in found.divisions if each.is_found]
    assert len(named) >= 6
    assert np.mean(~divides[named]) <= 0.05
    assert found.divisions[0].low > 0 or found.divisions[0].high < 0
    assert f"reliably differ on {len(named)} items of " in found.verdict


def test_noise_divides_nobody() -> None:
    found = [pluralism(*panel(seed)[:2]) for seed in range(40)]
    assert np.mean([any(each.is_found for each in one.divisions) for one in found]) <= 0.05
    covered = [each.low <= 0 <= each.high for one in found for each in one.divisions]
    assert np.mean(covered) >= 0.93


def test_the_p_value_is_fishers() -> None:
    answers, labels, _ = panel(2)
    for division in pluralism(answers, labels).divisions[::9]:
        (one, other) = division.shares
        table = [[round(s.share.value * s.share.n), round((1 - s.share.value) * s.share.n)]
                 for s in (one, other)]  # fmt: skip
        tails = [fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
        assert division.p_value == pytest.approx(min(1, 2 * min(tails)))


def test_newcombes_own_example() -> None:
    # Newcombe (1998), table II, (a): 56/70 against 48/80, method 10.
    assert newcombe((56, 70), (48, 80), confidence=0.95) == pytest.approx(
        (0.0524, 0.3339), abs=5e-5
    )


def test_what_would_tell_who_is_in_a_group_is_withheld() -> None:
    """Ten of each on three items: a clean split, one dissenter, and one of each group."""
    who, labels = np.arange(20), np.repeat(["old", "young"], 10)
    split = (who < 10).astype(float)
    lonely = np.where(who == 3, 0.0, 1.0)
    mixed = np.where((who == 3) | (who == 13), 0.0, 1.0)
    answers = Answers(np.repeat([1, 2, 3], 20), np.tile(who, 3), np.r_[split, lonely, mixed])
    found = adjusted_together([pluralism(answers, np.tile(labels, 3))])[0]
    told = without_telling(found, answers)
    assert [each.item for each in told.divisions] == [3]
    assert [each.item for each in told.consensus] == [3]
    assert (told.n_withheld, told.n_found_withheld) == (2, 1)
    assert told.verdict == found.verdict
    # Somebody of no group beside them, and the clean split tells nothing for sure.
    more = Answers(
        np.r_[answers.items, 1, 1], np.r_[answers.annotators, 20, 21], np.r_[answers.values, 0, 1]
    )
    found = pluralism(more, np.append(np.tile(labels, 3), ["", ""]))
    assert {each.item for each in without_telling(found, more).divisions} == {1, 3}


def test_consensus_is_what_every_group_leans_to() -> None:
    items = np.repeat([1, 2], 20)
    who = np.tile(np.arange(20), 2)
    labels = np.where(who < 12, "many", "few")
    values = np.where(items == 1, 1.0, (who < 12).astype(float))
    found = pluralism(Answers(items, who, values), labels)
    agreed, split = sorted(found.consensus, key=lambda each: each.item)
    assert agreed.side == 1
    assert agreed.first == pytest.approx((13 / 14) * (9 / 10))
    assert agreed.lowest.value == 1
    # A majority of twelve to eight, but no consensus: the smaller group wants the opposite.
    assert split.side == 0
    assert (split.lowest.value, split.lowest_group) in {(0, "few"), (0, "many")}
    assert found.consensus[0].item == 1
    mirrored = pluralism(Answers(items, who, 1 - values), labels)
    assert next(c for c in mirrored.consensus if c.item == 1).side == -1


def test_of_three_groups_the_choice_is_paid_for() -> None:
    answers, labels, _ = panel(3)
    three = np.where(answers.annotators % 4 == 1, "middle", labels)
    division = pluralism(answers, three).divisions[0]
    own = next(each.share for each in division.shares if each.name == division.group)
    others = [each.share for each in division.shares if each.name != division.group]
    rest = (round(sum(s.value * s.n for s in others)), sum(s.n for s in others))
    mine = (round(own.value * own.n), own.n)
    narrow = newcombe(mine, rest, confidence=0.95)
    assert division.low < narrow[0]
    assert division.high > narrow[1]


def test_groups_made_from_the_votes_are_described_not_tested() -> None:
    answers, labels, _ = panel(4, camp=2)
    found = pluralism(answers, labels, are_from_votes=True)
    assert all(each.p_value is None and not each.is_found for each in found.divisions)
    assert "no test of them" in found.verdict


def test_ties_and_small_groups_decide_nothing() -> None:
    none = Answers(np.arange(0), np.arange(0), np.zeros(0))
    assert "ask more people" in pluralism(none, np.array([], dtype=str)).verdict
    items, who = np.zeros(12, dtype=int), np.arange(12)
    labels = np.where(who < 4, "tiny", "big")
    found = pluralism(Answers(items, who, np.ones(12)), labels)
    assert (found.divisions, found.n_too_few) == ((), 1)
    assert "tiny" not in repr(found)
    tied = pluralism(Answers(items, who, np.full(12, 0.5)), np.where(who < 6, "a", "b"))
    assert tied.divisions == ()
    alike = pluralism(Answers(items, who, np.ones(12)), np.where(who < 6, "a", "b"))
    assert alike.divisions[0].difference == 0
    assert "On none of 1 items" in alike.verdict


def test_many_ways_to_group_people_are_tested_together() -> None:
    """Twenty meaningless groupings beside a real one: few false finds, the real ones stay."""
    answers, labels, divides = panel(1, camp=4)
    random = np.random.default_rng(5)
    nonsense = [
        pluralism(answers, random.choice(["x", "y"], 120)[answers.annotators]) for _ in range(20)
    ]
    real, *others = adjusted_together([pluralism(answers, labels), *nonsense])
    named = [each.item for each in real.divisions if each.is_found]
    assert len(named) >= 4
    assert np.mean(~divides[named]) <= 0.05
    false = sum(each.is_found for one in others for each in one.divisions)
    assert false <= 0.1 * len(named) + 1
    assert f"differ on {len(named)} items" in real.verdict


def test_an_item_is_found_exactly_where_a_division_of_it_is() -> None:
    answers, labels, _ = panel(3, camp=1.5)
    thirds = np.array(["a", "b", "c"])[answers.annotators % 3]
    found = adjusted_together([pluralism(answers, labels), pluralism(answers, thirds)])
    p_values: dict[int, list[float]] = {}
    for one in found:
        for each in one.divisions:
            p_values.setdefault(each.item, []).append(each.p_value)
    smallest = [min(1.0, len(p) * min(p)) for p in p_values.values()]
    chosen = {
        item for item, p in zip(p_values, benjamini_hochberg(smallest), strict=True) if p <= 0.05
    }
    assert chosen == {each.item for one in found for each in one.divisions if each.is_found}
    assert chosen
    assert adjusted_together([]) == ()
