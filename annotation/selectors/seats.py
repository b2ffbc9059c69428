"""Whether somebody may be given work in a project at this moment, and what keeps them from it.

One statement reads all that decides: the rights, the terms of the pools, what was done today and
what is held already. It locks the person's participation, so what it says holds until the
transaction ends, whatever tabs and programs they have open.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from annotation.core.working_hours import WorkingHours
from annotation.models import Participation, Project, User
from annotation.selectors.access import JUDGES
from annotation.selectors.prepared import prepared_row

RECENT_PROMPTS = 10

# Each row of `routes` is a way into the project: a pool's terms, or nothing but a role.
SEAT_COLUMNS = """
    p.id AS participation_id, p.state AS participation_state, p.qualified_at, p.claims, p.judged,
    p.recent_prompts, p.frontiers, project.id AS project_id, project.revision, project.is_archived,
    clock.now, clock.today, ARRAY(
        SELECT json_build_array(pool.id, pool.name, pool.daily_quota, pool.total_quota,
                   pool.harmful_daily_cap, pool.works_from, pool.works_until, pool.works_on,
                   pool.time_zone, pool.pay_per_judgment::text, pool.pay_per_hour::text,
                   pool.pay_currency,
                   CASE WHEN m.languages = '{}' THEN pool.languages ELSE m.languages END,
                   CASE WHEN m.skills = '{}' THEN pool.skills ELSE m.skills END)
          FROM annotation_membership m
          JOIN annotation_project_pools served
            ON served.pool_id = m.pool_id AND served.project_id = project.id
          JOIN annotation_pool pool ON pool.id = m.pool_id
         WHERE m.user_id = p.annotator_id AND m.state = 'active' AND m.is_qualified
           AND m.role = ANY(%(judges)s::varchar[])
         ORDER BY pool.id
    ) AS routes,
    EXISTS (
        SELECT FROM annotation_membership m
          JOIN annotation_project_pools served
            ON served.pool_id = m.pool_id AND served.project_id = project.id
         WHERE m.user_id = p.annotator_id
    ) AS is_known,
    EXISTS (
        SELECT FROM annotation_projectrole r
         WHERE r.project_id = project.id AND r.user_id = p.annotator_id
           AND r.role = ANY(%(judges)s::varchar[])
    ) AS has_project_role,
    EXISTS (
        SELECT FROM annotation_qualification q WHERE q.project_id = project.id AND q.is_open
    ) AS must_qualify,
    COALESCE(day.judged, 0) AS judged_today, COALESCE(day.harmful, 0) AS harmful_today,
    (SELECT json_build_array(count(*), count(*) FILTER (WHERE held_prompt.is_unsafe))
       FROM annotation_assignment held
       JOIN annotation_comparison held_c ON held_c.id = held.comparison_id
       JOIN annotation_prompt held_prompt ON held_prompt.id = held_c.prompt_id
      WHERE held.annotator_id = p.annotator_id AND held.state = 'leased'
        AND held.purpose = 'judge' AND held_c.project_id = project.id
    ) AS held
"""
SEAT_TABLES = """
    annotation_participation p
    JOIN annotation_project project ON project.id = p.project_id
    CROSS JOIN (
        SELECT now() AS now, (now() AT TIME ZONE %(zone)s::text)::date AS today) AS clock
    LEFT JOIN annotation_workday day ON day.participation_id = p.id AND day.day = clock.today
"""
_SEEN = f"""
    SELECT {SEAT_COLUMNS} FROM {SEAT_TABLES}
     WHERE p.annotator_id = %(annotator)s AND p.project_id = %(project)s
"""  # noqa: S608 - made of constants
_SEAT = f"{_SEEN} FOR UPDATE OF p"


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody's place in a project. `is_shut_out` is who was a member and is none any more, or is
    paused; who never was one is no business of the claim."""

    participation_id: int
    project_id: int
    revision: int
    state: str
    is_member: bool
    is_shut_out: bool
    is_qualified: bool
    now: datetime
    today: date
    claims: int
    judged: int
    judged_today: int
    harmful_today: int
    held: int
    held_harmful: int
    daily_quota: int | None
    total_quota: int | None
    harmful_cap: int | None
    hours: tuple[WorkingHours, ...]
    languages: tuple[str, ...] | None
    skills: tuple[str, ...]
    recent_prompts: tuple[int, ...]
    frontiers: Mapping[str, int]
    pay_per_judgment: Decimal | None
    pay_per_hour: Decimal | None
    currency: str

    @property
    def refusal(self) -> str:
        """Why nothing new may be given at this moment, in words; "" where something may."""
        return self._standing_refusal or self.quota_refusal or self._hours_refusal

    @property
    def is_barred(self) -> bool:
        """Whether a lead, a rule or the project keeps them from work; leases have returned then."""
        return self.is_shut_out or self.state != Participation.State.ACTIVE

    @property
    def _standing_refusal(self) -> str:
        if self.is_shut_out:
            return _("You are not among those who judge in this project at the moment.")
        if self.state != Participation.State.ACTIVE:
            return _STATE_WORDS[self.state]()
        if not self.is_qualified:
            return _("You have to pass this project's qualification first.")
        return ""

    @property
    def quota_refusal(self) -> str:
        """Why one more would be more than their quota; "" where it is not."""
        if self.total_quota is not None and self.judged + self.held >= self.total_quota:
            return _("You have judged as many comparisons as you may in this project.")
        if self.daily_quota is not None and self.judged_today + self.held >= self.daily_quota:
            return _("You have judged as many comparisons as you may today. Come back tomorrow.")
        return ""

    @property
    def _hours_refusal(self) -> str:
        if self.hours and not any(hours.is_open(self.now) for hours in self.hours):
            return _("This is outside the working hours of your pool.")
        return ""

    def after_submit(self, *, was_leased: bool, is_new: bool, is_unsafe: bool) -> "Seat":
        """The seat once one assignment more is submitted."""
        return replace(
            self,
            held=self.held - was_leased,
            held_harmful=self.held_harmful - (was_leased and is_unsafe),
            judged=self.judged + is_new,
            judged_today=self.judged_today + is_new,
            harmful_today=self.harmful_today + (is_new and is_unsafe),
        )

    @property
    def shuns_harm(self) -> bool:
        """Whether the day's cap of harmful content is reached, leases included."""
        seen = self.harmful_today + self.held_harmful
        return self.harmful_cap is not None and seen >= self.harmful_cap

    @property
    def is_paid(self) -> bool:
        return self.pay_per_judgment is not None or self.pay_per_hour is not None

    def earned(self, active_ms: int) -> Decimal:
        """What one judgment of so much active time earns at the present rates."""
        hourly = (self.pay_per_hour or Decimal()) * active_ms / 3_600_000
        return ((self.pay_per_judgment or Decimal()) + hourly).quantize(Decimal("0.0001"))


