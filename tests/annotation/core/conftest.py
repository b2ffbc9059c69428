"""Published values, read once."""

import csv
from pathlib import Path

import pytest
from hypothesis import settings

# A deadline per example measures the machine, not the code.
settings.register_profile("core", deadline=None)
settings.load_profile("core")

GOLDEN = Path(__file__).parents[2] / "golden"


def golden_rows(name: str) -> list[dict[str, str]]:
    with (GOLDEN / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def crowd_votes() -> list[dict[str, str]]:
    """8,931 crowd votes: pair, worker, winner, left_length, right_length."""
    return golden_rows("llmfao-votes.csv")


@pytest.fixture(scope="session")
def panel_labels() -> list[dict[str, str]]:
    """999 pairs, each labelled by the same three annotators: 0 tie, 1, 2."""
    return golden_rows("pandalm-labels.csv")
