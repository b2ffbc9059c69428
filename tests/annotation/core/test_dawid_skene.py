import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.core.dawid_skene import Consensus, dawid_skene
from annotation.core.errors import Invalid
from annotation.core.labels import ALONE, NO_OVERLAP, NOTHING, TWO, UNIFORM, Labels, labels_from
from annotation.core.ratings import Ratings
from tests.annotation.core.conftest import golden_rows

EXACT = {"smoothing": 0.0, "tolerance": 1e-13, "most_rounds": 5000}


def labels(rows: list[tuple[int, int, int]], **more: object) -> Labels:
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return labels_from(Ratings(*table.T), **more)  # type: ignore[arg-type]


def crowd(
    n_items: int, accuracies: list[float], *, classes: int = 2, overlap: int = 5, seed: int = 0
) -> tuple[Labels, np.ndarray]:
    """Labels of random annotators on each item, and the truth."""
    random = np.random.default_rng(seed)
    truth = random.integers(classes, size=n_items)
    rows = []
    for item in range(n_items):
        for who in random.choice(len(accuracies), overlap, replace=False):
            wrong = (truth[item] + random.integers(1, classes)) % classes
            is_right = random.random() < accuracies[who]
            rows.append((item, int(who), int(truth[item] if is_right else wrong)))
    return labels(rows), truth


def plain_em(
    counts: np.ndarray, coins: bool = False, rounds: int = 20_000
) -> tuple[np.ndarray, np.ndarray, float]:
    """Dense EM, written out as in the paper: posteriors, prior and log-likelihood."""
    n_items, n_people, size = counts.shape
    posterior = counts.sum(axis=1) / counts.sum(axis=(1, 2))[:, None]
    last = -np.inf
    for _ in range(rounds):
        prior = posterior.mean(axis=0)
        tables = np.einsum("ic,ial->acl", posterior, counts)
        if coins:
            right = np.einsum("acc->a", tables) / tables.sum(axis=(1, 2))
            wrong = (1 - right) / (size - 1)
            tables = np.where(np.eye(size, dtype=bool), right[:, None, None], wrong[:, None, None])
        total = tables.sum(axis=2, keepdims=True)
        tables = np.divide(tables, total, out=np.full_like(tables, 1 / size), where=total > 0)
        joint = np.tile(prior, (n_items, 1))
        for item in range(n_items):
            for who in range(n_people):
                for value in range(size):
                    joint[item] *= tables[who, :, value] ** counts[item, who, value]
        posterior = joint / joint.sum(axis=1, keepdims=True)
        now = float(np.log(joint.sum(axis=1)).sum())
        if now - last < 1e-13 * abs(now):
            break
        last = now
    return posterior, prior, now


def dense(found: Labels) -> np.ndarray:
    counts = np.zeros((len(found.units), len(found.annotators), len(found.values)))
    np.add.at(counts, (found.unit_of, found.annotator_of, found.value_of), 1)
    return counts


@pytest.fixture(scope="module")
def anaesthesia() -> Labels:
    """Built by hand: the first observer's three answers to a patient count as three labels."""
    rows = [
        (patient, observer, int(grade) - 1)
        for patient, row in enumerate(golden_rows("dawid-skene-1979.csv"))
        for observer in range(5)
        for grade in row[f"observer{observer + 1}"]
    ]
    patients, observers, grades = np.array(rows).T
    known = np.full(45, -1)
    return Labels(np.arange(45), np.arange(5), np.arange(1, 5), patients, observers, grades, known)


def test_the_paper_s_patients(anaesthesia: Labels) -> None:
    found = dawid_skene(anaesthesia, form="full", **EXACT)  # type: ignore[arg-type]
    assert found.prior.round(2).tolist() == [0.40, 0.42, 0.11, 0.07]
    assert found.values.tolist()[:12] == [1, 4, 2, 2, 2, 2, 1, 3, 2, 2, 4, 3]


def test_the_paper_s_patients_by_plain_em(anaesthesia: Labels) -> None:
    posterior, prior, likelihood = plain_em(dense(anaesthesia))
    found = dawid_skene(anaesthesia, form="full", **EXACT)  # type: ignore[arg-type]
    assert found.log_likelihood == pytest.approx(likelihood, abs=1e-6)
    assert found.prior == pytest.approx(prior, abs=1e-5)
    assert found.probabilities == pytest.approx(posterior, abs=1e-5)


@pytest.mark.parametrize(("form", "classes"), [("full", 2), ("one coin", 2), ("one coin", 3)])
def test_plain_em_reaches_the_same_place(form: str, classes: int) -> None:
    given_labels, _ = crowd(60, [0.9, 0.8, 0.7, 0.6, 0.85, 0.75], classes=classes, seed=2)
    posterior, _, likelihood = plain_em(dense(given_labels), coins=form == "one coin")
    found = dawid_skene(given_labels, form=form, **EXACT)  # type: ignore[arg-type]
    assert found.log_likelihood == pytest.approx(likelihood, abs=1e-6)
    assert found.probabilities == pytest.approx(posterior, abs=1e-4)


