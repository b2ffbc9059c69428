import csv
import gzip
from pathlib import Path

import evalica
import numpy as np
import pytest
from scipy.stats import kendalltau

import alignui
from rewardmodel.core.leaderboard import leaderboard
from rewardmodel.core.pairs import FIRST, SECOND, TIE, Votes

CROWD = Path(alignui.__file__).parent / "demo/data/llmfao/crowd-comparisons.csv.gz"


def votes(rows: list[tuple[int, int, int]], annotators: int = 1) -> Votes:
    table = np.array(rows)
    n = len(rows)
    return Votes(
        table[:, 0], table[:, 1], table[:, 2], np.ones(n), np.zeros(n, dtype=int),
        np.arange(n) % annotators,
    )  # fmt: skip


def test_strengths_order_policies_as_an_independent_fit_does() -> None:
    """Against evalica's Bradley-Terry, which counts a tie as half a win for each."""
    random = np.random.default_rng(3)
    truth = np.linspace(-1.5, 1.5, 8)
    rows = []
    for _ in range(4000):
        a, b = random.choice(8, size=2, replace=False)
        rows.append(
            (a, b, FIRST if random.random() < 1 / (1 + np.exp(truth[b] - truth[a])) else SECOND)
        )
    board = leaderboard(votes(rows, annotators=30), seed=1, resamples=20)
    winner = {FIRST: evalica.Winner.X, SECOND: evalica.Winner.Y}
    scores = evalica.bradley_terry(
        [str(a) for a, _, _ in rows], [str(b) for _, b, _ in rows], [winner[o] for *_, o in rows]
    ).scores
    expected = np.log(scores) - np.log(scores).mean()
    for standing in board.standings:
        assert standing.strength == pytest.approx(expected[str(standing.policy)], abs=0.02)


def test_a_policy_that_always_won_stays_finite() -> None:
    board = leaderboard(votes([(0, 1, FIRST)] * 22, annotators=5), seed=1)
    best = board.standings[0]
    assert (best.policy, best.wins, best.n_votes) == (0, 22, 22)
    assert 0 < best.strength < 5


def test_ties_pull_together() -> None:
    decided = leaderboard(votes([(0, 1, FIRST)] * 9 + [(0, 1, SECOND)] * 3), seed=1)
    tied = leaderboard(
        votes([(0, 1, FIRST)] * 9 + [(0, 1, SECOND)] * 3 + [(0, 1, TIE)] * 30), seed=1
    )
    assert tied.standings[0].strength < decided.standings[0].strength


def test_islands_are_said_in_words() -> None:
    board = leaderboard(votes([(0, 1, FIRST)] * 5 + [(2, 3, SECOND)] * 5, annotators=3), seed=1)
    assert {s.island for s in board.standings} == {0, 1}
    assert "never compared" in board.note


def test_nothing_compared_is_said_in_words() -> None:
    board = leaderboard(votes([(1, 1, TIE)]), seed=1)
    assert not board.standings
    assert "No two policies" in board.note


def test_intervals_widen_with_few_annotators() -> None:
    random = np.random.default_rng(1)
    person = random.integers(0, 4, 400)
    lean = np.array([0.9, 0.9, 0.2, 0.6])[person]
    outcome = np.where(random.random(400) < lean, FIRST, SECOND)
    base = votes([(0, 1, int(o)) for o in outcome])
    clustered = Votes(base.first, base.second, base.outcome, base.weight, base.prompt, person)
    apart = Votes(base.first, base.second, base.outcome, base.weight, base.prompt, np.arange(400))

    def width(found: Votes) -> float:
        best = leaderboard(found, seed=1).standings[0]
        return best.high - best.low

    assert width(clustered) > 2 * width(apart)


def test_the_crowd_study_is_ranked_as_an_independent_fit_ranks_it() -> None:
    """Real votes, ties included; evalica counts a tie as half a win, so ranks are compared."""
    with gzip.open(CROWD, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row[side] for row in rows for side in ("left", "right")})
    number = {name: index for index, name in enumerate(names)}
    outcome = {"left": FIRST, "right": SECOND, "tie": TIE}
    board = leaderboard(
        votes([(number[r["left"]], number[r["right"]], outcome[r["winner"]]) for r in rows]),
        seed=1,
        resamples=2,
    )
    winner = {"left": evalica.Winner.X, "right": evalica.Winner.Y, "tie": evalica.Winner.Draw}
    scores = evalica.bradley_terry(
        [r["left"] for r in rows], [r["right"] for r in rows], [winner[r["winner"]] for r in rows]
    ).scores
    mine = {names[s.policy]: s.strength for s in board.standings}
    assert len(mine) == 59
    tau = kendalltau([mine[name] for name in names], [scores[name] for name in names])
    assert tau.statistic > 0.95
