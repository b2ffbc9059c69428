from collections import Counter
from itertools import permutations

import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.core.agreement import (
    Level,
    Ratings,
    annotator_agreement,
    krippendorff_alpha,
    percent_agreement,
    ratings_from,
    unit_agreement,
)
from annotation.core.errors import Invalid
from annotation.core.preferences import Verdict

# Four coders, twelve units, with gaps: Krippendorff, "Computing Krippendorff's alpha-reliability".
FOUR_CODERS = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
LEVELS: list[Level] = ["nominal", "ordinal", "interval", "ratio"]

Row = tuple[int, int, int]


def ratings(rows: list[Row], clusters: list[int] | None = None) -> Ratings:
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    grouped = None if clusters is None else np.array(clusters)
    return Ratings(table[:, 0], table[:, 1], table[:, 2], grouped)


def four_coders() -> list[Row]:
    return [
        (unit, coder, int(mark))
        for coder, marks in enumerate(FOUR_CODERS)
        for unit, mark in enumerate(marks)
        if mark != "."
    ]


def textbook_alpha(rows: list[Row], level: Level) -> float:
    """The definition, pair by pair, with none of the shortcuts of the code under test."""
    by_unit: dict[int, list[int]] = {}
    for unit, _, value in rows:
        by_unit.setdefault(unit, []).append(value)
    units = [values for values in by_unit.values() if len(values) > 1]
    total = Counter(value for values in units for value in values)
    n = sum(total.values())

    def distance(a: int, b: int) -> float:
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return float((a - b) ** 2)
        if level == "ratio":
            return ((a - b) / (a + b)) ** 2 if a + b else 0.0
        between = sum(total[v] for v in total if min(a, b) <= v <= max(a, b))
        return (between - (total[a] + total[b]) / 2) ** 2

    observed = sum(
        distance(a, b) / (len(values) - 1) for values in units for a, b in permutations(values, 2)
    )
    expected = sum(total[a] * total[b] * distance(a, b) for a in total for b in total) / (n - 1)
    return 1 - observed / expected


@pytest.mark.parametrize(
    ("level", "published"),
    [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)],
)
def test_krippendorffs_own_example(level: Level, published: float) -> None:
    estimate = krippendorff_alpha(ratings(four_coders()), level=level, seed=1)
    assert estimate.value == pytest.approx(published, abs=5e-7)
    assert (estimate.n_units, estimate.n_ratings, estimate.n_annotators) == (11, 40, 4)


def test_pandalm(panel_labels: list[dict[str, str]]) -> None:
    rows = [
        (int(row["pair"]), k, int(row[f"annotator{k}"])) for row in panel_labels for k in (1, 2, 3)
    ]
    estimate = krippendorff_alpha(ratings(rows), seed=1)
    assert estimate.value == pytest.approx(0.8642, abs=5e-5)
    assert (estimate.n_units, estimate.n_ratings, estimate.n_annotators) == (999, 2997, 3)


def test_the_crowd(crowd_votes: list[dict[str, str]]) -> None:
    code = {"left": 1, "tie": 0, "right": -1}
    rows = [(int(v["pair"]), int(v["worker"]), code[v["winner"]]) for v in crowd_votes]
    estimate = krippendorff_alpha(ratings(rows), seed=1)
    assert estimate.value == pytest.approx(0.2906, abs=5e-5)
    assert estimate.n_ratings == 8931 - 15
    assert estimate.low < 0.2906 < estimate.high
    by_prompt = krippendorff_alpha(
        ratings(rows, clusters=[int(v["prompt"]) for v in crowd_votes]), seed=1
    )
    assert by_prompt.value == pytest.approx(estimate.value)
    assert by_prompt.high - by_prompt.low > 2 * (estimate.high - estimate.low)
    assert "rough" in by_prompt.note


@st.composite
def sparse_ratings(draw: st.DrawFn) -> list[Row]:
    units, annotators = draw(st.integers(2, 8)), draw(st.integers(2, 5))
    cells = draw(
        st.lists(
            st.tuples(st.integers(0, units - 1), st.integers(0, annotators - 1)),
            unique=True,
            min_size=2,
            max_size=units * annotators,
        )
    )
    marks = draw(st.lists(st.integers(-3, 3), min_size=len(cells), max_size=len(cells)))
    return [(unit, who, mark) for (unit, who), mark in zip(cells, marks, strict=True)]


