"""Sittings: when they begin, when they end, and when a break is due."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from annotation.models import Assignment, Comparison, Judgment, Project, User
from annotation.selectors.sittings import MOST_READ, Sitting, break_due, sitting

NOW = datetime(2030, 5, 6, 12, 0, tzinfo=timezone.get_default_timezone())
MINUTE = timedelta(minutes=1)

Work = Callable[..., None]


@pytest.fixture
def work(project: Project, ana: User) -> Work:
    """work((minutes_ago, active_ms), …): Ana's judgments, oldest first."""
    first = project.comparisons.get(pk=project.comparisons.first().pk)

    def add(*times: tuple[float, int | None], **fields: object) -> None:
        comparisons = Comparison.objects.bulk_create(
            Comparison(
                project=project, batch=first.batch, prompt=first.prompt, kind=first.kind, overlap=1
            )
            for _ in times
        )
        for comparison, (minutes, active_ms) in zip(comparisons, times, strict=True):
            at = NOW - minutes * MINUTE
            assignment = Assignment.objects.create(
                comparison=comparison, annotator=ana, state="submitted", display_order=[0, 1],
                leased_at=at, expires_at=at, closed_at=at,
            )  # fmt: skip
            Judgment.objects.create(
                comparison=comparison, annotator=ana, assignment=assignment, groups=[[0], [1]],
                idempotency_token=uuid4(), active_ms=active_ms, judged_at=at,
                **{"source": "web", **fields},
            )  # fmt: skip

    return add


def test_nobody_has_begun(ana: User) -> None:
    assert sitting(ana, NOW) == Sitting(0, None, 0)
    assert sitting(ana, NOW, working_ms=7_000) == Sitting(7_000, None, 0)


def test_it_goes_back_to_the_first_pause(work: Work, ana: User) -> None:
    work((60, 30_000), (44, 60_000), (30, 60_000), (20, 60_000), (10, 30_000))
    found = sitting(ana, NOW)
    # 44 minutes ago follows 60 by 15 minutes of pause and one of work, so it begins a sitting.
    assert found == Sitting(sitting_ms=45 * 60_000, pace=None, n=4)


def test_a_long_judgment_is_no_pause(work: Work, ana: User) -> None:
    work((40, 60_000), (10, 20 * 60_000))
    assert sitting(ana, NOW).n == 2
    assert sitting(ana, NOW + 6 * MINUTE).n == 0
    assert sitting(ana, NOW + 6 * MINUTE, working_ms=2 * 60_000).n == 2


def test_pace_compares_the_last_eight_with_the_first_eight(work: Work, ana: User) -> None:
    work(*((17 - number, 20_000) for number in range(8)))
    work(*((9 - number, 6_000) for number in range(7)))
    assert sitting(ana, NOW).pace is None
    work((1, 6_000), (1, None))
    assert sitting(ana, NOW).pace == pytest.approx(0.3)
    assert sitting(ana, NOW).n == 17


def test_imported_judgments_are_nobodys_sitting(work: Work, ana: User) -> None:
    work((2, 5_000), (1, 5_000), source="import")
    assert sitting(ana, NOW).n == 0


def test_of_a_very_long_sitting_a_bounded_part_is_read(
    work: Work, ana: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    work((MOST_READ + 30, 1_000))
    work(*((MOST_READ + 5 - n, 1_000) for n in range(MOST_READ + 5)), sitting_ms=25 * 60_000)
    with django_assert_num_queries(1):
        found = sitting(ana, NOW)
    assert found.n == MOST_READ
    assert found.sitting_ms == (MOST_READ + 25) * 60_000


@pytest.mark.parametrize(
    ("minutes", "pace", "after", "says"),
    [
        (49, None, 50, ""),
        (50, None, 50, "50 minutes"),
        (5, 0.49, 50, "twice as fast"),
        (5, 0.5, 50, ""),
        (500, 0.1, 0, ""),
    ],
)
def test_a_break_is_due(minutes: int, pace: float | None, after: int, says: str) -> None:
    words = break_due(Sitting(minutes * 60_000, pace, 30), Project(break_after_minutes=after))
    assert says in words
    assert bool(words) == bool(says)