_STATE_WORDS: Mapping[str, Callable[[], str]] = {
    Participation.State.PAUSED: lambda: _("Your work in this project is paused."),
    Participation.State.QUARANTINED: lambda: _("Your work in this project is paused."),
    Participation.State.RETRAINING: lambda: _(
        "Please go through this project's training and test once more."
    ),
}


def seat(annotator: User, project: Project) -> Seat:
    """The annotator's seat, locked until the transaction ends; made where there was none."""
    parameters = seat_parameters() | {"annotator": annotator.pk, "project": project.pk}
    row = prepared_row(_SEAT, parameters)
    if row is None:
        Participation.objects.get_or_create(annotator=annotator, project=project)
        row = prepared_row(_SEAT, parameters)
    assert row is not None
    return seat_from(row)


def seat_as_seen(annotator: User, project: Project) -> Seat:
    """The same for a page that only tells of it: nothing is locked."""
    parameters = seat_parameters() | {"annotator": annotator.pk, "project": project.pk}
    row = prepared_row(_SEEN, parameters)
    if row is None:
        Participation.objects.get_or_create(annotator=annotator, project=project)
        row = prepared_row(_SEEN, parameters)
    assert row is not None
    return seat_from(row)


def seat_parameters() -> dict[str, Any]:
    return {"judges": list(JUDGES), "zone": settings.TIME_ZONE}


def seat_from(row: Mapping[str, Any]) -> Seat:
    """A seat from the columns of SEAT_COLUMNS."""
    routes = [_Route(*_json(fields)) for fields in row["routes"]]
    paying = next((r for r in routes if r.per_judgment or r.per_hour), None)
    free = row["has_project_role"]
    is_member = bool(routes or free) and not row["is_archived"]
    held, held_harmful = _json(row["held"])
    return Seat(
        participation_id=row["participation_id"],
        project_id=row["project_id"],
        revision=row["revision"],
        state=row["participation_state"],
        is_member=is_member,
        is_shut_out=row["is_known"] and not is_member,
        is_qualified=not row["must_qualify"] or row["qualified_at"] is not None,
        now=row["now"],
        today=row["today"],
        claims=row["claims"],
        judged=row["judged"],
        judged_today=row["judged_today"],
        harmful_today=row["harmful_today"],
        held=held,
        held_harmful=held_harmful,
        daily_quota=_smallest(r.daily_quota for r in routes),
        total_quota=_smallest(r.total_quota for r in routes),
        harmful_cap=_smallest(r.harmful_cap for r in routes),
        hours=() if free else _hours(routes),
        languages=None if free else _languages(routes),
        skills=tuple(sorted({skill for r in routes for skill in r.skills})),
        recent_prompts=tuple(row["recent_prompts"]),
        frontiers=_json(row["frontiers"]),
        pay_per_judgment=Decimal(paying.per_judgment) if paying and paying.per_judgment else None,
        pay_per_hour=Decimal(paying.per_hour) if paying and paying.per_hour else None,
        currency=paying.currency if paying else "",
    )


@dataclass(frozen=True, slots=True)
class _Route:
    """One pool through which somebody works in the project, in the order of the SQL."""

    pool_id: int
    pool: str
    daily_quota: int | None
    total_quota: int | None
    harmful_cap: int | None
    works_from: str | None
    works_until: str | None
    works_on: list[int]
    time_zone: str
    per_judgment: str | None
    per_hour: str | None
    currency: str
    languages: list[str]
    skills: list[str]


def _smallest(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)


def _hours(routes: list[_Route]) -> tuple[WorkingHours, ...]:
    """The hours of each pool; none where one of the pools works at all times."""
    if any(r.works_from is None and not r.works_on for r in routes):
        return ()
    return tuple(
        WorkingHours(
            opens=time.fromisoformat(r.works_from) if r.works_from else None,
            closes=time.fromisoformat(r.works_until) if r.works_until else None,
            weekdays=tuple(r.works_on),
            time_zone=r.time_zone or settings.TIME_ZONE,
        )
        for r in routes
    )


def _languages(routes: list[_Route]) -> tuple[str, ...] | None:
    """Which languages somebody reads; None where it is not said, and so any."""
    if any(not r.languages for r in routes):
        return None
    return tuple(sorted({language for r in routes for language in r.languages}))


def _json(value: Any) -> Any:
    """Columns of type jsonb come as text through Django's connection."""
    return json.loads(value) if isinstance(value, str) else value