@settings(max_examples=80)
@given(sparse_ratings(), st.sampled_from(LEVELS))
def test_two_independent_implementations_agree(rows: list[Row], level: Level) -> None:
    if level == "ratio":
        rows = [(unit, who, abs(mark)) for unit, who, mark in rows]
    estimate = krippendorff_alpha(ratings(rows), level=level, seed=1, resamples=10)
    if estimate.value is None:
        assert estimate.note
        return
    assert estimate.value == pytest.approx(textbook_alpha(rows, level), abs=1e-9)
    matrix = pd.DataFrame(rows, columns=["unit", "who", "mark"]).pivot(
        index="who", columns="unit", values="mark"
    )
    theirs = evalica.alpha(matrix, distance=level, solver="naive").alpha
    assert estimate.value == pytest.approx(theirs, abs=1e-9)


@settings(max_examples=40)
@given(sparse_ratings(), st.sampled_from(LEVELS[:3]), st.randoms(use_true_random=False))
def test_names_and_row_order_do_not_matter(rows: list[Row], level: Level, random) -> None:
    renamed = [(900 - 7 * unit, 50 - who, mark) for unit, who, mark in rows]
    random.shuffle(renamed)
    first = krippendorff_alpha(ratings(rows), level=level, seed=1, resamples=10)
    second = krippendorff_alpha(ratings(renamed), level=level, seed=1, resamples=10)
    assert first.value == pytest.approx(second.value)
    assert first.note == second.note


def noisy(units: int, annotators: int, seed: int, noise: float = 0.4) -> list[Row]:
    random = np.random.default_rng(seed)
    truth = random.integers(-1, 2, units)
    marks = np.where(
        random.random((units, annotators)) < noise,
        random.integers(-1, 2, (units, annotators)),
        truth[:, None],
    )
    return [(u, a, int(marks[u, a])) for u in range(units) for a in range(annotators)]


def test_the_interval_equals_a_plain_bootstrap_of_units() -> None:
    rows = noisy(60, 3, seed=4)
    estimate = krippendorff_alpha(ratings(rows), seed=2, resamples=4000)
    random = np.random.default_rng(9)
    by_unit = [[row for row in rows if row[0] == unit] for unit in range(60)]
    figures = []
    for _ in range(500):
        drawn = random.integers(60, size=60)
        sample = [(k, who, mark) for k, u in enumerate(drawn) for _, who, mark in by_unit[u]]
        figures.append(textbook_alpha(sample, "nominal"))
    assert (estimate.low, estimate.high) == pytest.approx(
        tuple(np.quantile(figures, [0.025, 0.975])), abs=0.035
    )


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = krippendorff_alpha(ratings(noisy(40_000, 3, seed=0)), seed=1, resamples=10).value
    inside = 0
    for seed in range(200):
        estimate = krippendorff_alpha(ratings(noisy(80, 3, seed + 1)), seed=seed, resamples=300)
        inside += estimate.low <= truth <= estimate.high
    assert 178 <= inside <= 199


def test_clusters_that_are_units_change_nothing() -> None:
    rows = noisy(50, 3, seed=1)
    plain = krippendorff_alpha(ratings(rows), seed=5)
    assert krippendorff_alpha(ratings(rows, [row[0] for row in rows]), seed=5) == plain


def test_dependent_items_widen_the_interval() -> None:
    rows = [(10 * unit + k, who, mark) for unit, who, mark in noisy(30, 3, 6) for k in range(10)]
    apart = krippendorff_alpha(ratings(rows), seed=1)
    together = krippendorff_alpha(ratings(rows, [row[0] // 10 for row in rows]), seed=1)
    assert together.high - together.low > 2.5 * (apart.high - apart.low)
    assert "groups of items" in together.method


def test_the_seed_is_recorded_and_repeats_the_interval() -> None:
    rows = ratings(noisy(50, 3, seed=1))
    first, again = (krippendorff_alpha(rows, seed=2**61 + 5) for _ in range(2))
    assert first == again
    assert (first.seed, first.resamples, first.level) == (2**61 + 5, 1000, "nominal")
    assert krippendorff_alpha(rows, seed=3).low != first.low


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "Nothing has been judged"),
        ([(1, 1, 0), (2, 1, 1)], "Only one annotator"),
        ([(1, 1, 0), (2, 2, 1)], "No item has been judged by two"),
        ([(1, 1, 0), (1, 2, 1)], "Only one item"),
        ([(1, 1, 0), (1, 2, 0), (2, 1, 0), (2, 2, 0)], "Every answer is the same"),
    ],
)
def test_what_cannot_be_told_is_said_in_words(rows: list[Row], says: str) -> None:
    estimate = krippendorff_alpha(ratings(rows), seed=1)
    assert (estimate.value, estimate.low, estimate.high) == (None, None, None)
    assert says in estimate.note


def test_almost_equal_answers_have_a_figure_but_no_interval() -> None:
    rows = [(unit, who, 0) for unit in range(30) for who in (1, 2)]
    rows[0] = (0, 1, 1)
    estimate = krippendorff_alpha(ratings(rows), seed=1)
    assert estimate.value == pytest.approx(textbook_alpha(rows, "nominal"))
    assert (estimate.low, estimate.high) == (None, None)
    assert "hardly differ" in estimate.note


