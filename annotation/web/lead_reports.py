"""What the judgments say about themselves and what leaves: agreement, audits, exports."""

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import Conflict
from annotation.core.figures import Interval, Point, Table, interval_table
from annotation.core.rendering import render_markdown
from annotation.core.row_weights import CONSENSUS, OFF
from annotation.models import AgreementReport, BiasAudit, Criterion, Project, Run
from annotation.selectors import reports
from annotation.selectors.access import export_for_lead
from annotation.selectors.disputes import decisions_in_force
from annotation.selectors.judgments import latest_judgment_id, live
from annotation.selectors.overview import latest_runs
from annotation.services.exports import archive_path
from annotation.services.runs import run_create, run_create_unless_live
from annotation.web.auth import person, signed_in
from annotation.web.lead import done, led, looked_at, page, send

HISTORY = 60
LEVELS = ((0.8, "closely"), (0.667, "fairly well"), (0.4, "moderately"), (0.0, "weakly"))
FAVOURED = {
    "position": "The response shown first wins",
    "length": "The longer response wins",
}


@signed_in
@require_safe
def agreement(request: HttpRequest, slug: str) -> HttpResponse:
    project = looked_at(request, slug)
    newest = reports.latest_agreements(project)
    by_criterion = [_criterion_row(report) for report in newest]
    history = _history(project)
    overall = next((r for r in newest if r.criterion.key == Criterion.OVERALL), None)
    return page(
        request,
        "lead/agreement.html",
        project,
        tables=[
            interval_table("agreement", _("Alpha by criterion"), by_criterion, "alpha"),
            _trend_table("agreement-history", _("Alpha over time"), history),
        ],
        overall=overall,
        newest=newest,
        by_criterion=by_criterion,
        history=history,
        sentence=_agreement_sentence(overall, newest),
        n_new=_judgments_since(project, overall),
        run=latest_runs(project).get(Run.Kind.AGREEMENT),
    )


@signed_in
@require_POST
def agreement_measure(request: HttpRequest, slug: str) -> HttpResponse:
    return _ask(request, led(request, slug), Run.Kind.AGREEMENT, "annotation:agreement")


@signed_in
@require_safe
def audits(request: HttpRequest, slug: str) -> HttpResponse:
    project = looked_at(request, slug)
    newest = reports.latest_audits(project)
    rows = [_audit_row(audit) for audit in newest]
    histories = [
        (audit.bias, FAVOURED[audit.bias], points)
        for audit in newest
        if len(points := _audit_history(project, audit.bias)) > 1
    ]
    return page(
        request,
        "lead/audits.html",
        project,
        tables=[
            interval_table("audits", _("Bias audits"), rows, "share of decided votes"),
            *(_trend_table(f"audits-{bias}", words, pts) for bias, words, pts in histories),
        ],
        newest=newest,
        rows=rows,
        histories=histories,
        sentence=_audit_sentence(newest),
        n_new=_judgments_since(project, newest[0] if newest else None),
        run=latest_runs(project).get(Run.Kind.AUDIT),
    )


@signed_in
@require_POST
def audits_measure(request: HttpRequest, slug: str) -> HttpResponse:
    return _ask(request, led(request, slug), Run.Kind.AUDIT, "annotation:audits")


