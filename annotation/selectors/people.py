"""Who works in a project and how: figures beside each other, each with interval and count.

Nothing here counts judgments: what people did is added up as they work, and how well they judge is
measured on schedule (Participation.signals). One statement finds, sorts and cuts out a page of
people by as little as the order needs; a second reads all that is shown of these. What they cost
does not grow with what was judged.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from annotation.core.intervals import Proportion
from annotation.core.statements import HOUR_MS
from annotation.models import Membership, Project

NONE = Proportion(None, None, None, 0)
# What makes a lead look: beyond these even the end of the interval that favours the person.
UNEVEN = 0.1  # distance of the share of first slots from an even one
MOST_TIES = 0.5
UNLIKELY = 1e-4  # chance of so long a run of one slot where the slot does not matter
FASTEST = 100.0  # characters a second: four times as fast as adults read (Brysbaert 2019, 238 wpm)
FLAGS = ("slot", "ties", "run", "speed")
STATES = ("active", "retraining", "paused", "quarantined", "removed", "outside")

_FIGURES = ("agreement", "gold", "repeats", "first", "ties", "seconds")
# Who is of the project, and what is asked of everybody: columns that nobody asks for cost nothing.
_EVERYBODY = """
    SELECT u.id AS user_id, u.username, u.name, b.external_id, b.pools,
           array_remove(COALESCE(b.roles, '{}') || r.role::text, NULL) AS roles,
           {state} AS state, {flags} AS flags, p.id AS participation_id, p.judged,
           p.last_judged_at, p.quality, p.signals
      FROM (
        SELECT annotator_id AS user_id FROM annotation_participation WHERE project_id = %(project)s
        UNION
        SELECT m.user_id FROM annotation_membership m
          JOIN annotation_project_pools s ON s.pool_id = m.pool_id AND s.project_id = %(project)s
        UNION
        SELECT user_id FROM annotation_projectrole WHERE project_id = %(project)s
      ) known
      JOIN annotation_user u ON u.id = known.user_id
      LEFT JOIN annotation_participation p
        ON p.annotator_id = u.id AND p.project_id = %(project)s
      LEFT JOIN ({belongs} GROUP BY m.user_id) b ON b.user_id = u.id
      LEFT JOIN annotation_projectrole r ON r.user_id = u.id AND r.project_id = %(project)s
"""
_BELONGS = """
    SELECT m.user_id, array_agg(DISTINCT m.role::text) AS roles, array_agg(m.pool_id) AS pools,
           bool_or(m.state = 'active') AS is_active, bool_or(m.state = 'paused') AS is_paused,
           bool_or(m.state = 'removed') AS is_removed,
           string_agg(nullif(m.external_id, ''), ' ') AS external_id
      FROM annotation_membership m
      JOIN annotation_project_pools s ON s.pool_id = m.pool_id AND s.project_id = %(project)s
"""
_STATE = """
    CASE WHEN p.state <> 'active' THEN p.state
         WHEN b.is_active OR r.role IS NOT NULL THEN 'active'
         WHEN b.is_paused THEN 'paused'
         WHEN b.is_removed THEN 'removed'
         ELSE 'outside' END