def test_one_group_has_a_figure_but_no_interval() -> None:
    estimate = krippendorff_alpha(ratings(noisy(9, 2, 1), clusters=[1] * 18), seed=1)
    assert estimate.value is not None
    assert estimate.low is None
    assert "one group" in estimate.note


def test_a_second_answer_to_the_same_item_is_refused() -> None:
    with pytest.raises(Invalid, match="twice"):
        krippendorff_alpha(ratings([(1, 1, 0), (1, 1, 1)]), seed=1)


def test_too_many_values_are_refused() -> None:
    rows = [(unit, who, unit) for unit in range(30) for who in (1, 2)]
    with pytest.raises(Invalid, match="30 different values"):
        krippendorff_alpha(ratings(rows), seed=1)


def test_percent_agreement_by_hand() -> None:
    rows = [(1, 1, 0), (1, 2, 0), (1, 3, 1), (2, 1, 1), (2, 2, 1), (3, 1, 0)]
    estimate = percent_agreement(ratings(rows), seed=1)
    assert estimate.value == pytest.approx((1 / 3 + 1) / 2)
    assert (estimate.n_units, estimate.n_ratings) == (2, 5)
    assert percent_agreement(ratings([]), seed=1).value is None


def test_everyone_agreeing_on_thirty_items_is_one_but_not_certain() -> None:
    rows = [(unit, who, unit % 2) for unit in range(30) for who in (1, 2)]
    estimate = percent_agreement(ratings(rows), seed=1)
    assert (estimate.value, estimate.high) == (1, 1)
    assert estimate.low == pytest.approx(30 / (30 + 1.96**2), abs=1e-4)
    assert "Wilson" in estimate.note
    alpha = krippendorff_alpha(ratings(rows), seed=1)
    assert (alpha.value, alpha.low) == (1, None)
    assert "hardly differ" in alpha.note


def test_each_annotator_with_the_rest() -> None:
    rows = [(1, 10, 0), (1, 11, 0), (1, 12, 1), (2, 10, 1), (2, 11, 1), (3, 12, 5)]
    figures = {row.annotator_id: row.agreement for row in annotator_agreement(ratings(rows))}
    assert figures[10].value == pytest.approx((0.5 + 1) / 2)
    assert figures[10].n == 2
    assert figures[12].value == 0
    assert figures[12].n == 1
    assert figures[12].low == 0
    assert 0.5 < figures[12].high < 1
    assert annotator_agreement(ratings([])) == ()


def test_contested_items_come_first() -> None:
    rows = [(1, 1, 0), (1, 2, 0), (2, 1, 1), (2, 2, 0), (3, 1, 1)]
    rows += [(4, 1, 1), (4, 2, 0), (4, 3, 0), (5, 1, 2), (5, 2, 1), (5, 3, 0)]
    found = [(unit.unit_id, unit.n, unit.agreement) for unit in unit_agreement(ratings(rows))]
    assert found == [(5, 3, 0), (2, 1, 0), (4, 3, pytest.approx(1 / 3)), (1, 1, 1)]
    assert unit_agreement(ratings([])) == ()


def verdict(comparison: int, annotator: int, groups, strength: int | None = None) -> Verdict:
    size = sum(map(len, groups))
    return Verdict(
        judgment_id=100 * comparison + annotator,
        comparison_id=comparison,
        prompt_id=comparison // 2,
        completion_ids=tuple(range(size)),
        annotator_id=annotator,
        groups=groups,
        display_order=tuple(range(size)),
        strength=strength,
    )


def test_verdicts_become_ratings_of_pairs() -> None:
    table = ratings_from(
        [verdict(4, 1, ((1,), (0, 2))), verdict(4, 2, ((0,), (1,), (2,))), verdict(5, 1, ((0, 1),))]
    )
    assert table.values.tolist() == [-1, 0, 1, 1, 1, 1, 0]
    assert table.units.tolist() == [0, 1, 2, 0, 1, 2, 3]
    assert table.clusters is not None
    assert table.clusters.tolist() == [4] * 6 + [5]
    by_prompt = ratings_from([verdict(4, 1, ((0, 1),)), verdict(5, 1, ((0, 1),))], by_prompt=True)
    assert by_prompt.clusters is not None
    assert by_prompt.clusters.tolist() == [2, 2]


def test_strength_stretches_the_scale() -> None:
    table = ratings_from(
        [verdict(1, 1, ((0,), (1,)), 3), verdict(1, 2, ((1,), (0,)), 2), verdict(1, 3, ((0, 1),))],
        with_strength=True,
    )
    assert table.values.tolist() == [3, -2, 0]
    assert ratings_from([]).units.shape == (0,)
