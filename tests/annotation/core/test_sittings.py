"""Sittings: when they begin, when they end, and how pace is told."""

from datetime import UTC, datetime, timedelta

import pytest

from annotation.core.sittings import Sitting, sitting_after, sitting_at

NOW = datetime(2030, 5, 6, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def worked(*answers: tuple[float, int | None], first: bool = True) -> Sitting:
    """The sitting after answers at (minutes before NOW, active ms), oldest first."""
    known: Sitting | None = None
    for minutes, active_ms in answers:
        at = NOW - minutes * MINUTE
        begun = sitting_at(known, at, working_ms=active_ms or 0)
        known = sitting_after(begun, at, active_ms=active_ms, is_first_answer=first)
    assert known is not None
    return known


def test_nobody_has_begun() -> None:
    assert sitting_at(None, NOW).lasted_ms(NOW) == 0
    assert sitting_at(None, NOW, working_ms=7_000).lasted_ms(NOW) == 7_000


def test_it_goes_back_to_the_first_pause() -> None:
    found = worked((60, 30_000), (44, 60_000), (30, 60_000), (20, 60_000), (10, 30_000))
    # 44 minutes ago follows 60 by 15 minutes of pause and one of work, so it begins a sitting.
    assert found.lasted_ms(NOW) == 45 * 60_000
    assert found.n == 4


def test_a_long_judgment_is_no_pause() -> None:
    found = worked((40, 60_000), (10, 20 * 60_000))
    assert found.n == 2
    assert sitting_at(found, NOW + 6 * MINUTE).n == 0
    assert sitting_at(found, NOW + 6 * MINUTE, working_ms=2 * 60_000).n == 2


def test_pace_is_the_last_eight_over_the_first_eight() -> None:
    slow = [(30 - at, 10_000) for at in range(8)]
    assert worked(*slow, *[(20 - at, 3_000) for at in range(7)]).pace is None
    assert worked(*slow, *[(20 - at, 3_000) for at in range(9)]).pace == pytest.approx(0.3)
    assert worked(*[(30 - at, None) for at in range(20)]).pace is None


def test_amendments_go_on_with_the_sitting_but_have_no_pace() -> None:
    found = worked(*[(20 - at, 5_000) for at in range(20)], first=False)
    assert (found.n, found.first_ms, found.pace) == (0, (), None)
    assert found.last_at == NOW - MINUTE
