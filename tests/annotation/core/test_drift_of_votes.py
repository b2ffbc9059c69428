"""Which votes tell of the drift of what."""

import numpy as np
import pytest

from annotation.core.drift_of_votes import drift_of_votes
from annotation.core.vote_facts import VoteFacts

PEOPLE, EACH = 20, 30
N = PEOPLE * EACH
WHO = np.repeat(np.arange(PEOPLE), EACH)
WHEN = np.tile(np.arange(EACH, dtype=float), PEOPLE)


def features(characters: np.ndarray, words: np.ndarray) -> np.ndarray:
    return np.column_stack([characters, words, np.zeros((len(words), 5))])


def facts(**known: np.ndarray) -> VoteFacts:
    random = np.random.default_rng(3)
    return VoteFacts(random.random(N) < 0.5, WHO, **known)


def test_who_reads_faster_and_faster_drifts_in_log_points() -> None:
    words = np.full(N, 100.0)
    texts = features(np.arange(N) % 5 + 1.0, words)
    other = features(np.arange(N) % 3 + 1.0, words)
    seconds = 60 * np.exp(-0.02 * WHEN + 0.1 * np.random.default_rng(1).normal(size=N))
    seconds[:7] = np.nan
    found = drift_of_votes(
        facts(first_features=texts, second_features=other, seconds=seconds), WHEN
    )
    assert found["speed"].n == N - 7
    assert found["speed"].change == pytest.approx(0.3, abs=0.02)
    assert "log points" in found["speed"].verdict
    assert "points" in found["position"].verdict
    assert found["length"].n == np.count_nonzero(texts[:, 0] != other[:, 0])
    assert found["speed"].p_value < 0.01 < found["position"].p_value


def test_unknown_orders_and_times_say_nothing() -> None:
    when = np.where(np.arange(N) % 4 == 0, np.nan, WHEN)
    found = drift_of_votes(facts(order_known=np.arange(N) % 2 == 0), when)
    assert set(found) == {"position"}
    assert found["position"].n == N // 4
