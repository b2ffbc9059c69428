"""The sitting that somebody is in, and when a break is due."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from annotation.core.sittings import Sitting
from annotation.models import Project, SittingClock, User
from annotation.selectors.sittings import break_due, sitting
from tests.factories import judge

NOW = datetime(2030, 5, 6, 12, 0, tzinfo=timezone.get_default_timezone())
MINUTE = timedelta(minutes=1)


def sat(minutes: float, **fields: object) -> Sitting:
    return Sitting(began_at=NOW - minutes * MINUTE, last_at=NOW, **fields)


def test_judging_keeps_the_clock(ana: User, project: Project) -> None:
    assert sitting(ana, timezone.now()).n == 0
    first = judge(ana, project, active_ms=60_000)
    second = judge(ana, project, active_ms=30_000)
    first.refresh_from_db()
    second.refresh_from_db()
    found = sitting(ana, timezone.now())
    assert (found.n, found.first_ms) == (2, (60_000, 30_000))
    assert first.sitting_ms == 60_000
    assert 60_000 <= second.sitting_ms < 120_000
    assert found.lasted_ms(timezone.now()) < 120_000


def test_a_long_pause_begins_anew(ana: User, project: Project) -> None:
    judge(ana, project, active_ms=60_000)
    SittingClock.objects.update(last_at=timezone.now() - 16 * MINUTE)
    assert sitting(ana, timezone.now()).n == 0


@pytest.mark.parametrize(
    ("minutes", "limit", "is_due"), [(51, 50, True), (49, 50, False), (300, 0, False)]
)
def test_a_break_is_due_after_what_the_project_says(
    project: Project, minutes: int, limit: int, is_due: bool
) -> None:
    project.break_after_minutes = limit
    assert bool(break_due(sat(minutes), project, NOW)) is is_due


def test_a_break_is_due_when_somebody_hurries(project: Project) -> None:
    hurried = sat(10, n=20, first_ms=(10_000,) * 8, recent_ms=(4_000,) * 8)
    assert "twice as fast" in break_due(hurried, project, NOW)
    steady = sat(10, n=20, first_ms=(10_000,) * 8, recent_ms=(9_000,) * 8)
    assert break_due(steady, project, NOW) == ""
