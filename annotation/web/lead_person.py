"""One person in one project: what they did, day by day, how well, and what a lead may change."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, NotFound
from annotation.core.figures import Point, Table, interval_table
from annotation.core.intervals import wilson
from annotation.models import Membership, Project
from annotation.selectors.access import (
    membership_for_lead,
    pools_led,
    project_role_for_lead,
    projects_led,
)
from annotation.selectors.people import person_row
from annotation.selectors.people_reports import person_report
from annotation.selectors.person_history import (
    Day,
    GoldDay,
    days_of,
    gold_until,
    interventions_of,
    memberships_of,
    project_role_of,
    recent_judgments,
)
from annotation.services.people import (
    membership_set,
    membership_state_set,
    membership_terms_set,
)
from annotation.services.project_roles import project_role_remove, project_role_set
from annotation.web.auth import person, signed_in
from annotation.web.lead import done, go, led, page
from annotation.web.people_words import FLAG_WORDS, STATE_WORDS, figures_of
from annotation.web.quality_words import lines


@signed_in
@require_safe
def member(request: HttpRequest, slug: str, user_id: int) -> HttpResponse:
    """One person's figures in the project, and what the lead may do about them."""
    return _member(request, led(request, slug), user_id)


@signed_in
@require_POST
def member_change(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    """A new role, a new state or new terms; the way back is to the person's page."""
    project, user = led(request, slug), person(request)
    membership = membership_for_lead(user=user, membership_id=membership_id)
    get_object_or_404(project.pools, pk=membership.pool_id)
    try:
        words = _change(request, membership)
    except AlignUIError as error:
        return _member(request, project, membership.user_id, error=error, wrong=membership.pk)
    if not projects_led(user).filter(pk=project.pk).exists():
        return go(request, "annotation:home")
    return done(request, words, "annotation:person", slug, membership.user_id)


@signed_in
@require_POST
def role_change(request: HttpRequest, slug: str, role_id: int) -> HttpResponse:
    """Another role in the project, or none."""
    project, user = led(request, slug), person(request)
    role = project_role_for_lead(user=user, role_id=role_id)
    if role.project_id != project.pk:
        raise NotFound(_("There is no such role for you."))
    given = request.POST.get("role", "")
    if "remove" in request.POST:
        project_role_remove(actor=user, role=role)
        words = _("%(user)s has no role of their own in this project any more.")
    else:
        project_role_set(actor=user, project=project, user=role.user, role=given)
        words = _("The role of %(user)s is changed.")
    if not projects_led(user).filter(pk=project.pk).exists():
        return go(request, "annotation:home")
    return done(request, words % {"user": role.user}, "annotation:people", slug)


def _change(request: HttpRequest, membership: Membership) -> str:
    user, post = person(request), request.POST
    if "state" in post:
        changed = membership_state_set(actor=user, membership=membership, state=post["state"])
        return _("%(user)s is now %(state)s.") % {
            "user": changed.user,
            "state": changed.get_state_display().lower(),
        }
    if "terms" in post:
        membership_terms_set(
            actor=user, membership=membership, languages=post.get("languages", "").split(","),
            skills=post.get("skills", "").split(","), external_id=post.get("external_id", ""),
        )  # fmt: skip
        return _("What %(user)s reads and can is saved.") % {"user": membership.user}
    role = post.get("role", "")
    changed = membership_set(actor=user, pool=membership.pool, user=membership.user, role=role)
    return _("%(user)s is now %(role)s.") % {
        "user": changed.user,
        "role": changed.get_role_display().lower(),
    }


def _member(
    request: HttpRequest,
    project: Project,
    user_id: int,
    *,
    error: AlignUIError | None = None,
    wrong: int | None = None,
) -> HttpResponse:
    row = person_row(project, user_id)
    if row is None:
        raise NotFound(_("There is no such person in this project."))
    figures = figures_of(row, 1 / project.candidates)
    quality = person_report(project, user_id)
    days = days_of(row.participation_id, user_id, project) if row.participation_id else []
    gold = gold_until(user_id, project)
    return page(
        request,
        "lead/person.html",
        project,
        tables=[interval_table("figures", str(row), figures, "share"), _days_table(days)],
        status=error.status if error else 200,
        row=row,
        state_words=STATE_WORDS[row.state],
        flags=[FLAG_WORDS[key][1] for key in row.flags],
        figures=figures,
        quality=lines(quality.report, [quality])[0] if quality is not None else None,
        days=days,
        charts=_charts(days, gold),
        judgments=recent_judgments(user_id, project),
        interventions=interventions_of(row.participation_id) if row.participation_id else [],
        memberships=[
            (each, _terms_fields(each, request.POST, error if each.pk == wrong else None))
            for each in memberships_of(user_id, project)
        ],
        project_role=project_role_of(user_id, project),
        led_pools=set(pools_led(person(request)).values_list("pk", flat=True)),
        roles=Membership.Role.choices,
        error=error,
        wrong_membership=wrong,
        even=1 / project.candidates,
    )


def _terms_fields(
    membership: Membership, post: QueryDict, error: AlignUIError | None
) -> list[tuple[str, str, str, str, str]]:
    """Name, label, value, hint and what is wrong of each field; as sent where it was refused."""
    of_pool = _("Empty: those of the pool (%(words)s).")
    none = _("none said")
    fields = (
        ("languages", _("Languages"), ", ".join(membership.languages),
         of_pool % {"words": ", ".join(membership.pool.languages) or none}),
        ("skills", _("Skills"), ", ".join(membership.skills),
         of_pool % {"words": ", ".join(membership.pool.skills) or none}),
        ("external_id", _("External id"), membership.external_id,
         _("As the platform or your payroll knows them.")),
    )  # fmt: skip
    return [
        (
            name, label, post.get(name, "") if error else value, hint,
            str(error) if error and error.field == name else "",
        )
        for name, label, value, hint in fields
    ]  # fmt: skip


def _charts(days: Sequence[Day], gold: Sequence[GoldDay]) -> dict[str, list[Point]]:
    """Points of the charts; a line needs two days."""
    return {
        "judged": [Point(_at(d.day), d.judged, label=f"{d.day:%d %b}") for d in days],
        "hours": [Point(_at(d.day), d.active_ms / 3_600_000, label=f"{d.day:%d %b}") for d in days],
        "seconds": [
            Point(_at(d.day), d.seconds, d.lower, d.upper, d.timed, f"{d.day:%d %b}")
            for d in days
            if d.seconds is not None
        ],
        "gold": [
            Point(_at(each.day), share.value, share.low, share.high, share.n, f"{each.day:%d %b}")
            for each in gold
            if (share := wilson(each.right, each.n)).value is not None
        ],
    }


def _at(day: date) -> float:
    """Noon, so that a day is the same day in every time zone that draws it."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()


def _days_table(days: Sequence[Day]) -> Table:
    return Table(
        "days",
        _("Days"),
        (
            "day", "judged", "skipped", "active_hours", "median_seconds", "quartile_1",
            "quartile_3", "n_timed",
        ),
        tuple(
            (
                each.day.isoformat(), each.judged, each.skipped,
                round(each.active_ms / 3_600_000, 4), each.seconds, each.lower, each.upper,
                each.timed,
            )
            for each in days
        ),
    )  # fmt: skip
