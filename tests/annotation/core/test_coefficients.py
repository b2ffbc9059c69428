"""Published values, and the textbook's definitions in plain loops."""

from itertools import combinations

import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.core.agreement import (
    agreement_between,
    agreement_figures,
    brennan_prediger,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac,
    krippendorff_alpha,
)
from annotation.core.agreement_readings import is_too_few, reading
from annotation.core.coefficients import Weighting, agreement_weights
from annotation.core.errors import Invalid
from annotation.core.ratings import Ratings

FOUR_CODERS = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
# Ten subjects, five categories, fourteen raters: Fleiss's method as it is usually shown.
FOURTEEN_RATERS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
WEIGHTINGS: list[Weighting] = ["identity", "linear", "quadratic", "ordinal"]

Row = tuple[int, int, int]


def ratings(rows: list[Row]) -> Ratings:
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Ratings(table[:, 0], table[:, 1], table[:, 2])


def four_coders() -> Ratings:
    return ratings(
        [
            (unit, coder, int(mark))
            for coder, marks in enumerate(FOUR_CODERS)
            for unit, mark in enumerate(marks)
            if mark != "."
        ]
    )


def fourteen_raters() -> Ratings:
    rows: list[Row] = []
    for unit, counts in enumerate(FOURTEEN_RATERS):
        marks = [value for value, times in enumerate(counts) for _ in range(times)]
        rows += [(unit, who, mark) for who, mark in enumerate(marks)]
    return ratings(rows)


def two_raters(table: list[list[int]]) -> Ratings:
    """Two annotators, 1 and 2, from how often each pair of values was given."""
    cells = [(a, b) for a, row in enumerate(table) for b, n in enumerate(row) for _ in range(n)]
    rows: list[Row] = []
    for unit, (a, b) in enumerate(cells):
        rows += [(unit, 1, a), (unit, 2, b)]
    return ratings(rows)


def panel(panel_labels: list[dict[str, str]]) -> Ratings:
    return ratings(
        [(int(r["pair"]), k, int(r[f"annotator{k}"])) for r in panel_labels for k in (1, 2, 3)]
    )


def by_definition(given: Ratings, chance: str, weighting: Weighting) -> float | None:
    """Unit by unit and pair by pair, with none of the shortcuts of the code under test."""
    values = sorted(set(given.values.tolist()))
    q, low, high = len(values), min(values), max(values)

    def weight(a: int, b: int) -> float:
        if a == b:
            return 1.0
        steps = abs(values.index(a) - values.index(b))
        return {
            "identity": 0.0,
            "linear": 1 - abs(a - b) / (high - low),
            "quadratic": 1 - (a - b) ** 2 / (high - low) ** 2,
            "ordinal": 1 - (steps * (steps + 1)) / (q * (q - 1)),
        }[weighting]

    units: dict[int, list[int]] = {}
    for unit, value in zip(given.units.tolist(), given.values.tolist(), strict=True):
        units.setdefault(unit, []).append(value)
    shares = []
    for marks in units.values():
        if len(marks) > 1:
            pairs = list(combinations(marks, 2))
            shares.append(sum(weight(a, b) for a, b in pairs) / len(pairs))
    observed = sum(shares) / len(shares)
    p = {v: sum(m.count(v) / len(m) for m in units.values()) / len(units) for v in values}
    total = sum(weight(a, b) for a in values for b in values)
    expected = {
        "gwet": total / (q * (q - 1)) * sum(p[v] * (1 - p[v]) for v in values),
        "fleiss": sum(weight(a, b) * p[a] * p[b] for a in values for b in values),
        "brennan-prediger": total / q**2,
    }[chance]
    return (observed - expected) / (1 - expected) if abs(1 - expected) > 1e-12 else None


def test_four_coders_in_every_coefficient() -> None:
    figures = agreement_figures(four_coders(), seed=1, resamples=100)
    assert figures.alpha.value == pytest.approx(0.743421, abs=1e-6)
    assert figures.ac.value == pytest.approx(0.77544, abs=1e-5)
    assert figures.fleiss.value == pytest.approx(0.76117, abs=1e-5)
    assert figures.brennan_prediger.value == pytest.approx(0.77273, abs=1e-5)
    assert (figures.alpha.n_alone, figures.alpha.missing) == (1, pytest.approx(1 - 40 / 44))
    quadratic, linear = (
        gwet_ac(four_coders(), seed=1, weighting=weighting, resamples=0).value
        for weighting in ("quadratic", "linear")
    )
    assert quadratic == pytest.approx(0.91400, abs=1e-5)
    assert linear == pytest.approx(0.85874, abs=1e-5)