@signed_in
@require_safe
def exports(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    n_people = live(project).count()
    return page(
        request,
        "lead/exports.html",
        project,
        exports=reports.exports(project),
        n_people=n_people,
        n_quarantined=live(project, with_quarantined=True).count() - n_people,
        n_decided=decisions_in_force(project).count(),
        n_simulated=live(project, include_simulated=True).count() - n_people,
        run=latest_runs(project).get(Run.Kind.EXPORT),
    )


@signed_in
@require_POST
def export_new(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    params = {
        "include_simulated": "include_simulated" in request.POST,
        "is_majority": request.POST.get("rows") == "majority",
        "follows_adjudication": "beside" not in request.POST,
        "weights": CONSENSUS if "weights" in request.POST else OFF,
        "with_quarantined": "with_quarantined" in request.POST,
    }
    run = run_create(actor=person(request), project=project, kind=Run.Kind.EXPORT, params=params)
    send(run)
    return done(request, _("The release is being written."), "annotation:exports", slug)


@signed_in
@require_safe
def export_card(request: HttpRequest, export_id: int) -> HttpResponse:
    export = export_for_lead(user=person(request), export_id=export_id)
    return page(
        request,
        "lead/export.html",
        export.project,
        export=export,
        card_html=render_markdown(_without_front_matter(export.card)),
    )


@signed_in
@require_safe
def export_download(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """The release as one zip file, named by its row and never by what was asked for."""
    export = export_for_lead(user=person(request), export_id=export_id)
    path = archive_path(export)
    return FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=f"{export.project.slug}-export-{export.pk}.zip",
        content_type="application/zip",
    )


def _ask(request: HttpRequest, project: Project, kind: str, back: str) -> HttpResponse:
    run = run_create_unless_live(actor=person(request), project=project, kind=kind)
    if run is None:
        raise Conflict(_("That is being measured already."), hint=_("See Runs."))
    send(run)
    return done(request, _("Measuring."), back, project.slug)


def _judgments_since(project: Project, report: AgreementReport | BiasAudit | None) -> int:
    """How many judgments and amendments the newest figures have not seen."""
    if report is None:
        return live(project).count()
    if latest_judgment_id(project) <= report.cutoff_judgment_id:
        return 0
    return live(project).filter(pk__gt=report.cutoff_judgment_id).count()


def _criterion_row(report: AgreementReport) -> Interval:
    return Interval(
        label=report.criterion.name,
        value=report.estimate,
        low=report.low,
        high=report.high,
        n=report.n_comparisons,
        note=report.note,
    )


def _history(project: Project) -> list[Point]:
    found = reports.agreement_history(project).filter(
        criterion__key=Criterion.OVERALL, estimate__isnull=False
    )
    return [_point(report, report.n_comparisons) for report in reversed(found[:HISTORY])]


def _audit_history(project: Project, bias: str) -> list[Point]:
    found = reports.audit_history(project).filter(bias=bias, estimate__isnull=False)
    return [_point(audit, audit.n_judgments) for audit in reversed(found[:HISTORY])]


def _point(report: AgreementReport | BiasAudit, n: int) -> Point:
    return Point(
        x=report.created_at.timestamp(),
        value=report.estimate or 0.0,
        low=report.low,
        high=report.high,
        n=n,
        label=f"{report.created_at:%Y-%m-%d %H:%M}",
    )


def _trend_table(key: str, title: str, points: list[Point]) -> Table:
    rows = tuple((p.label, p.value, p.low, p.high, p.n) for p in reversed(points))
    return Table(key, title, (_("measured"), _("estimate"), _("low"), _("high"), "n"), rows)


def _agreement_sentence(overall: AgreementReport | None, newest: list[AgreementReport]) -> str:
    if overall is None:
        return _("Do they agree? Nobody has measured it yet.")
    if overall.estimate is None:
        return _("Do they agree? It cannot be told yet. %(why)s") % {"why": overall.note}
    how = next((word for level, word in LEVELS if overall.estimate >= level), "")
    sentence = _("Do they agree? %(how)s: alpha %(alpha)s%(interval)s on %(n)s items.") % {
        "how": how.capitalize() if how else _("No more than by chance"),
        "alpha": _two(overall.estimate),
        "interval": _interval_words(overall),
        "n": f"{overall.n_comparisons:,}",
    }
    told = [r for r in newest if r.estimate is not None and r.pk != overall.pk]
    worst = min(told, key=lambda r: r.estimate or 0.0, default=None)
    if worst is None or worst.high is None or overall.low is None or worst.high >= overall.low:
        return sentence
    least = _("Least on “%(criterion)s”: %(alpha)s.") % {
        "criterion": worst.criterion.name,
        "alpha": _two(worst.estimate or 0.0),
    }
    return f"{sentence} {least}"


def _audit_row(audit: BiasAudit) -> Interval:
    return Interval(
        label=FAVOURED[audit.bias],
        value=audit.estimate,
        low=audit.low,
        high=audit.high,
        n=audit.n_judgments,
        note=audit.note,
    )


def _audit_sentence(newest: list[BiasAudit]) -> str:
    if not newest:
        return _("What besides quality moves the votes? Nobody has looked yet.")
    told = [audit for audit in newest if audit.estimate is not None]
    if not told:
        return _("What besides quality moves the votes? There is too little to tell yet.")
    found = [a for a in told if a.low is not None and a.high is not None
             and not a.low <= 0 <= a.high]  # fmt: skip
    if not found:
        names = " or ".join(audit.bias for audit in told)
        return _("No bias by %(names)s was found; see below what would have been.") % {
            "names": names
        }
    parts = [
        f"{FAVOURED[a.bias].lower()} {100 * (a.estimate or 0):.1f}%"
        f" [{100 * (a.low or 0):.1f}%,\N{NO-BREAK SPACE}{100 * (a.high or 0):.1f}%]"
        for a in found
    ]
    words = ngettext("%(n)s vote", "%(n)s votes", found[0].n_judgments)
    joined = _(" and ").join(parts)
    sentence = joined[0].upper() + joined[1:]
    return _("%(what)s of %(votes)s; without bias it would be half.") % {
        "what": sentence,
        "votes": words % {"n": f"{found[0].n_judgments:,}"},
    }


def _interval_words(report: AgreementReport) -> str:
    if report.low is None or report.high is None:
        return ""
    return f" [{_two(report.low)},\N{NO-BREAK SPACE}{_two(report.high)}]"


def _two(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _without_front_matter(card: str) -> str:
    """The card's text; its YAML head is for programs."""
    if not card.startswith("---\n"):
        return card
    return card.split("\n---\n", 1)[-1]
