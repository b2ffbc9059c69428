"""What was earned: read from the days on which it was, at the rates that held then."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from annotation.core.statements import Line, Period, totals
from annotation.models import Membership, Participation, Project, User, WorkDay


def this_month(today: date | None = None) -> Period:
    """From the first of the month until today."""
    today = today or timezone.localdate()
    return Period(today.replace(day=1), today)


def last_month(today: date | None = None) -> Period:
    first = (today or timezone.localdate()).replace(day=1)
    last = first - timedelta(days=1)
    return Period(last.replace(day=1), last)


def statement(
    projects: Collection[Project], period: Period, *, user: User | None = None
) -> list[Line]:
    """A line for each person, project and currency with work in the period; by name, or one's own.

    External ids are those of the pools that serve these projects.
    """
    days = WorkDay.objects.filter(
        participation__project__in=projects, day__gte=period.first, day__lte=period.last
    )
    if user is not None:
        days = days.filter(participation__annotator=user)
    external = _external_ids(projects, user)
    parts = Participation.objects.filter(project__in=projects, pk__in=days.values("participation"))
    people = {
        row[0]: row[1:]
        for row in parts.values_list(
            "pk", "annotator_id", "annotator__name", "annotator__username", "project__slug"
        )
    }
    lines = []
    for part, currency, n_days, judged, active_ms, earned in _grouped(days):
        user_id, name, username, slug = people[part]
        lines.append(
            Line(
                user_id=user_id, person=name or username, username=username,
                external_id=" ".join(external.get(user_id, ())), project=slug, currency=currency,
                days=n_days, judged=judged, active_ms=active_ms, earned=earned,
            )
        )  # fmt: skip
    lines.sort(key=lambda line: (line.person.casefold(), line.user_id, line.project, line.currency))
    return lines


def projects_worked(user: User) -> QuerySet[Project]:
    """Where somebody has work days, archived projects and those they have left among them."""
    return Project.objects.filter(participations__annotator=user)


def statement_data(period: Period, lines: Collection[Line]) -> dict[str, Any]:
    """The statement for a program: money as text, so that no digit is lost."""
    return {
        "since": period.first.isoformat(),
        "until": period.last.isoformat(),
        "lines": [_line_data(line) for line in lines],
        "totals": [
            {
                "currency": total.currency, "people": total.people, "judgments": total.judged,
                "active_hours": round(total.hours, 4), "earned": f"{total.earned:f}",
            }
            for total in totals(lines)
        ],
    }  # fmt: skip


def _grouped(days: QuerySet[WorkDay]) -> Iterator[tuple[Any, ...]]:
    """Sums by participation and currency; a participation has each day once."""
    worked = Q(all_judged__gt=0) | Q(all_earned__gt=0)
    yield from (
        days.order_by()
        .values_list("participation_id", "currency")
        .annotate(
            n_days=Count("day"),
            all_judged=Sum("judged"),
            all_ms=Sum("active_ms"),
            all_earned=Sum("earned"),
        )
        .filter(worked)
    )


def _external_ids(projects: Collection[Project], user: User | None) -> dict[int, list[str]]:
    memberships = Membership.objects.filter(pool__projects__in=projects).exclude(external_id="")
    if user is not None:
        memberships = memberships.filter(user=user)
    found: defaultdict[int, list[str]] = defaultdict(list)
    pairs = memberships.order_by("pool").values_list("user_id", "external_id").distinct()
    for user_id, external_id in pairs:
        if external_id not in found[user_id]:
            found[user_id].append(external_id)
    return found


def _line_data(line: Line) -> dict[str, Any]:
    return {
        "person": line.person,
        "username": line.username,
        "external_id": line.external_id,
        "project": line.project,
        "days": line.days,
        "judgments": line.judged,
        "active_hours": round(line.hours, 4),
        "per_judgment": None if line.per_judgment is None else f"{line.per_judgment:f}",
        "per_hour": None if line.per_hour is None else f"{line.per_hour:f}",
        "earned": f"{line.earned:f}",
        "currency": line.currency,
    }
