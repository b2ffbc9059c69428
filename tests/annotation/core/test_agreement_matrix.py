"""All pairs at once must be what each pair is alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.core import agreement_matrix as module
from annotation.core.agreement import cohen_kappa
from annotation.core.agreement_matrix import agreement_matrix
from annotation.core.coefficients import Weighting
from annotation.core.ratings import Ratings

Row = tuple[int, int, int]


def ratings(rows: list[Row]) -> Ratings:
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Ratings(table[:, 0], table[:, 1], table[:, 2])


def crowd(units: int, annotators: int, each: int, seed: int = 0) -> Ratings:
    random = np.random.default_rng(seed)
    rows = []
    for unit in range(units):
        truth = random.integers(3)
        for who in random.permutation(annotators)[:each]:
            mark = truth if random.random() < 0.6 else random.integers(3)
            rows.append((unit, 100 + int(who), int(mark)))
    return ratings(rows)


@settings(max_examples=30)
@given(
    st.integers(2, 60),
    st.integers(2, 6),
    st.integers(1, 6),
    st.sampled_from(["identity", "linear", "quadratic", "ordinal"]),
    st.integers(0, 1000),
)
def test_every_pair_equals_its_own_kappa(
    units: int, people: int, each: int, weighting: Weighting, seed: int
) -> None:
    rows = crowd(units, people, min(each, people), seed)
    values = sorted(set(rows.values.tolist()))
    matrix = agreement_matrix(rows, weighting=weighting, categories=values, least=2)
    for pair in matrix.pairs():
        alone = cohen_kappa(
            rows, first=pair.first, second=pair.second, seed=1, resamples=0,
            weighting=weighting, categories=values,
        )  # fmt: skip
        assert pair.n == alone.n_units
        if pair.n >= 2:
            assert pair.kappa == (
                None if alone.value is None else pytest.approx(alone.value, abs=1e-9)
            )
        assert (pair.kappa is not None) or pair.note
        assert pair.low is None or pair.low <= pair.kappa <= pair.high


def test_blocks_of_a_dense_crowd_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = crowd(200, 12, 6)
    usual = agreement_matrix(rows)
    monkeypatch.setattr(module, "DENSE_BLOCK", 7)
    monkeypatch.setattr(module, "CHUNK_CELLS", 300)
    assert agreement_matrix(rows).kappa_grid() == usual.kappa_grid()
    sparse = crowd(400, 60, 2)
    assert agreement_matrix(sparse, least=1).n.sum() == 400 * 4


def test_the_panel(panel_labels: list[dict[str, str]]) -> None:
    rows = ratings(
        [(int(r["pair"]), k, int(r[f"annotator{k}"])) for r in panel_labels for k in (1, 2, 3)]
    )
    matrix = agreement_matrix(rows)
    kappas = [pair.kappa for pair in matrix.pairs()]
    assert sorted(kappas) == pytest.approx([0.852, 0.862, 0.879], abs=5e-4)
    assert matrix.n.tolist() == [[999] * 3] * 3
    assert matrix.kappa_grid()[1][1] is None
    alone = cohen_kappa(rows, first=1, second=2, seed=1, resamples=4000)
    asymptotic = matrix.pair(0, 1)
    assert (asymptotic.low, asymptotic.high) == (
        pytest.approx(alone.low, abs=0.005),
        pytest.approx(alone.high, abs=0.005),
    )


def test_the_standard_error_is_that_of_the_textbook() -> None:
    """A table of 2 x 2: Fleiss, Cohen and Everitt's formula written out cell by cell."""
    table = np.array([[20.0, 5], [10, 15]])
    p, kappa, chance = table / 50, 0.4, 0.5
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    first = sum(p[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in range(2))
    second = (1 - kappa) ** 2 * sum(
        p[i, j] * (columns[i] + rows[j]) ** 2 for i in range(2) for j in range(2) if i != j
    )
    variance = (first + second - (kappa - chance * (1 - kappa)) ** 2) / (50 * (1 - chance) ** 2)
    found = module.kappa_errors(table[None], np.eye(2))[0]
    assert found == pytest.approx(np.sqrt(variance))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "Nothing has been judged"),
        ([(1, 1, 0), (2, 1, 1)], "Only one annotator"),
        ([(1, 1, 0), (2, 2, 1)], "No item has been judged by two"),
    ],
)
def test_no_pair_at_all_is_said_in_words(rows: list[Row], says: str) -> None:
    matrix = agreement_matrix(ratings(rows))
    assert says in matrix.note
    assert list(matrix.pairs()) == []


def test_a_pair_without_a_figure_says_why() -> None:
    rows = [(u, who, 0) for u in range(12) for who in (1, 2)]
    rows += [(50 + u, 3, u % 2) for u in range(9)] + [(0, 3, 0)]
    matrix = agreement_matrix(ratings(rows))
    assert "one and the same value" in matrix.pair(0, 1).note
    assert matrix.pair(0, 1).agreement == 1
    assert "1 items in common" in matrix.pair(0, 2).note
    assert matrix.pair(0, 2).kappa is None
    apart = agreement_matrix(ratings([(1, 1, 0), (1, 2, 0), (2, 3, 0)])).pair(0, 2)
    assert (apart.n, apart.note) == (0, "These two have no item in common.")
