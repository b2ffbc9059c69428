"""Labels saved: of curves that are known, and of arms whose worth is planted."""

import numpy as np
import pytest

from rewardmodel.core.curves import saved, share_saved
from rewardmodel.core.maps import flat_map
from rewardmodel.core.quick_fit import quick_fit
from rewardmodel.core.savings import Labels, labels_saved

LABELS = np.arange(20, 420, 20)


def falling(speed: float) -> np.ndarray:
    return 0.5 + np.exp(-speed * LABELS / 100)


def test_a_curve_that_falls_twice_as_fast_saves_half() -> None:
    assert share_saved(LABELS, falling(2), falling(1)) == pytest.approx(0.5, abs=0.01)
    assert share_saved(LABELS, falling(1), falling(2)) == pytest.approx(-0.5, abs=0.01)
    assert share_saved(LABELS, falling(1), falling(1)) == pytest.approx(0)


def test_the_interval_holds_the_figure_and_the_null_is_about_nothing() -> None:
    random = np.random.default_rng(1)

    def replays(speed: float) -> np.ndarray:
        return falling(speed) + random.normal(size=(20, len(LABELS))) / 100

    chance = np.array([replays(1) for _ in range(4)])
    found = saved(LABELS, replays(2), chance, seed=1)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(0.5, abs=0.1)
    assert found.null_high < found.low
    assert found.is_real
    again = saved(LABELS, replays(1), chance, seed=1)
    assert not again.is_real
    many = np.concatenate([chance, [replays(1) for _ in range(8)]])
    steadier = np.mean([replays(2) for _ in range(4)], axis=0)
    calm = saved(LABELS, steadier, many, seed=1, together=4)
    assert 0 <= calm.null_high < found.null_high
    assert calm.high - calm.low < found.high - found.low


def arm(n: int, seed: int, *, spread: float, prompts: int = 40) -> Labels:
    """Votes on a planted linear reward; wider differences tell more."""
    random = np.random.default_rng(seed)
    x = spread * random.normal(size=(n, 5))
    chance = 1 / (1 + np.exp(-x @ np.array([1.0, -0.5, 0.0, 0.3, 0.0])))
    return Labels(x, (random.random(n) >= chance).astype(np.int64), random.integers(0, prompts, n))


def test_an_arm_of_telling_pairs_saves_labels_and_a_like_one_does_not() -> None:
    base, control, held_out = arm(10, 1, spread=1), arm(60, 2, spread=1), arm(600, 3, spread=1)
    telling = labels_saved(
        base, arm(200, 4, spread=3), control, held_out, precision=1.0, seed=1
    )  # fmt: skip
    alike = labels_saved(base, arm(200, 5, spread=1), control, held_out, precision=1.0, seed=1)
    assert telling.helps
    assert "saves labels here" in telling.verdict
    assert not alike.helps
    assert telling.labels[-1] == 60


@pytest.mark.parametrize(
    ("control", "prompts", "words"), [(10, 40, "Too few labels"), (60, 3, "held-out prompts")]
)
def test_too_little_is_a_sentence(control: int, prompts: int, words: str) -> None:
    held_out = arm(60, 3, spread=1, prompts=prompts)
    found = labels_saved(
        arm(10, 1, spread=1), arm(60, 2, spread=1), arm(control, 4, spread=1), held_out,
        precision=1.0, seed=1,
    )  # fmt: skip
    assert (found.saved, found.low, found.null_high, found.helps) == (None, None, None, None)
    assert words in found.verdict


def test_the_quick_fit_is_at_the_optimum() -> None:
    votes = arm(200, 6, spread=1)
    found = quick_fit(votes.differences, votes.outcomes, np.full(5, 2.0))

    def loss(weights: np.ndarray) -> float:
        chances = type(found)(weights, found.covariance, found.eta).probabilities(
            votes.differences @ weights
        )
        seen = chances[np.arange(len(votes)), votes.outcomes]
        return float(-np.log(seen).sum() + weights @ weights)

    step = 1e-5 * np.eye(5)
    slope = [(loss(found.weights + s) - loss(found.weights - s)) / 2e-5 for s in step]
    assert slope == pytest.approx(np.zeros(5), abs=1e-4)


def test_a_map_keeps_what_is_alike_together_and_stays_within_its_frame() -> None:
    random = np.random.default_rng(0)
    group = np.repeat(np.arange(6), 5)
    coordinates = random.normal(size=(30, 8)) / 10 + (group >= 3)[:, None] * 5
    places = flat_map(coordinates, group)
    assert places.shape == (6, 2)
    assert np.abs(places).max() == pytest.approx(1)
    assert (np.sign(places[:3, 0]) == -np.sign(places[3:, 0])).all()
    assert flat_map(coordinates[:5], group[:5]).tolist() == [[0.0, 0.0]]