def test_fourteen_raters() -> None:
    assert fleiss_kappa(fourteen_raters(), seed=1).value == pytest.approx(0.20993, abs=1e-5)


def test_two_raters() -> None:
    estimate = cohen_kappa(two_raters([[20, 5], [10, 15]]), first=1, second=2, seed=1)
    assert estimate.value == pytest.approx(0.4, abs=1e-12)
    assert (estimate.n_units, estimate.n_annotators) == (50, 2)
    assert 0.10 < estimate.low < 0.2 < 0.6 < estimate.high < 0.68


def test_the_prevalence_paradox_is_explained() -> None:
    paradox = two_raters([[118, 5], [2, 0]])
    assert cohen_kappa(paradox, first=1, second=2, seed=1).value == pytest.approx(-0.0234, abs=5e-5)
    figures = agreement_figures(paradox, seed=1)
    assert figures.ac.value == pytest.approx(0.94078, abs=1e-5)
    assert (figures.commonest, figures.commonest_share) == (0, pytest.approx(243 / 250))
    assert "prevalence paradox" in figures.parting
    assert "97%" in figures.parting
    assert agreement_figures(four_coders(), seed=1).parting == ""


def test_pandalm(panel_labels: list[dict[str, str]]) -> None:
    given = panel(panel_labels)
    figures = agreement_figures(given, seed=1)
    assert figures.alpha.value == pytest.approx(0.8642, abs=5e-5)
    assert figures.ac.value == pytest.approx(0.8864, abs=5e-5)
    kappas = [
        cohen_kappa(given, first=a, second=b, seed=1, resamples=0).value
        for a, b in [(1, 2), (1, 3), (2, 3)]
    ]
    assert sorted(kappas) == pytest.approx(sorted([0.852, 0.879, 0.862]), abs=5e-4)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("chance", ["gwet", "fleiss", "brennan-prediger"])
def test_published_data_by_definition(
    chance: str, weighting: Weighting, panel_labels: list[dict[str, str]]
) -> None:
    figure = {"gwet": gwet_ac, "fleiss": fleiss_kappa, "brennan-prediger": brennan_prediger}[chance]
    for data in (four_coders(), fourteen_raters(), panel(panel_labels)):
        found = figure(data, seed=1, weighting=weighting, resamples=0).value
        assert found == pytest.approx(by_definition(data, chance, weighting), abs=1e-9)


def test_the_crowd_against_evalica(crowd_votes: list[dict[str, str]]) -> None:
    code = {"left": 1, "tie": 0, "right": -1}
    rows = [(int(v["pair"]), int(v["worker"]), code[v["winner"]]) for v in crowd_votes]
    frame = pd.DataFrame(rows, columns=["unit", "who", "mark"])
    matrix = frame.pivot(index="who", columns="unit", values="mark")
    for level in ("nominal", "ordinal", "interval"):
        found = krippendorff_alpha(ratings(rows), seed=1, level=level, resamples=0).value
        assert found == pytest.approx(evalica.alpha(matrix, distance=level).alpha, abs=1e-9)
    assert gwet_ac(ratings(rows), seed=1, resamples=0).value == pytest.approx(
        by_definition(ratings(rows), "gwet", "identity"), abs=1e-9
    )


@st.composite
def sparse_ratings(draw: st.DrawFn) -> Ratings:
    cell = st.tuples(st.integers(0, 7), st.integers(0, 4))
    cells = draw(st.lists(cell, unique=True, min_size=2, max_size=40))
    marks = draw(st.lists(st.integers(0, 5), min_size=len(cells), max_size=len(cells)))
    return ratings([(unit, who, mark) for (unit, who), mark in zip(cells, marks, strict=True)])


@settings(max_examples=60)
@given(sparse_ratings(), st.sampled_from(["gwet", "fleiss"]), st.sampled_from(WEIGHTINGS))
def test_any_ratings_by_definition_or_a_sentence(
    given: Ratings, chance: str, weighting: Weighting
) -> None:
    figure = gwet_ac if chance == "gwet" else fleiss_kappa
    estimate = figure(given, seed=1, weighting=weighting, resamples=50)
    if estimate.value is None:
        assert estimate.note
        return
    assert estimate.value == pytest.approx(by_definition(given, chance, weighting), abs=1e-9)
    if estimate.low is None or estimate.high is None:
        assert estimate.note
    else:
        assert estimate.low <= estimate.value <= estimate.high <= 1
    assert "nan" not in reading(estimate)