def test_who_errs_weighs_less_than_the_majority_says() -> None:
    accuracies = [0.95, 0.95, 0.55, 0.55, 0.55, 0.55, 0.55]
    given_labels, truth = crowd(400, accuracies, overlap=7, seed=1)
    found = dawid_skene(given_labels)
    votes = dense(given_labels).sum(axis=1).argmax(axis=1)
    assert (found.values == truth).mean() > (votes == truth).mean() + 0.05
    assert found.accuracy == pytest.approx(accuracies, abs=0.06)
    assert found.is_converged


def test_who_has_few_labels_gets_one_coin() -> None:
    rows = [(item, who, (item + (who == 3)) % 2) for who in range(5) for item in range(40)]
    rows = [row for row in rows if row[1] != 4 or row[0] < 19]
    found = dawid_skene(labels(rows))
    assert found.is_full.tolist() == [True, True, True, True, False]
    assert found.confusion[4, 0, 1] == pytest.approx(found.confusion[4, 1, 0])
    assert found.accuracy[3] < 0.05


def test_gold_settles_what_a_majority_cannot() -> None:
    rows = [(item, who, int(who > 0)) for item in range(30) for who in range(3)]
    rows += [(item, who, int(who == 0)) for item in range(30, 60) for who in range(3)]
    gold = dict.fromkeys(range(30), 0) | dict.fromkeys(range(30, 45), 1)
    found = dawid_skene(labels(rows, known=gold), form="one coin")
    assert found.accuracy[0] > 0.95
    assert found.values.tolist() == [0] * 30 + [1] * 30
    assert found.probabilities[0].tolist() == [1, 0]


def test_left_out_forgets_one_label() -> None:
    given_labels, _ = crowd(50, [0.9, 0.7, 0.6, 0.8, 0.75], overlap=4, seed=4)
    found = dawid_skene(given_labels)
    left = found.left_out()
    for row in range(0, len(given_labels), 17):
        expected = found.prior.copy()
        for other in np.flatnonzero(given_labels.unit_of == given_labels.unit_of[row]):
            if other != row:
                who, value = given_labels.annotator_of[other], given_labels.value_of[other]
                expected *= found.confusion[who, :, value]
        assert left[row] == pytest.approx(expected / expected.sum())


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], NOTHING),
        ([(1, 1, 0), (2, 1, 1)], ALONE),
        ([(1, 1, 0), (2, 2, 1), (3, 3, 1)], NO_OVERLAP),
        ([(1, 1, 1), (1, 2, 1), (1, 3, 1)], UNIFORM),
        ([(1, 1, 0), (1, 2, 1), (2, 1, 1), (2, 2, 1), (3, 3, 1)], TWO),
    ],
)
def test_too_little_is_a_sentence(rows: list[tuple[int, int, int]], sentence: str) -> None:
    found = dawid_skene(labels(rows))
    assert found.why_not == sentence
    assert len(found.probabilities) == len(found.confusion) == 0


def test_islands_are_told() -> None:
    rows = [(10 * k + item, 5 * k + who, (item + who // 2) % 2)
            for k in range(2) for item in range(4) for who in range(3)]  # fmt: skip
    found = dawid_skene(labels(rows))
    assert found.islands.tolist() == [0, 0, 0, 1, 1, 1]
    assert "2 groups" in found.note


def test_a_second_answer_and_an_impossible_one_are_refused() -> None:
    with pytest.raises(Invalid, match="twice"):
        labels([(1, 1, 0), (1, 1, 1)])
    with pytest.raises(Invalid, match="not possible"):
        labels([(1, 1, 5)], values=[0, 1])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 2)), max_size=40))
def test_probabilities_are_probabilities(rows: list[tuple[int, int, int]]) -> None:
    distinct = {(item, who): value for item, who, value in rows}
    found = dawid_skene(labels([(*key, value) for key, value in distinct.items()]))
    if found.why_not:
        return
    check(found)


def check(found: Consensus) -> None:
    assert np.isfinite(found.log_likelihood)
    assert found.probabilities.sum(axis=1) == pytest.approx(1)
    assert found.confusion.sum(axis=2) == pytest.approx(1)
    assert found.left_out().sum(axis=1) == pytest.approx(1)


def test_the_names_of_items_annotators_and_values_do_not_matter() -> None:
    given_labels, _ = crowd(40, [0.9, 0.7, 0.6, 0.8, 0.75], seed=5)
    units, people = given_labels.unit_of, given_labels.annotator_of
    renamed = labels_from(Ratings(90 - units, 7 * people + 3, 1 - given_labels.value_of))
    one, two = dawid_skene(given_labels, tolerance=1e-12), dawid_skene(renamed, tolerance=1e-12)
    assert one.probabilities[::-1, ::-1] == pytest.approx(two.probabilities, abs=1e-5)
