"""Audits: what besides quality moves the votes, how sure that is, and the votes behind it."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from annotation.core.figures import Point, Table
from annotation.models import BiasAudit, Project, Run
from annotation.selectors import reports
from annotation.selectors.audit_votes import VoteBehind, votes_behind
from annotation.selectors.judgments import latest_judgment_id, live
from annotation.selectors.overview import latest_runs
from annotation.web import audit_words as words
from annotation.web import judge_words
from annotation.web.auth import person, signed_in
from annotation.web.lead import led, looked_at, page
from annotation.web.measuring import measure_asked

HISTORY = 60
MOST_TRENDS = 6
MOST_DRAWN = 40
SURE = (BiasAudit.Status.FOUND, BiasAudit.Status.HINT)
ALWAYS = ("position", "length")
DRIFTS = {
    "drift:position": gettext_lazy("Going for the response shown first"),
    "drift:length": gettext_lazy("Going for the longer response"),
    "drift:speed": gettext_lazy("Reading speed"),
}


@signed_in
@require_safe
def audits(request: HttpRequest, slug: str) -> HttpResponse:
    project = looked_at(request, slug)
    is_lead = reports.leads(person(request), project)
    with_quarantined = request.GET.get("quarantined") == "with"
    newest = reports.latest_audits(project, with_quarantined=with_quarantined)
    of_people = [audit for audit in newest if not audit.is_of_judge]
    shown = of_people if is_lead else [audit for audit in of_people if audit.kind != "group"]
    judges = judge_words.judges_shown(project, newest, with_links=is_lead)
    effects = [a for a in shown if not a.bias.startswith((words.GROUPS, words.DRIFT))]
    groups = [a for a in shown if a.bias.startswith(words.GROUPS)]
    drifts = [a for a in shown if a.bias.startswith(words.DRIFT)]
    trends = _trends(project, effects, with_quarantined=with_quarantined)
    said = _said(effects)
    rows = words.effect_rows(project, effects, with_links=is_lead)
    return page(
        request,
        "lead/audits.html",
        project,
        tables=[
            *words.effects_tables(effects),
            words.groups_table(groups),
            *(words.trend_table(bias, title, points) for bias, title, points, _key in trends),
            *(words.drift_table(audit, _drifting(audit)) for audit in drifts),
            *judge_words.judges_tables(newest),
        ],
        newest=newest,
        with_quarantined=with_quarantined,
        sentence=words.audits_sentence(effects, [*groups, *drifts]),
        rows=rows[:MOST_DRAWN],
        n_undrawn=max(len(rows) - MOST_DRAWN, 0),
        sure=[each for each in said if each[0].status in SURE or each[3]],
        unsure=[each for each in said if each[0].status not in SURE and not each[3]],
        unsaid=[
            (audit, words.name_of(audit))
            for audit in effects
            if audit.status == BiasAudit.Status.UNTOLD
        ],
        groups=[(audit, words.attribute_words(audit), words.agreement_rows(audit), *_badge(audit))
                for audit in groups],
        drifts=_drifts(drifts),
        trends=trends,
        judges=judges,
        judges_rows=[row for judge in judges for row in judge.rows],
        n_new=_judgments_since(project, newest),
        run=latest_runs(project).get(Run.Kind.AUDIT),
    )  # fmt: skip


@signed_in
@require_POST
def audits_measure(request: HttpRequest, slug: str) -> HttpResponse:
    return measure_asked(request, slug, Run.Kind.AUDIT, "annotation:audits")


@signed_in
@require_safe
def audit_votes(request: HttpRequest, slug: str, audit_id: int) -> HttpResponse:
    """Names people and responses, so it is for those who lead."""
    project = led(request, slug)
    audit = reports.audit_for(project, viewer=person(request), audit_id=audit_id)
    votes = votes_behind(audit)
    return page(
        request,
        "lead/audit_votes.html",
        project,
        tables=[_votes_table(votes)],
        audit=audit,
        favours=audit.detail.get("favours") or audit.bias,
        judge=audit.detail.get("judge", ""),
        votes=votes,
    )


def _said(effects: Sequence[BiasAudit]) -> list[tuple[BiasAudit, str, str, str]]:
    told = [audit for audit in effects if audit.status != BiasAudit.Status.UNTOLD]
    return [(audit, *_badge(audit), words.plainly(audit)) for audit in words.in_order(told)]


def _badge(audit: BiasAudit) -> tuple[str, str]:
    return words.badge(audit.status)


def _drifting(audit: BiasAudit) -> str:
    return str(DRIFTS.get(audit.bias, audit.bias))


def _drifts(audits: Sequence[BiasAudit]) -> list[tuple[BiasAudit, str, str, list[Point], str, str]]:
    return [
        (
            audit, audit.bias.replace(":", "-"), _drifting(audit),
            words.drift_points(audit), *_badge(audit),
        )
        for audit in audits
    ]  # fmt: skip


def _trends(
    project: Project, effects: Sequence[BiasAudit], *, with_quarantined: bool
) -> list[tuple[str, str, list[Point], str]]:
    """Of the side, of length, and of what was found or hinted at: bias, title, points and key."""
    wanted = [a for a in effects if a.bias in ALWAYS]
    wanted += [a for a in words.in_order(effects) if a.status in SURE and a.bias not in ALWAYS]
    history = reports.audit_history(project, with_quarantined=with_quarantined)
    found = []
    for audit in wanted[:MOST_TRENDS]:
        rows = history.filter(bias=audit.bias, estimate__isnull=False, low__isnull=False)
        points = [words.history_point(each) for each in reversed(rows[:HISTORY])]
        if len(points) > 1:
            title = str(audit.detail.get("favours") or audit.bias)
            found.append((audit.bias, title, points, words.trend_key(audit.bias)))
    return found


def _judgments_since(project: Project, newest: Sequence[BiasAudit]) -> int:
    """How many judgments and amendments the newest figures have not seen."""
    if not newest:
        return live(project).count()
    cutoff = newest[0].cutoff_judgment_id
    if latest_judgment_id(project) <= cutoff:
        return 0
    return live(project).filter(pk__gt=cutoff).count()


def _votes_table(votes: Sequence[VoteBehind]) -> Table:
    columns = (
        "judgment", "comparison", "annotator", "judged_at", "order_known", "shown", "characters",
        "preferred", "prompt",
    )  # fmt: skip
    rows = tuple(
        (
            vote.judgment_id, vote.comparison_id, vote.annotator, vote.judged_at.isoformat(),
            str(vote.is_order_known).lower(), " | ".join(vote.shown),
            " | ".join(map(str, vote.lengths)), vote.preferred, vote.prompt,
        )
        for vote in votes
    )  # fmt: skip
    return Table("votes", _("Votes behind the effect"), columns, rows)
