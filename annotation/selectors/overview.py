"""The loop at a glance: how much there is of each step, and what state it is in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import (
    AgreementReport,
    Assignment,
    Batch,
    BiasAudit,
    Comparison,
    Completion,
    Export,
    Judgment,
    Membership,
    Policy,
    Project,
    ProjectRole,
    Prompt,
    Run,
)
from annotation.selectors.judgments import latest_judgment_id, live
from annotation.selectors.reports import latest_agreement, latest_audits

EMPTY, IDLE, RUNNING, DUE, FAILED, DONE = "empty", "idle", "running", "due", "failed", "done"


@dataclass(frozen=True, slots=True)
class LoopStep:
    """One step of the loop as the overview draws it.

    `figure` and `unit` are read together ("31" "responses"); `url_name` takes the project's slug.
    """

    key: str
    title: str
    figure: str
    unit: str
    state: str
    detail: str
    url_name: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast judgments come in, and when those that are still wanted will be there."""

    per_hour: float
    window: timedelta
    wanted: int
    finishes_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """A project in a lead's list."""

    project: Project
    n_prompts: int
    n_judgments: int
    n_wanted: int
    n_people: int
    last_judged_at: datetime | None


def latest_runs(project: Project) -> dict[str, Run]:
    """The newest run of each kind."""
    newest = Run.objects.filter(project=project).order_by("kind", "-id").distinct("kind")
    return {run.kind: run for run in newest}


def run_state(run: Run | None, otherwise: str) -> str:
    """What a step's newest run says about it; `otherwise` where it says nothing."""
    if run is not None and run.is_live:
        return RUNNING
    if run is not None and run.state == Run.State.FAILED:
        return FAILED
    return otherwise


def run_words(run: Run | None, otherwise: str) -> str:
    """How far a live run is, or that it failed; `otherwise` where there is nothing to say."""
    if run is not None and run.is_live:
        return _("%(percent)s%% done") % {"percent": run.percent} if run.total else _("starting")
    if run is not None and run.state == Run.State.FAILED:
        return _("the last run failed")
    return otherwise


def loop_state(project: Project) -> list[LoopStep]:
    """The steps of the people half, in the order of the loop."""
    runs = latest_runs(project)
    return [
        _prompts(project, runs.get(Run.Kind.IMPORT)),
        _completions(project, runs.get(Run.Kind.GENERATION)),
        _comparisons(project),
        _assignments(project),
        _judgments(project),
        _agreement(project, runs.get(Run.Kind.AGREEMENT), runs.get(Run.Kind.AUDIT)),
        _exports(project, runs.get(Run.Kind.EXPORT)),
    ]


def pace(project: Project, now: datetime) -> Pace:
    """Judgments an hour of the last hour, else of the last day; imported ones are nobody's pace."""
    wanted = judgments_wanted(project)
    came = Judgment.objects.filter(comparison__project=project, revision=0).exclude(
        source=Judgment.Source.IMPORT
    )
    for window in (timedelta(hours=1), timedelta(days=1)):
        count = came.filter(created_at__gt=now - window).count()
        if count:
            per_hour = count / (window / timedelta(hours=1))
            finishes = now + timedelta(hours=wanted / per_hour) if wanted else None
            return Pace(per_hour, window, wanted, finishes)
    return Pace(0.0, timedelta(days=1), wanted, None)


def judgments_wanted(project: Project, *, state: str = Batch.State.OPEN) -> int:
    """Judgments that batches in a state, by default the open ones, still want."""
    left = (
        Comparison.objects.filter(
            project=project, state=Comparison.State.OPEN, batch__state=state, lane__isnull=False
        )
        .exclude(batch__reason=Batch.Reason.GOLD)
        .aggregate(left=Sum(F("overlap") - F("judged"), default=0))
    )
    return int(left["left"])


def project_lines(projects: list[Project]) -> list[ProjectLine]:
    """The projects with how much there is in each."""
    return [_project_line(project) for project in projects]


def _project_line(project: Project) -> ProjectLine:
    judgments = Judgment.objects.live().filter(comparison__project=project)
    last = judgments.order_by("-judged_at").values_list("judged_at", flat=True).first()
    by_pool = Membership.objects.filter(pool__projects=project, state=Membership.State.ACTIVE)
    by_project = ProjectRole.objects.filter(project=project)
    people = by_pool.values("user").union(by_project.values("user"))
    return ProjectLine(
        project=project,
        n_prompts=Prompt.objects.filter(project=project).count(),
        n_judgments=judgments.count(),
        n_wanted=judgments_wanted(project),
        n_people=people.count(),
        last_judged_at=last,
    )


def _prompts(project: Project, run: Run | None) -> LoopStep:
    counts = Prompt.objects.filter(project=project).aggregate(
        n=Count("pk"), held_out=Count("pk", filter=Q(is_held_out=True))
    )
    return LoopStep(
        key="prompts",
        title=_("Prompts"),
        figure=f"{counts['n']:,}",
        unit=ngettext("prompt", "prompts", counts["n"]),
        state=run_state(run, DONE if counts["n"] else EMPTY),
        detail=run_words(run, _("%(n)s held out") % {"n": f"{counts['held_out']:,}"}),
        url_name="annotation:prompts",
    )


