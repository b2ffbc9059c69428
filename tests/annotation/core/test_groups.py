"""Groups against each other: sums written out in loops, labels dealt anew, real ratings."""

import csv
import os
from collections import defaultdict
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from annotation.core.answer_pairs import Answers, pairs_of
from annotation.core.groups import group_comparison

# Ratings that state no licence are not shipped: name the folder that holds data sets to use them.
RATINGS = Path(os.environ.get("ALIGNUI_DATASETS", ""), "popquorn", "offensiveness_raw_data.csv")


def panel(
    seed: int, *, offset: float = 0.0, camp: float = 0.0, people: int = 60, items: int = 50
) -> tuple[Answers, np.ndarray]:
    """Ratings 0..4 of items by people with levels of their own; every third is "old"."""
    random = np.random.default_rng(seed)
    who = np.concatenate([random.choice(people, 12, replace=False) for _ in range(items)])
    item = np.repeat(np.arange(items), 12)
    is_old = who % 3 == 0
    level = random.normal(2, 0.8, items)[item] + random.normal(0, 0.5, people)[who]
    level += np.where(is_old, offset, 0.0)
    level += np.where(is_old, camp, -camp) * np.where(item % 2, 1, -1)
    values = np.clip(np.round(level + random.normal(0, 0.5, len(who))), 0, 4)
    return Answers(item, who, values), np.where(is_old, "old", "young")


def test_agreement_of_two_people_is_one_less_their_mean_distance() -> None:
    answers, _ = panel(0, people=14, items=9)
    pairs = pairs_of(answers)
    by_item = defaultdict(dict)
    for item, who, value in zip(answers.items, answers.annotators, answers.values, strict=True):
        by_item[item][who] = value
    width = answers.values.max() - answers.values.min()
    seen, agreed = np.zeros((14, 14)), np.zeros((14, 14))
    for given in by_item.values():
        for a, b in combinations(given, 2):
            for one, two in ((a, b), (b, a)):
                seen[one, two] += 1
                agreed[one, two] += 1 - abs(given[a] - given[b]) / width
    assert pairs.seen.toarray() == pytest.approx(seen)
    assert pairs.agreed.toarray() == pytest.approx(agreed)


def test_offsets_and_agreement_are_the_sums_written_out() -> None:
    answers, labels = panel(1)
    found = group_comparison(answers, labels, attribute="age", draws=99)
    young, old = found.groups
    assert (young.name, old.name) == ("young", "old")
    means = {i: answers.values[answers.items == i].mean() for i in np.unique(answers.items)}
    shares = {i: (labels[answers.items == i] == "old").mean() for i in means}
    value = answers.values - [means[i] for i in answers.items]
    centred = (labels == "old") - np.array([shares[i] for i in answers.items])
    assert old.offset.value == pytest.approx(centred @ value / (centred @ centred))
    assert young.offset.value == pytest.approx(-old.offset.value)
    pairs = pairs_of(answers)
    is_old = np.arange(60) % 3 == 0
    inside, between = np.outer(is_old, is_old), np.outer(is_old, ~is_old)
    agreed, seen = pairs.agreed.toarray(), pairs.seen.toarray()
    assert old.within.value == pytest.approx(agreed[inside].sum() / seen[inside].sum())
    assert old.across.value == pytest.approx(agreed[between].sum() / seen[between].sum())
    assert old.gap.value == pytest.approx(old.within.value - old.across.value)
    left = []
    for person in range(60):
        kept = np.arange(60) != person
        w, c = inside & np.outer(kept, kept), between & np.outer(kept, kept)
        left.append(agreed[w].sum() / seen[w].sum() - agreed[c].sum() / seen[c].sum())
    error = np.sqrt(59 / 60 * np.sum((np.array(left) - np.mean(left)) ** 2))
    assert old.gap.high - old.gap.value == pytest.approx(2.0009953780882674 * error)


