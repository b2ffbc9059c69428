import numpy as np
import pytest

from annotation.core.answer_pairs import Answers
from annotation.core.opinion_map import opinion_map, silhouette_of
from tests.annotation.core.test_pluralism import panel


def test_camps_are_told_apart_without_their_labels() -> None:
    answers, _, _ = panel(1, camp=3)
    found = opinion_map(answers)
    assert found.n_clusters == 2
    right = [(place.cluster == "B") == (place.annotator_id % 3 == 0) for place in found.places]
    assert np.mean(right) > 0.9
    assert found.axes[0].p_value <= 0.05
    assert "2 camps (A with" in found.verdict


def test_noise_makes_no_camps() -> None:
    found = [opinion_map(panel(seed)[0]) for seed in range(5)]
    assert np.mean([one.n_clusters > 0 for one in found]) <= 0.2
    assert "no more than chance" in found[0].verdict


def test_axes_are_principal_components() -> None:
    random = np.random.default_rng(0)
    table = random.integers(0, 2, (20, 12)).astype(float)
    who, items = (index.ravel() for index in np.indices(table.shape))
    found = opinion_map(Answers(items, who, table.ravel()))
    left, sizes, _ = np.linalg.svd(table - table.mean(axis=0))
    assert found.axes[0].share == pytest.approx(sizes[0] ** 2 / np.sum(sizes**2))
    x = np.array([place.x for place in found.places])
    assert abs(x) == pytest.approx(abs(left[:, 0] * sizes[0]))


def test_the_same_seed_gives_the_same_map() -> None:
    answers, _, _ = panel(2, camp=2)
    assert opinion_map(answers, seed=3) == opinion_map(answers, seed=3)


def test_silhouettes_written_out() -> None:
    random = np.random.default_rng(0)
    places, labels = random.normal(size=(30, 2)), random.integers(0, 3, 30)
    values = []
    for i in range(30):
        distance = np.linalg.norm(places - places[i], axis=1)
        own = distance[(labels == labels[i]) & (np.arange(30) != i)].mean()
        other = min(distance[labels == k].mean() for k in range(3) if k != labels[i])
        values.append((other - own) / max(own, other))
    assert silhouette_of(places, labels) == pytest.approx(np.mean(values))


def test_too_few_and_all_alike_are_sentences() -> None:
    none = opinion_map(Answers(np.arange(0), np.arange(0), np.zeros(0)))
    assert "a map needs 12" in none.verdict
    who, items = (index.ravel() for index in np.indices((15, 8)))
    alike = opinion_map(Answers(items, who, np.ones(120)))
    assert "one opinion" in alike.verdict
    lonely = opinion_map(Answers(np.arange(120), who, np.ones(120)))
    assert lonely.n_left_out == 15
