import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.core.collective_choice import collective_choice, wins_of
from annotation.core.preferences import Verdict, all_preferences


def election(*ballots: tuple[int, str]) -> np.ndarray:
    """Votes of row over column, of so many ballots that rank a, b, c ... in this order."""
    options = sorted(ballots[0][1])
    wins = np.zeros((len(options),) * 2)
    for count, ranking in ballots:
        for at, winner in enumerate(ranking):
            for loser in ranking[at + 1 :]:
                wins[options.index(winner), options.index(loser)] += count
    return wins


def test_the_textbook_case_where_borda_and_a_majority_part() -> None:
    # Three of five put the first option on top; the second is never worse than second.
    wins = election((3, "abc"), (2, "bca"))
    choice = collective_choice((1, 2, 3), wins, names={1: "Ann", 2: "Bo"})
    assert choice.condorcet == 1
    assert choice.copeland == (1,)
    assert choice.borda == (2,)
    assert choice.is_split
    assert "by Borda Bo wins" in choice.verdict
    assert "by Copeland Ann" in choice.verdict


def test_tennessee_chooses_nashville() -> None:
    # Memphis, Nashville, Chattanooga, Knoxville: 42, 26, 15 and 17 % live near each.
    choice = collective_choice(
        (1, 2, 3, 4), election((42, "abcd"), (26, "bcda"), (15, "cdba"), (17, "dcba"))
    )
    assert choice.condorcet == 2
    assert choice.borda == choice.copeland == (2,)
    # Borda counts 194, 173, 126 and 107 of 100 ballots over three opponents.
    borda = {standing.option: 300 * standing.borda for standing in choice.standings}
    assert borda == pytest.approx({2: 194, 3: 173, 1: 126, 4: 107})
    assert "wins by every method" in choice.verdict


def test_majorities_may_go_in_a_circle() -> None:
    choice = collective_choice((1, 2, 3), election((1, "abc"), (1, "bca"), (1, "cab")))
    assert choice.has_cycle
    assert choice.condorcet is None
    assert choice.copeland == (1, 2, 3)
    assert "circle" in choice.verdict


def test_options_that_never_met_are_not_compared() -> None:
    wins = np.zeros((3, 3))
    wins[0, 1] = 4
    choice = collective_choice((1, 2, 3), wins)
    assert choice.condorcet is None
    assert not choice.is_complete
    assert "Not all options met" in choice.verdict


def test_one_option_or_none() -> None:
    assert "none can win" in collective_choice((), np.zeros((0, 0))).verdict
    assert "none can win" in collective_choice((7,), np.zeros((1, 1))).verdict


def test_rankings_with_ties_become_votes() -> None:
    verdict = Verdict(1, 1, 1, (30, 10, 20), 5, ((1, 2), (0,)), (0, 1, 2))
    options, wins = wins_of(all_preferences([verdict]))
    assert options == (10, 20, 30)
    third = 2 / 3
    assert wins == pytest.approx(
        np.array([[0, third / 2, third], [third / 2, 0, third], [0, 0, 0]])
    )


@given(st.lists(st.permutations("abcd"), min_size=1, max_size=9))
def test_a_condorcet_winner_wins_by_copeland(ballots: list[list[str]]) -> None:
    choice = collective_choice((1, 2, 3, 4), election(*((1, "".join(b)) for b in ballots)))
    if choice.condorcet is not None:
        assert choice.copeland == (choice.condorcet,)
    assert sum(standing.copeland for standing in choice.standings) == pytest.approx(0)
    assert sum(standing.borda for standing in choice.standings) == pytest.approx(2)
