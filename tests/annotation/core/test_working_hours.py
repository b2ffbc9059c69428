"""Working hours against a minute-by-minute walk, in zones whose clocks are set forth and back."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.core.working_hours import WorkingHours

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
MINUTE = timedelta(minutes=1)
clocks = st.times().map(lambda each: each.replace(second=0, microsecond=0))
moments = st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))
spans = st.one_of(st.none(), st.tuples(clocks, clocks))


@st.composite
def hours(draw: st.DrawFn) -> WorkingHours:
    span = draw(spans)
    return WorkingHours(
        opens=span[0] if span else None,
        closes=span[1] if span else None,
        weekdays=tuple(draw(st.sets(st.integers(1, 7)))),
        time_zone=draw(st.sampled_from(ZONES)),
    )


@given(hours(), moments)
def test_it_opens_when_told_and_not_before(hours: WorkingHours, now: datetime) -> None:
    opening = hours.next_opening(now)
    assert opening >= now
    assert hours.is_open(opening)
    if opening == now:
        return
    assert opening - now <= timedelta(days=8)
    assert not hours.is_open(opening - timedelta(seconds=1))
    step = (opening - now) / 50
    assert not any(hours.is_open(now + i * step) for i in range(50))


@given(hours(), moments)
def test_open_is_what_the_clock_on_the_wall_says(hours: WorkingHours, now: datetime) -> None:
    wall = now.astimezone(ZoneInfo(hours.time_zone))
    days = hours.weekdays or range(1, 8)
    if hours.opens is None:
        expected = wall.isoweekday() in days
    elif hours.opens < hours.closes:
        expected = wall.isoweekday() in days and hours.opens <= wall.time() < hours.closes
    else:
        yesterday = (wall.isoweekday() - 2) % 7 + 1
        expected = (wall.isoweekday() in days and wall.time() >= hours.opens) or (
            yesterday in days and wall.time() < hours.closes
        )
    assert hours.is_open(now) == expected


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        ("2026-03-28T20:00+00:00", "2026-03-29T01:00+00:00"),  # 02:30 is skipped: at 03:00
        ("2026-10-25T01:10+00:00", "2026-10-25T01:30+00:00"),  # 02:30 comes a second time
        ("2026-06-01T08:00+00:00", "2026-06-02T00:30+00:00"),
    ],
)
def test_clocks_that_are_set_forth_and_back(now: str, opening: str) -> None:
    night = WorkingHours(opens=time(2, 30), closes=time(4), time_zone="Europe/Berlin")
    assert night.next_opening(datetime.fromisoformat(now)) == datetime.fromisoformat(opening)


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    nights = WorkingHours(opens=time(22), closes=time(6), weekdays=(5,), time_zone="UTC")
    friday = datetime(2026, 11, 20, 23, tzinfo=UTC)
    assert nights.is_open(friday)
    assert nights.is_open(friday + timedelta(hours=6))
    assert not nights.is_open(friday + timedelta(hours=7))
    assert not nights.is_open(friday - timedelta(days=1))