"""
_FLAGS = """
    array_remove(ARRAY[
        CASE WHEN (p.signals #>> '{first,low}')::float > %(even)s + %(uneven)s
               OR (p.signals #>> '{first,high}')::float < %(even)s - %(uneven)s THEN 'slot' END,
        CASE WHEN (p.signals #>> '{ties,low}')::float > %(most_ties)s THEN 'ties' END,
        CASE WHEN (p.signals #>> '{straight,chance}')::float < %(unlikely)s THEN 'run' END,
        CASE WHEN (p.signals #>> '{speed,low}')::float > %(fastest)s THEN 'speed' END
    ], NULL)
"""
# All that is shown of a few.
_DETAILS = """
    SELECT u.id AS user_id, u.username, u.name, p.id AS participation_id,
           CASE WHEN u.judge_model <> '' THEN 'LLM judge' ELSE u.kind END AS kind,
           array_remove(COALESCE(b.roles, '{}') || r.role::text, NULL) AS roles,
           COALESCE(b.external_id, '') AS external_id, {state} AS state, {flags} AS flags,
           COALESCE(p.judged, 0) AS judged, p.last_judged_at, p.measured_at,
           p.quality, p.quality_low, p.quality_high, COALESCE(p.quality_n, 0) AS quality_n,
           COALESCE(p.signals, '{}') AS signals, COALESCE(spent.active_ms, 0) AS active_ms,
           spent.counted
      FROM unnest(%(people)s::bigint[]) WITH ORDINALITY AS cut(user_id, place)
      JOIN annotation_user u ON u.id = cut.user_id
      LEFT JOIN annotation_participation p
        ON p.annotator_id = u.id AND p.project_id = %(project)s
      LEFT JOIN LATERAL ({belongs} WHERE m.user_id = u.id GROUP BY m.user_id) b ON TRUE
      LEFT JOIN annotation_projectrole r ON r.user_id = u.id AND r.project_id = %(project)s
      LEFT JOIN LATERAL (
        SELECT sum(d.active_ms) AS active_ms, sum(d.judged) AS counted
          FROM annotation_workday d WHERE d.participation_id = p.id) spent ON TRUE
     ORDER BY cut.place
"""
_ALL_SPENT = """
    LEFT JOIN (
        SELECT d.participation_id, sum(d.active_ms) AS active_ms, sum(d.judged) AS counted
          FROM annotation_workday d JOIN annotation_participation dp ON dp.id = d.participation_id
         WHERE dp.project_id = %(project)s GROUP BY 1) every USING (participation_id)
"""
_WANTED = """
    (%(search)s = '' OR concat_ws(' ', username, name, external_id) ILIKE %(search)s)
    AND (%(pool)s::bigint IS NULL OR %(pool)s = ANY(pools))
    AND (%(state)s = '' OR state = %(state)s)
    AND (%(role)s = '' OR %(role)s = ANY(roles))
    AND (NOT %(flagged)s OR flags <> '{}')
    AND (%(user)s::bigint IS NULL OR user_id = %(user)s)
"""
# What each column is sorted by, and whether the largest comes first at the first click.
SORTS: Mapping[str, tuple[str, bool]] = {
    "judged": ("COALESCE(judged, 0)", True),
    "person": ("lower(CASE WHEN name = '' THEN username ELSE name END)", False),
    "pace": ("every.counted * 3600000.0 / nullif(every.active_ms, 0)", True),
    "hours": ("every.active_ms", True),
    "agreement": ("(signals #>> '{agreement,value}')::float", False),
    "gold": ("(signals #>> '{gold,value}')::float", False),
    "quality": ("quality", False),
    "time": ("(signals #>> '{seconds,value}')::float", False),
    "first": ("abs((signals #>> '{first,value}')::float - %(even)s)", True),
    "ties": ("(signals #>> '{ties,value}')::float", True),
    "flags": ("cardinality(flags)", True),
    "recent": ("last_judged_at", True),
    "state": ("state", False),
}
_SUMMARY = """
    WITH told AS (
        SELECT (p.signals #>> '{agreement,value}')::float AS value,
               (p.signals #>> '{agreement,high}')::float AS high,
               COALESCE((p.signals #>> '{agreement,n}')::int, 0) AS n
          FROM annotation_participation p JOIN annotation_user u ON u.id = p.annotator_id
         WHERE p.project_id = %(project)s AND p.judged > 0 AND u.kind <> 'simulated'
    ), middle AS (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS value FROM told
    )
    SELECT count(*), (SELECT value FROM middle),
           count(*) FILTER (WHERE told.n >= %(few)s AND told.high < (SELECT value FROM middle))
      FROM told
"""
FEW = 10


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person in one project. Shares are None where there is no case; n says of how many.

    `seconds` is the median time of a judgment with its interval, `per_hour` judgments in an hour of
    active time. `flags` name what is unusual even by the interval's favourable end (FLAGS).
    """

    user_id: int
    participation_id: int | None
    username: str
    name: str
    kind: str
    roles: tuple[str, ...]
    external_id: str
    state: str
    judged: int
    active_ms: int
    per_hour: float | None
    last_judged_at: datetime | None
    measured_at: datetime | None
    quality: Proportion
    agreement: Proportion
    gold: Proportion
    repeats: Proportion
    first: Proportion
    ties: Proportion
    seconds: Proportion
    flags: tuple[str, ...]

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def role_words(self) -> list[str]:
        return [str(Membership.Role(role).label) for role in self.roles]

    @property
    def hours(self) -> float:
        return self.active_ms / HOUR_MS


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which people, in which order; empty values ask for all."""

    search: str = ""
    pool_id: int | None = None
    state: str = ""
    role: str = ""
    is_flagged: bool = False
    sort: str = "judged"
    is_reversed: bool = False
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A part of the people who are wanted, and how many these are."""

    rows: tuple[PersonRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class PeopleSummary:
    """`n` people have judged; half agree with others more often than `agreement`; `n_below` are
    below it by their whole interval. Simulated annotators are not counted."""

    n: int
    agreement: float | None
    n_below: int


def people_page(
    project: Project, wanted: Wanted, *, offset: int = 0, limit: int | None = None
) -> PeoplePage:
    """Everybody who may work or has worked in the project and is wanted; of these a part."""
    parameters = _parameters(project, wanted) | {"offset": offset, "limit": limit}
    cut = _read(_cut(wanted), parameters)
    people = [row["user_id"] for row in cut]
    if not people and offset:
        return PeoplePage((), people_page(project, wanted, limit=1).total)
    rows = _read(_composed(_DETAILS), parameters | {"people": people}) if people else []
    return PeoplePage(tuple(map(_row, rows)), cut[0]["total"] if cut else 0)


def person_row(project: Project, user_id: int) -> PersonRow | None:
    """One person's row; None for who is not of the project."""
    return next(iter(people_page(project, Wanted(user_id=user_id)).rows), None)


def people_summary(project: Project) -> PeopleSummary:
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {"project": project.pk, "few": FEW}
        cursor.execute(_SUMMARY, parameters)
        n, agreement, n_below = cursor.fetchone()
    return PeopleSummary(n, agreement, n_below)


def _cut(wanted: Wanted) -> str:
    """Whom the page shows, in their order, and how many are wanted."""
    expression, falls = SORTS[wanted.sort]
    direction = "DESC" if falls != wanted.is_reversed else "ASC"
    return f"""
        SELECT user_id, count(*) OVER () AS total
          FROM ({_composed(_EVERYBODY)}) people {_ALL_SPENT if "every." in expression else ""}
         WHERE {_WANTED}
         ORDER BY {expression} {direction} NULLS LAST, judged DESC NULLS LAST, user_id
        OFFSET %(offset)s LIMIT %(limit)s
    """  # noqa: S608 - made of constants


def _composed(statement: str) -> str:
    for name, part in (("{belongs}", _BELONGS), ("{state}", _STATE), ("{flags}", _FLAGS)):
        statement = statement.replace(name, part)
    return statement


def _read(statement: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _parameters(project: Project, wanted: Wanted) -> dict[str, Any]:
    escaped = wanted.search.replace("\x00", "").replace("\\", r"\\")
    escaped = escaped.replace("%", r"\%").replace("_", r"\_").strip()
    return {
        "project": project.pk, "search": f"%{escaped}%" if escaped else "",
        "pool": wanted.pool_id, "state": wanted.state, "role": wanted.role,
        "flagged": wanted.is_flagged, "user": wanted.user_id, "even": 1 / project.candidates,
        "uneven": UNEVEN, "most_ties": MOST_TIES, "unlikely": UNLIKELY, "fastest": FASTEST,
    }  # fmt: skip


def _row(row: Mapping[str, Any]) -> PersonRow:
    signals = _json(row["signals"])
    active_ms = int(row["active_ms"])
    return PersonRow(
        user_id=row["user_id"],
        participation_id=row["participation_id"],
        username=row["username"],
        name=row["name"],
        kind=row["kind"],
        roles=tuple(sorted(set(row["roles"]))),
        external_id=row["external_id"],
        state=row["state"],
        judged=row["judged"],
        active_ms=active_ms,
        per_hour=float(row["counted"]) * HOUR_MS / active_ms if active_ms else None,
        last_judged_at=row["last_judged_at"],
        measured_at=row["measured_at"],
        quality=Proportion(
            row["quality"], row["quality_low"], row["quality_high"], row["quality_n"]
        ),
        flags=tuple(row["flags"]),
        **{name: _figure(signals.get(name)) for name in _FIGURES},
    )


def _figure(stored: Mapping[str, Any] | None) -> Proportion:
    if not stored:
        return NONE
    return Proportion(
        stored.get("value"), stored.get("low"), stored.get("high"), stored.get("n") or 0
    )


def _json(value: Any) -> dict[str, Any]:
    """Columns of type jsonb come as text through Django's connection."""
    return dict(json.loads(value) if isinstance(value, str) else value)
