"""Best of n: exact chances against brute force, KL, and a proxy that goes wrong at the top."""

from itertools import combinations

import numpy as np
import pytest

from rewardmodel.core.best_of_n import Judged, best_of_n, chance_of_rank, kl_of_best


@pytest.mark.parametrize(("size", "n"), [(5, 1), (5, 2), (6, 4), (6, 6)])
def test_chances_of_ranks_are_those_of_all_draws(size: int, n: int) -> None:
    draws = list(combinations(range(size), n))
    counted = np.bincount([min(draw) for draw in draws], minlength=size) / len(draws)
    assert chance_of_rank(size, n) == pytest.approx(counted)


def test_kl_is_nought_for_one_and_grows() -> None:
    assert kl_of_best(1) == 0
    assert kl_of_best(4) == pytest.approx(np.log(4) - 0.75)


def world(noise: float, *, trap: float = 0.0, seed: int = 1, prompts: int = 60) -> Judged:
    """16 responses each; the proxy sees the truth with noise, and overrates one of them by trap."""
    random = np.random.default_rng(seed)
    gold = random.normal(size=(prompts, 16))
    proxy = gold + noise * random.normal(size=gold.shape)
    sd = np.full(gold.shape, 0.1)
    if trap:
        gold[:, 0], proxy[:, 0], sd[:, 0] = -2.0, trap, trap
    prompt = np.repeat(np.arange(prompts), 16)
    return Judged(proxy.ravel(), sd.ravel(), gold.ravel(), prompt)


def test_a_perfect_proxy_gains_what_it_believes() -> None:
    found = best_of_n([world(0.0)], seed=1)
    assert [point.n for point in found.points] == [1, 2, 4, 8, 16]
    for point in found.points:
        assert point.gold.value == pytest.approx(point.proxy.value)
    assert found.points[-1].gold.value == pytest.approx(
        1.77, abs=0.15
    )  # the mean of 16 normals' maximum
    assert found.peak == 16


def test_what_it_overrates_turns_the_curve_and_caution_does_not_take_it() -> None:
    found = best_of_n([world(0.3, trap=6.0)], seed=1)
    assert found.peak is not None
    assert found.peak < 16
    last = found.points[-1]
    assert last.gold.value < 0 < last.proxy.value
    assert last.careful.value > 1
    assert "not more than chance" in found.verdict or "turns" in found.verdict


def test_a_proxy_of_noise_gains_nothing() -> None:
    found = best_of_n([world(0.0)], seed=1)
    random = np.random.default_rng(9)
    blind = Judged(random.normal(size=960), np.ones(960), world(0.0).gold, world(0.0).prompts)
    last = best_of_n([blind], seed=1).points[-1]
    assert last.gold.low < 0 < last.gold.high
    assert found.points[-1].gold.low > 0


def test_too_few_prompts_say_so() -> None:
    found = best_of_n([world(0.1, prompts=3)], seed=1)
    assert found.points == ()
    assert "too few" in found.note
    assert best_of_n([], seed=1).points == ()