@settings(max_examples=60)
@given(sparse_ratings(), st.integers(0, 4), st.integers(0, 4), st.sampled_from(WEIGHTINGS))
def test_cohen_by_definition(given: Ratings, a: int, b: int, weighting: Weighting) -> None:
    if a == b:
        with pytest.raises(Invalid, match="in common"):
            cohen_kappa(given, first=a, second=b, seed=1)
        return
    estimate = cohen_kappa(given, first=a, second=b, seed=1, weighting=weighting, resamples=50)
    marks: dict[int, dict[int, int]] = {a: {}, b: {}}
    rows = zip(given.units.tolist(), given.annotators.tolist(), given.values.tolist(), strict=True)
    for unit, who, mark in rows:
        if who in marks:
            marks[who][unit] = mark
    both = sorted(marks[a].keys() & marks[b].keys())
    assert estimate.n_units == len(both)
    if estimate.value is None:
        assert estimate.note
        return
    values = np.unique([*marks[a].values(), *marks[b].values()])
    w = agreement_weights(values, weighting)
    place = {int(value): k for k, value in enumerate(values)}
    pairs = [(place[marks[a][unit]], place[marks[b][unit]]) for unit in both]
    observed = sum(w[i, j] for i, j in pairs) / len(both)
    chance = sum(w[i, j] for i, _ in pairs for _, j in pairs) / len(both) ** 2
    assert estimate.value == pytest.approx((observed - chance) / (1 - chance), abs=1e-9)


def test_a_group_against_a_judge() -> None:
    """Two people and a judge: the judge meets the mean of the people, who disagree once."""
    rows = [(u, who, mark) for u in range(4) for who, mark in [(1, u % 2), (2, u % 2), (9, u % 2)]]
    rows[1] = (0, 2, 1)
    estimate = agreement_between(ratings(rows), firsts=[1, 2], seconds=[9], seed=1)
    observed, people_one = 3.5 / 4, 2.5 / 4
    chance = people_one / 2 + (1 - people_one) / 2
    assert estimate.value == pytest.approx((observed - chance) / (1 - chance))
    assert (estimate.n_units, estimate.n_ratings) == (4, 12)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "Nothing has been judged"),
        ([(1, 1, 0), (2, 1, 1)], "Only one annotator"),
        ([(1, 1, 0), (2, 2, 1)], "No item has been judged by two"),
        ([(1, 1, 0), (1, 2, 1)], "Only one item"),
        ([(u, who, 0) for u in range(9) for who in (1, 2)], "Every answer is the same"),
    ],
)
def test_what_cannot_be_told_is_said_in_words(rows: list[Row], says: str) -> None:
    figures = agreement_figures(ratings(rows), seed=1, categories=[-1, 0, 1])
    for estimate in (figures.alpha, figures.ac, figures.fleiss, figures.brennan_prediger):
        assert (estimate.value, estimate.low, estimate.high) == (None, None, None)
        assert says in reading(estimate)
        assert is_too_few(estimate)
    assert figures.parting == ""


def test_categories_that_nobody_chose_count_for_chance() -> None:
    given = two_raters([[20, 5], [10, 15]])
    plain = gwet_ac(given, seed=1, resamples=0).value
    third = gwet_ac(given, seed=1, categories=[0, 1, 2], resamples=0).value
    assert plain is not None
    assert third is not None
    p = 55 / 100
    chance = p * (1 - p)  # (1 / (q - 1)) Σ p (1 - p), with q = 3
    assert third == pytest.approx((0.7 - chance) / (1 - chance))
    assert third > plain
    with pytest.raises(Invalid, match="none of the 2"):
        gwet_ac(given, seed=1, categories=[1, 2])


def test_bad_scales_are_refused() -> None:
    with pytest.raises(Invalid, match="starts at zero"):
        krippendorff_alpha(ratings([(1, 1, -1), (1, 2, 1)]), seed=1, level="ratio")
    ragged = Ratings(np.arange(3), np.arange(2), np.arange(3))
    with pytest.raises(Invalid, match="equally many"):
        krippendorff_alpha(ragged, seed=1)
