import numpy as np
import pytest
from scipy.special import expit

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


def test_degrees_of_opinion_are_no_camps() -> None:
    """One opinion that people hold more or less of: k-means alone parts it every time."""
    claimed = []
    for seed in range(4):
        random = np.random.default_rng(seed)
        who = np.concatenate([random.choice(60, 20, replace=False) for _ in range(40)])
        items = np.repeat(np.arange(40), 20)
        leaning = random.choice([-1, 1], 40)[items] * random.normal(size=60)[who]
        votes = (random.random(len(who)) < expit(1.2 * leaning)).astype(float)
        claimed.append(opinion_map(Answers(items, who, votes), seed=seed).n_clusters > 0)
    assert np.mean(claimed) <= 0.25


def test_a_few_stragglers_are_no_camp(crowd_votes: list[dict[str, str]]) -> None:
    """Five votes can lie far out by chance; the crowd study has such people and no camps."""
    pairs = np.unique([vote["pair"] for vote in crowd_votes], return_inverse=True)[1]
    who = np.unique([vote["worker"] for vote in crowd_votes], return_inverse=True)[1]
    value = {"left": 1.0, "right": 0.0}
    values = np.array([value.get(vote["winner"], 0.5) for vote in crowd_votes])
    for seed in range(2):
        found = opinion_map(Answers(pairs, who, values), seed=seed)
        assert found.n_clusters == 0
        assert "by degrees" in found.verdict


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
