from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gammaln

from annotation.core.bradley_terry import PairVotes, outcomes, pair_table, pair_votes_from
from annotation.core.errors import Invalid
from annotation.core.labels import NOTHING
from annotation.core.pair_mixture import (
    ALL_TIES,
    ALONE,
    COIN,
    FLIPPED,
    HONEST,
    PRECISION,
    PRIOR_PEOPLE,
    TWO,
    PairMixture,
    pair_mixture,
)
from annotation.core.preferences import Preference


def votes(rows: list[tuple[int, int, int, int, bool]]) -> PairVotes:
    """Rows: annotator, first, second, outcome, whether the first stood first."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    who, first, second, outcome, earlier = table.T
    return PairVotes(first, second, outcome, who, earlier.astype(bool), np.ones(len(table)))


def simulated(
    kinds: list[int], each: int, *, n_items: int = 8, nu: float = 0.0, seed: int = 0
) -> tuple[PairVotes, np.ndarray]:
    random = np.random.default_rng(seed)
    strengths = np.linspace(-1.5, 1.5, n_items)
    rows = []
    for who, kind in enumerate(kinds):
        for _ in range(each):
            first, second = random.choice(n_items, 2, replace=False)
            earlier = bool(random.random() < 0.5)
            d = (strengths[first] - strengths[second]) * (-1 if kind == FLIPPED else 1)
            chances = np.array([np.exp(d / 2), nu, np.exp(-d / 2)])
            outcome = int(random.choice([1, 0, -1], p=chances / chances.sum()))
            if kind == COIN:
                outcome = 1 if (random.random() < 0.9) == earlier else -1
            rows.append((who, int(first), int(second), outcome, earlier))
    return votes(rows), strengths


def by_hand(found: PairMixture, given: PairVotes) -> float:
    """The log-likelihood at what was found, one annotator and vote at a time."""
    strength = dict(zip(found.items.tolist(), found.strengths.tolist(), strict=True))
    total = 0.0
    for who in found.annotators:
        honest = flipped = 1.0
        sides = [0, 0]
        for row in np.flatnonzero((given.annotators == who) & (given.outcome != 0)):
            d = strength[int(given.first[row])] - strength[int(given.second[row])]
            outcome = int(given.outcome[row])
            honest *= 1 / (1 + np.exp(-outcome * d))
            flipped *= 1 / (1 + np.exp(outcome * d))
            is_earlier = (outcome == 1) == bool(given.is_first_shown_first[row])
            sides[0 if is_earlier else 1] += 1
        coin = np.exp(sum(gammaln(1 + n) for n in sides) - gammaln(2 + sum(sides)))
        total += np.log(found.share @ [honest, coin, flipped])
    return total


@pytest.mark.parametrize("nu", [0.0, 0.6])
def test_the_likelihood_is_that_written_out(nu: float) -> None:
    given, _ = simulated([HONEST] * 4 + [COIN, FLIPPED], 25, nu=nu, seed=3)
    found = pair_mixture(given, settled=1e-10)
    assert found.is_converged
    assert found.log_likelihood == pytest.approx(by_hand(found, given), abs=1e-4)


def test_no_step_from_there_is_better() -> None:
    """What was found is a maximum of the penalised likelihood that is written out by hand."""
    given, _ = simulated([HONEST] * 5 + [COIN, FLIPPED], 30, nu=0.5, n_items=4, seed=5)
    found = pair_mixture(given, settled=1e-11, most_rounds=2000)

    def objective(moved: np.ndarray, share: np.ndarray) -> float:
        there = replace(found, strengths=found.strengths + moved, share=share)
        ridge = PRECISION / 2 * float(there.strengths @ there.strengths)
        return by_hand(there, given) - ridge + float(np.array(PRIOR_PEOPLE) @ np.log(share))

    best = objective(np.zeros(4), found.share)
    for item in range(4):
        for size in (0.02, -0.02):
            assert objective(size * np.eye(4)[item], found.share) < best
    for one, other in ((0, 1), (1, 2), (0, 2)):
        for size in (0.01, -0.01):
            share = found.share.copy()
            share[one] += size
            share[other] -= size
            assert objective(np.zeros(4), share) < best


def test_the_habit_of_calling_ties_tells_nothing() -> None:
    given, _ = simulated([HONEST] * 8 + [COIN], 40, seed=6)
    rows = np.arange(len(given.first))
    ties = given.where((given.annotators == 2) & (rows % 2 == 0))
    ties = replace(ties, outcome=np.zeros_like(ties.outcome))
    both = PairVotes(
        *(np.concatenate([getattr(given, f), getattr(ties, f)]) for f in given.__slots__)
    )
    one, two = pair_mixture(given), pair_mixture(both)
    assert two.classes == pytest.approx(one.classes)
    assert two.strengths == pytest.approx(one.strengths)


def test_everybody_is_told_for_what_they_are() -> None:
    kinds = [HONEST] * 14 + [COIN] * 4 + [FLIPPED] * 2
    given, strengths = simulated(kinds, 60, seed=1)
    found = pair_mixture(given)
    assert found.classes.argmax(axis=1).tolist() == kinds
    assert np.corrcoef(found.strengths, strengths)[0, 1] > 0.98
    assert found.weights[:14].min() > 0.9
    assert found.note == ""


def test_coins_and_mirrors_do_not_move_the_strengths() -> None:
    kinds = [HONEST] * 12
    honest, _ = simulated(kinds, 80, seed=2)
    noisy, _ = simulated([*kinds, COIN, COIN, COIN, FLIPPED], 80, seed=2)
    one, two = pair_mixture(honest).strengths, pair_mixture(noisy).strengths
    assert two == pytest.approx(one, abs=0.08)


def test_who_compared_what_nobody_else_did_is_not_told() -> None:
    given, _ = simulated([HONEST] * 5, 40, seed=4)
    alone = votes([(9, 100, 101, 1, True)] * 30)
    both = PairVotes(
        *(np.concatenate([getattr(given, f), getattr(alone, f)]) for f in given.__slots__)
    )
    found = pair_mixture(both)
    assert found.is_checked.tolist() == [True] * 5 + [False]
    assert found.classes[-1] == pytest.approx(found.share, abs=1e-6)
    assert "1 annotator compared" in found.note
    assert "2 groups" in found.note


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], NOTHING),
        ([(1, 1, 2, 1, True)], ALONE),
        ([(1, 1, 2, 1, True), (2, 1, 2, 1, True)], TWO),
        ([(who, 1, 2, 0, True) for who in range(4)], ALL_TIES),
    ],
)
def test_too_little_is_a_sentence(
    rows: list[tuple[int, int, int, int, bool]], sentence: str
) -> None:
    found = pair_mixture(votes(rows))
    assert found.why_not == sentence
    assert len(found.classes) == 0


def test_one_sided_votes_stay_finite() -> None:
    found = pair_mixture(
        votes([(who, 1, 2, 1, bool(at % 2)) for who in range(5) for at in range(9)])
    )
    assert np.isfinite(found.strengths).all()
    assert np.isfinite(found.classes).all()


def test_outcomes_are_davidsons() -> None:
    d, eta = np.array([-30.0, -1.0, 0.0, 2.0, 700.0]), 0.4
    found = outcomes(d, eta)
    logits = np.stack([d / 2, -d / 2, np.full(5, eta)])
    logs = logits - np.logaddexp.reduce(logits)
    chances = np.exp(logs)
    assert found.log_total == pytest.approx(np.logaddexp.reduce(logits))
    assert found.lead == pytest.approx(chances[0] - chances[1])
    assert found.tie == pytest.approx(chances[2])
    bend = (chances[0] + chances[1] - found.lead**2) / 4
    assert found.bend == pytest.approx(bend, abs=1e-12)


def test_preferences_become_votes() -> None:
    def said(winner: int, loser: int, *, shown: int, is_tie: bool = False) -> Preference:
        return Preference(1, winner, loser, is_tie, 0.5, 7, None, "overall", 1, shown)

    given = pair_votes_from([said(3, 1, shown=1), said(1, 2, shown=1, is_tie=True)])
    table = pair_table(given)
    assert table.slots.tolist() == [[0.0, 0.5, 0.5]]
    by_policy = pair_votes_from([said(3, 1, shown=3), said(3, 2, shown=2)],
                                policies={1: 10, 2: 11, 3: 11})  # fmt: skip
    assert by_policy.first.tolist() == [11]
    assert by_policy.second.tolist() == [10]


def test_votes_that_say_nothing_are_refused() -> None:
    with pytest.raises(Invalid, match="itself"):
        pair_table(votes([(1, 2, 2, 1, True)]))
    with pytest.raises(Invalid, match="outcome"):
        pair_table(votes([(1, 2, 3, 2, True)]))