def test_a_planted_offset_and_two_camps_are_found() -> None:
    shifted = group_comparison(*panel(2, offset=0.8), attribute="age")
    assert shifted.groups[1].offset_p_adjusted <= 0.01
    assert shifted.groups[1].offset.low > 0.25
    assert "groups of age answer differently" in shifted.verdict
    camps = group_comparison(*panel(3, camp=0.6), attribute="age")
    assert camps.p_value <= 0.01
    assert camps.within > camps.across
    assert camps.worst is not None
    assert "one of them and one of the others" in camps.verdict


def test_labels_that_mean_nothing_are_seldom_found() -> None:
    found = [
        group_comparison(*panel(seed), attribute="age", draws=99, seed=seed) for seed in range(60)
    ]
    offsets = [min(row.offset_p_adjusted for row in each.groups) <= 0.05 for each in found]
    assert np.mean(offsets) <= 0.13
    assert np.mean([each.p_value <= 0.05 for each in found]) <= 0.13
    covered = [each.groups[0].offset.low <= 0 <= each.groups[0].offset.high for each in found]
    assert np.mean(covered) >= 0.87


def test_an_items_own_level_and_units_of_the_scale_do_not_matter() -> None:
    answers, labels = panel(4, offset=0.4)
    one = group_comparison(answers, labels, attribute="age", draws=99)
    moved = replace(answers, values=10 * answers.values + 7)
    other = group_comparison(moved, labels, attribute="age", draws=99)
    assert other.groups[0].offset.value == pytest.approx(10 * one.groups[0].offset.value)
    assert other.groups[0].within.value == pytest.approx(one.groups[0].within.value)
    assert other.p_value == one.p_value


def test_small_groups_are_neither_shown_nor_named() -> None:
    answers, labels = panel(5)
    labels = np.where(answers.annotators < 4, "tiny", labels)
    labels = np.where(answers.annotators == 59, "", labels)
    found = group_comparison(answers, labels, attribute="age", draws=99)
    assert (found.n_hidden, found.n_without) == (1, 1)
    assert "tiny" not in repr(found)
    alone = group_comparison(answers, np.where(labels == "old", "old", ""), attribute="age")
    assert alone.groups == ()
    assert "only one group has 5 annotators" in alone.verdict


def test_no_answer_and_no_shared_item() -> None:
    none = Answers(np.arange(0), np.arange(0), np.zeros(0))
    assert "no answer" in group_comparison(none, np.array([], dtype=str), attribute="age").verdict
    apart = Answers(np.arange(20), np.arange(20), np.ones(20))
    labels = np.where(np.arange(20) < 10, "a", "b")
    assert "cannot be compared" in group_comparison(apart, labels, attribute="age").verdict
    same = Answers(np.arange(20) // 4, np.arange(20), np.ones(20))
    alike = group_comparison(same, labels, attribute="age", draws=99)
    assert "No difference" in alike.verdict
    assert "nan" not in repr(alike)


@pytest.mark.skipif(not RATINGS.exists(), reason="POPQUORN's ratings are not in $ALIGNUI_DATASETS.")
def test_published_offsets_of_real_raters() -> None:
    """Pei and Jurgens (2023): Black raters find the same comments more offensive; men and women
    hardly differ; the oldest find them more offensive than others."""
    with RATINGS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    people = {name: at for at, name in enumerate(sorted({row["user_id"] for row in rows}))}
    answers = Answers(
        np.array([int(row["instance_id"]) for row in rows]),
        np.array([people[row["user_id"]] for row in rows]),
        np.array([float(row["offensiveness"]) for row in rows]),
    )

    def offset(attribute: str, groups: dict[str, str] | None = None) -> dict:
        labels = [(groups or {}).get(row[attribute], row[attribute]) for row in rows]
        found = group_comparison(answers, np.array(labels), attribute=attribute, draws=499)
        return {row.name: row for row in found.groups}

    black = offset("race")["Black or African American"]
    assert black.offset.value == pytest.approx(0.297, abs=0.005)
    assert black.offset.low > 0
    assert black.offset_p_adjusted <= 0.05
    women = offset("gender")["Woman"]
    assert women.offset.low < 0 < women.offset.high
    older = offset("age", {"60-64": "60 and older", ">65": "60 and older"})["60 and older"]
    assert older.offset.low > 0.05