def _completions(project: Project, run: Run | None) -> LoopStep:
    count = Completion.objects.filter(prompt__project=project).count()
    policies = Policy.objects.filter(project=project, completions__isnull=False).distinct().count()
    by = ngettext("by %(n)s policy", "by %(n)s policies", policies) % {"n": policies}
    return LoopStep(
        key="completions",
        title=_("Responses"),
        figure=f"{count:,}",
        unit=ngettext("response", "responses", count),
        state=run_state(run, DONE if count else EMPTY),
        detail=run_words(run, by if count else _("nothing written yet")),
        url_name="annotation:policies",
    )


def _comparisons(project: Project) -> LoopStep:
    count = Comparison.objects.filter(project=project).count()
    open_batches = project.batches.filter(state=Batch.State.OPEN).count()
    words = ngettext("%(n)s batch open", "%(n)s batches open", open_batches) % {"n": open_batches}
    return LoopStep(
        key="comparisons",
        title=_("Comparisons"),
        figure=f"{count:,}",
        unit=ngettext("comparison", "comparisons", count),
        state=EMPTY if not count else DONE if open_batches else IDLE,
        detail=words if count else _("no batch opened yet"),
        url_name="annotation:batches",
    )


def _assignments(project: Project) -> LoopStep:
    leased = Assignment.objects.filter(
        comparison__project=project,
        state=Assignment.State.LEASED,
        expires_at__gt=timezone.now(),
    ).count()
    wanted = judgments_wanted(project)
    words = ngettext("%(n)s judgment wanted", "%(n)s judgments wanted", wanted)
    return LoopStep(
        key="assignments",
        title=_("Assignments"),
        figure=f"{leased:,}",
        unit=_("being judged now"),
        state=RUNNING if leased else DUE if wanted else IDLE,
        detail=words % {"n": f"{wanted:,}"} if wanted else _("nothing is open"),
        url_name="annotation:people",
    )


def _judgments(project: Project) -> LoopStep:
    by_people = live(project)
    count = by_people.count()
    simulated = live(project, include_simulated=True).count() - count
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    today = by_people.filter(judged_at__gte=midnight).exclude(source=Judgment.Source.IMPORT).count()
    parts = [_("%(n)s today") % {"n": f"{today:,}"}]
    if simulated:
        parts.append(_("%(n)s by programs besides") % {"n": f"{simulated:,}"})
    return LoopStep(
        key="judgments",
        title=_("Judgments"),
        figure=f"{count:,}",
        unit=ngettext("judgment", "judgments", count),
        state=DONE if count + simulated else EMPTY,
        detail=" · ".join(parts),
        url_name="annotation:batches",
    )


def _agreement(project: Project, agreement_run: Run | None, audit_run: Run | None) -> LoopStep:
    report = latest_agreement(project)
    newest = latest_judgment_id(project)
    is_stale = newest > (report.cutoff_judgment_id if report else 0)
    otherwise = EMPTY if not newest else DUE if is_stale else DONE
    run = agreement_run if agreement_run is not None and agreement_run.is_live else audit_run
    state = run_state(run, run_state(agreement_run, otherwise))
    return LoopStep(
        key="agreement",
        title=_("Agreement and audit"),
        figure=_figure(report.estimate if report else None),
        unit=_("alpha %(interval)s") % {"interval": _brackets(report)} if report else _("alpha"),
        state=state,
        detail=run_words(run, run_words(agreement_run, _report_words(project, report, otherwise))),
        url_name="annotation:agreement",
    )


def _report_words(project: Project, report: AgreementReport | None, state: str) -> str:
    """What agreement rests on, and which biases the audits found."""
    if state == DUE:
        return _("new judgments to measure")
    if report is None:
        return _("not measured yet")
    return f"n {report.n_comparisons:,} · {_audit_words(latest_audits(project))}"


def _audit_words(audits: list[BiasAudit]) -> str:
    """The kinds of biases that were found, the biggest first; nobody's group is named here."""
    if not audits:
        return _("not audited")
    found = [
        audit
        for audit in audits
        if audit.status == BiasAudit.Status.FOUND
        and audit.kind not in {"group", "drift"}
        and not audit.is_of_judge
    ]
    found.sort(key=lambda audit: -abs(1.0 if audit.estimate is None else audit.estimate))
    names = list(dict.fromkeys(audit.kind.replace("_", " ") for audit in found))
    if not names:
        is_told = any(
            audit.status != BiasAudit.Status.UNTOLD for audit in audits if not audit.is_of_judge
        )
        return _("no bias found") if is_told else _("too little to audit")
    return _("bias by %(names)s") % {"names": ", ".join(names)}


def _exports(project: Project, run: Run | None) -> LoopStep:
    exports = Export.objects.filter(project=project)
    count, newest = exports.count(), exports.first()
    rows = _("%(n)s pairs in the newest") % {"n": f"{newest.rows:,}"} if newest else ""
    return LoopStep(
        key="export",
        title=_("Exports"),
        figure=f"{count:,}",
        unit=ngettext("release", "releases", count),
        state=run_state(run, DONE if count else EMPTY),
        detail=run_words(run, rows or _("none yet")),
        url_name="annotation:exports",
    )


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _brackets(report: AgreementReport) -> str:
    if report.low is None or report.high is None:
        return ""
    return f"[{_figure(report.low)}, {_figure(report.high)}]"
