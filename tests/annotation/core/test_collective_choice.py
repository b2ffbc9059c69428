import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.core.collective_choice import (
    collective_choice,
    steadiness,
    wins_by_person,
    wins_of,
)
from annotation.core.pair_votes import pair_votes
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


def test_a_winner_by_a_hair_is_no_steady_one() -> None:
    people = np.repeat(np.arange(40), 10)
    first, second = np.zeros(400, dtype=int), np.ones(400, dtype=int)
    weights = np.ones(400)

    def of(values: np.ndarray) -> object:
        table = wins_by_person(people, first, second, values, weights, n_options=2)
        return steadiness(table, seed=1)

    clear = of(np.tile([1.0] * 8 + [0.0] * 2, 40))
    assert clear.wins_borda == (1.0, 0.0)
    assert clear.borda[0] == pytest.approx((0.8, 0.8))
    divided = of(np.repeat([1.0] * 21 + [0.0] * 19, 10))
    assert 0.3 < divided.wins_borda[0] < 0.9
    low, high = divided.borda[0]
    # Forty people of one mind each: about 1.96 sqrt(0.25 / 40) on either side.
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 40**0.5, rel=0.2)
    assert of(np.repeat([1.0] * 21 + [0.0] * 19, 10)) == divided


def test_votes_by_person_sum_to_the_table_of_all() -> None:
    verdicts = [
        Verdict(n, n, 1, (10, 20, 30), n % 3, ((n % 3,), ((n + 1) % 3, (n + 2) % 3)), (0, 1, 2))
        for n in range(12)
    ]
    options, wins = wins_of(all_preferences(verdicts))
    votes = pair_votes(verdicts[-3:])
    assert options == (10, 20, 30)
    first, second = (np.searchsorted(options, side) for side in (votes.first, votes.second))
    at = votes.answers.items
    table = wins_by_person(
        votes.answers.annotators, first[at], second[at], votes.answers.values, votes.weights,
        n_options=3,
    )  # fmt: skip
    assert np.allclose(np.asarray(table.sum(axis=0)).reshape(3, 3), wins / 4)


def test_too_few_people_are_not_drawn_from() -> None:
    table = wins_by_person(
        np.arange(4), np.zeros(4, dtype=int), np.ones(4, dtype=int), np.ones(4), np.ones(4),
        n_options=2,
    )  # fmt: skip
    assert steadiness(table) is None
