"""The table of people: found, sorted and cut out by the database, from figures that are kept."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from annotation.models import Membership, Participation, Pool, Project, ProjectRole, User, WorkDay
from annotation.selectors.access import pools_led
from annotation.selectors.people import (
    SORTS,
    Wanted,
    people_page,
    people_summary,
    person_row,
)
from annotation.selectors.pools import invitations_open
from annotation.services.invitations import invitation_create, invitation_revoke
from annotation.services.quality import quality_measure
from tests.factories import judge, judge_for, make_pool, make_user

pytestmark = pytest.mark.django_db


def rows(project: Project, **wanted: object) -> dict[str, object]:
    return {row.username: row for row in people_page(project, Wanted(**wanted)).rows}


def share(value: float, low: float, high: float, n: int = 50) -> dict[str, float]:
    return {"value": value, "low": low, "high": high, "n": n}


def work(
    project: Project, user: User, *, judged: int = 0, hours: float = 0, **signals: object
) -> None:
    """What somebody did and how it was measured, as submits and the schedule would leave it."""
    part, _ = Participation.objects.update_or_create(
        annotator=user, project=project, defaults={"judged": judged, "signals": signals}
    )
    WorkDay.objects.create(
        participation=part, day=date(2026, 11, 1), judged=judged, active_ms=round(hours * 3_600_000)
    )


def test_members_without_judgments_are_listed_without_figures(project: Project) -> None:
    found = rows(project)
    assert set(found) == {"lena", "ana", "ben"}
    ana = found["ana"]
    assert (ana.judged, ana.active_ms, ana.per_hour, ana.state) == (0, 0, None, "active")
    assert ana.agreement.value is None
    assert ana.role_words == ["Annotator"]


def test_what_was_submitted_and_measured_stands_in_the_row(
    project: Project, ana: User, ben: User
) -> None:
    for winner in (0, 0, 0, 1):
        judge_for(ana, project, winner, active_ms=4000)
    for _ in range(4):
        judge_for(ben, project, 0, active_ms=2000)
    quality_measure(project=project, everybody=True)
    found = rows(project)
    assert (found["ana"].judged, found["ana"].active_ms) == (4, 16_000)
    assert found["ana"].per_hour == pytest.approx(900)
    assert found["ana"].agreement.value == pytest.approx(0.75)
    assert (found["ana"].agreement.n, found["ana"].seconds.value) == (4, 4.0)
    assert found["ana"].quality.low < found["ana"].quality.value < found["ana"].quality.high
    assert person_row(project, ana.pk) == found["ana"]


def test_who_has_left_the_pool_keeps_their_row(project: Project, pool: Pool, ana: User) -> None:
    judge(ana, project)
    pool.memberships.filter(user=ana).delete()
    assert (rows(project)["ana"].judged, rows(project)["ana"].state) == (1, "outside")


def test_states_say_what_keeps_somebody_from_work(
    project: Project, pool: Pool, lena: User, ana: User, ben: User
) -> None:
    pool.memberships.filter(user=ben).update(state="removed")
    pool.memberships.filter(user=ana).update(state="paused")
    assert [rows(project)[name].state for name in ("ana", "ben", "lena")] == [
        "paused", "removed", "active"
    ]  # fmt: skip
    project.pools.add(make_pool("Second", annotator=[ana]))
    ProjectRole.objects.create(project=project, user=ben, role="annotator")
    assert rows(project)["ana"].state == rows(project)["ben"].state == "active"
    Participation.objects.create(annotator=ana, project=project, state="quarantined")
    assert rows(project, state="quarantined").keys() == {"ana"}


def test_search_and_filters_find_people(
    project: Project, pool: Pool, ana: User, ben: User, otto: User
) -> None:
    other = make_pool("Second", reviewer=[ben])
    project.pools.add(other)
    ProjectRole.objects.create(project=project, user=otto, role="viewer")
    pool.memberships.filter(user=ana).update(external_id="5f_%3a")
    assert rows(project, search="OTT").keys() == {"otto"}
    assert rows(project, search="f_%3").keys() == {"ana"}
    assert rows(project, search="%") == rows(project, search="_") == rows(project, search="%3a")
    assert rows(project, pool_id=other.pk).keys() == {"ben"}
    assert rows(project, role="reviewer").keys() == {"ben"}
    assert rows(project, role="viewer").keys() == {"otto"}
    assert rows(project)["ben"].roles == ("annotator", "reviewer")
    assert not rows(project, search="\x00'; --")


KEYS = {
    "judged": lambda row: row.judged,
    "pace": lambda row: row.per_hour,
    "hours": lambda row: row.active_ms or None,
    "agreement": lambda row: row.agreement.value,
    "time": lambda row: row.seconds.value,
    "first": lambda row: None if row.first.value is None else abs(row.first.value - 0.5),
    "flags": lambda row: len(row.flags),
    "person": lambda row: str(row).lower(),
}


def test_every_column_sorts_both_ways_with_the_unknown_last(project: Project, pool: Pool) -> None:
    for at in range(5):
        user = make_user(f"p{at}")
        pool.memberships.create(user=user)
        near = 0.2 + 0.1 * at
        work(
            project, user, judged=7 * at % 5, hours=(3 * at) % 5 + 1,
            agreement=share(near, 0.1, 0.9),
            seconds=share(20 - at, 10, 30), first=share(near, near - 0.05, near + 0.05),
        )  # fmt: skip
    for sort in SORTS:
        for is_reversed in (False, True):
            found = people_page(project, Wanted(sort=sort, is_reversed=is_reversed)).rows
            assert len(found) == 8
            if sort in KEYS:
                values = [KEYS[sort](row) for row in found]
                known = [value for value in values if value is not None]
                assert values[: len(known)] == known
                falls = SORTS[sort][1] != is_reversed
                assert all(a >= b if falls else a <= b for a, b in pairwise(known)), sort


def test_pages_follow_each_other_without_gap_or_repeat(project: Project, pool: Pool) -> None:
    for at in range(7):
        pool.memberships.create(user=make_user(f"p{at}"))
    asked = Wanted(sort="judged")
    parts = [people_page(project, asked, offset=at, limit=4) for at in (0, 4, 8)]
    assert [part.total for part in parts] == [10, 10, 10]
    names = [row.username for part in parts for row in part.rows]
    assert names == list(rows(project))
    assert people_page(project, asked, offset=12, limit=4).total == 10


def test_what_is_unusual_must_be_so_even_by_the_interval(
    project: Project, ana: User, ben: User, lena: User
) -> None:
    work(
        project, ana, first=share(0.8, 0.7, 0.88), ties=share(0.7, 0.55, 0.8),
        speed=share(160, 120, 200), straight={"value": 40, "n": 50, "chance": 1e-9},
    )  # fmt: skip
    work(
        project, ben, first=share(0.8, 0.55, 0.95), ties=share(0.7, 0.4, 0.8),
        speed=share(160, 90, 200), straight={"value": 5, "n": 50, "chance": 0.5},
    )  # fmt: skip
    work(project, lena, first=share(0.2, 0.1, 0.35))
    found = rows(project)
    assert found["ana"].flags == ("slot", "ties", "run", "speed")
    assert (found["ben"].flags, found["lena"].flags) == ((), ("slot",))
    assert rows(project, is_flagged=True).keys() == {"ana", "lena"}


def test_the_summary_is_of_people(project: Project, pool: Pool) -> None:
    assert people_summary(project).n == 0
    for at, (low, high) in enumerate([(0.1, 0.3), (0.6, 0.8), (0.7, 0.9)]):
        kind = User.Kind.HUMAN
        work(project, make_user(f"p{at}", kind=kind), judged=9,
             agreement=share((low + high) / 2, low, high))  # fmt: skip
    robot = make_user("robot", kind=User.Kind.SIMULATED)
    work(project, robot, judged=9, agreement=share(0.1, 0.0, 0.2))
    summary = people_summary(project)
    assert (summary.n, summary.n_below) == (3, 1)
    assert summary.agreement == pytest.approx(0.7)


def test_only_invitations_that_still_work_are_open(
    project: Project, pool: Pool, lena: User
) -> None:
    kept, _ = invitation_create(actor=lena, pool=pool, role="annotator")
    revoked, _ = invitation_create(actor=lena, pool=pool, role="annotator")
    invitation_revoke(actor=lena, invitation=revoked)
    old, _ = invitation_create(actor=lena, pool=pool, role="annotator")
    type(old).objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(1))
    assert list(invitations_open(project.pools.all())) == [kept]


def test_pools_led(pool: Pool, project: Project, lena: User, ana: User, otto: User) -> None:
    assert list(pools_led(lena)) == [pool]
    assert list(pools_led(ana)) == []
    assert pool not in pools_led(otto)
    ProjectRole.objects.create(project=project, user=ana, role="owner")
    assert list(pools_led(ana)) == []
    Membership.objects.filter(user=lena).update(state="paused")
    assert list(pools_led(lena)) == []
