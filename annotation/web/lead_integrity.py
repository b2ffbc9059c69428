"""Who is in which state and why, what rules there are, and what a lead does about somebody."""

from collections.abc import Iterable
from datetime import datetime, time

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, Invalid
from annotation.core.figures import Interval, Table, interval_table
from annotation.models import Intervention, Participation, Project, QualityRule
from annotation.selectors import integrity as selectors
from annotation.selectors.interventions import (
    evidence_words,
    intervention_for_lead,
    participation_for_lead,
    rule_for_lead,
)
from annotation.services.integrity_figures import figures_compared
from annotation.services.interventions import (
    intervention_lift,
    intervention_open,
    quarantine_replay,
)
from annotation.services.quality import quality_measure
from annotation.services.quality_rules import quality_rule_create, quality_rule_state_set
from annotation.tasks import send_quality
from annotation.web.auth import person, signed_in
from annotation.web.lead import done, go, led, page
from annotation.web.lead_forms import Field, read, shown, unplaced
from annotation.web.quality_words import draft

PAGE_SIZE = 30
FEW = 300  # people who are measured while one waits
SIGNALS = tuple(QualityRule.Signal.choices)
ACTIONS = tuple(QualityRule.Action.choices)
SHARES = frozenset({"quality", "gold", "repeats", "agreement"})
RULE = (
    Field("signal", gettext_lazy("When"), choices=SIGNALS),
    Field("threshold", gettext_lazy("is beyond"), "number", min=0, step="any", required=True,
          hint=gettext_lazy("per cent; seconds; judgments in a row")),
    Field("least_cases", gettext_lazy("on at least so many cases"), "whole", min=1, max=1000,
          required=True),
    Field("action", gettext_lazy("then"), choices=ACTIONS),
)  # fmt: skip
USUAL = {"signal": "gold", "threshold": 60, "least_cases": 20, "action": "warn"}


@signed_in
@require_safe
def integrity(request: HttpRequest, slug: str) -> HttpResponse:
    return _integrity(request, led(request, slug))


@signed_in
@require_safe
def integrity_compared(request: HttpRequest, slug: str) -> HttpResponse:
    """The project's figures with and without what quarantines leave out; loaded by the page."""
    project = led(request, slug)
    return page(request, "lead/integrity_compared.html", project,
                compared=figures_compared(project))  # fmt: skip


@signed_in
@require_POST
def integrity_measure(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    if Participation.objects.filter(project=project).count() > FEW:
        send_quality(project)
        return done(request, _("Being measured; look again in a minute."),
                    "annotation:integrity", slug)  # fmt: skip
    measured = quality_measure(project=project, everybody=True)
    words = ngettext("%(n)s person measured.", "%(n)s people measured.", measured.people)
    fired = len(measured.interventions)
    if fired:
        words += " " + ngettext("Rules acted on %(fired)s.", "Rules acted on %(fired)s.", fired)
    words %= {"n": f"{measured.people:,}", "fired": fired}
    return done(request, words, "annotation:integrity", slug)


@signed_in
@require_safe
def integrity_person(request: HttpRequest, slug: str, user_id: int) -> HttpResponse:
    project = led(request, slug)
    return _person(request, participation_for_lead(project=project, user_id=user_id))


@signed_in
@require_POST
def intervene(request: HttpRequest, slug: str, user_id: int) -> HttpResponse:
    project = led(request, slug)
    participation = participation_for_lead(project=project, user_id=user_id)
    try:
        intervention_open(
            participation=participation, action=request.POST.get("action", ""),
            reason=request.POST.get("reason", ""), actor=person(request),
            leaves_out_from=_since(request.POST.get("since", "")),
        )  # fmt: skip
    except AlignUIError as error:
        return _person(request, participation, error=error)
    words = _("Done. The person is told, with your reason.")
    return done(request, words, "annotation:integrity-person", slug, user_id)


@signed_in
@require_POST
def lift(request: HttpRequest, intervention_id: int) -> HttpResponse:
    user = person(request)
    found = intervention_for_lead(user=user, intervention_id=intervention_id)
    part = found.participation
    try:
        intervention_lift(actor=user, intervention=found, reason=request.POST.get("reason", ""))
    except AlignUIError as error:
        return _person(request, part, error=error)
    return done(request, _("Lifted."), "annotation:integrity-person", part.project.slug,
                part.annotator_id)  # fmt: skip


@signed_in
@require_POST
def replay(request: HttpRequest, intervention_id: int) -> HttpResponse:
    user = person(request)
    found = intervention_for_lead(user=user, intervention_id=intervention_id)
    part = found.participation
    try:
        n = quarantine_replay(actor=user, intervention=found)
    except AlignUIError as error:
        return _person(request, part, error=error)
    words = ngettext("%(n)s comparison asks for one judgment more.",
                     "%(n)s comparisons ask for one judgment more.", n)  # fmt: skip
    return done(request, words % {"n": f"{n:,}"}, "annotation:integrity-person",
                part.project.slug, part.annotator_id)  # fmt: skip


@signed_in
@require_POST
def rule_new(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    try:
        given = read(RULE, request.POST)
        if given["signal"] in SHARES:
            given["threshold"] /= 100
        quality_rule_create(actor=person(request), project=project, **given)
    except AlignUIError as error:
        return _integrity(request, project, error=error)
    return done(request, _("The rule holds from the next measuring on."),
                "annotation:integrity", slug)  # fmt: skip


@signed_in
@require_POST
def rule_switch(request: HttpRequest, rule_id: int) -> HttpResponse:
    rule = rule_for_lead(user=person(request), rule_id=rule_id)
    quality_rule_state_set(
        actor=person(request), rule=rule, is_active=request.POST.get("active") == "yes"
    )
    return go(request, "annotation:integrity", rule.project.slug)


def _integrity(
    request: HttpRequest, project: Project, *, error: AlignUIError | None = None
) -> HttpResponse:
    counts = {each.state: each.n for each in selectors.state_counts(project)}
    in_question = selectors.people_in_question(project)
    timeline = selectors.timeline(project)
    lowest = [_score(each, project) for each in selectors.lowest_quality(project)]
    return page(
        request,
        "lead/integrity.html",
        project,
        status=error.status if error else 200,
        tables=[
            interval_table("scores", _("Quality scores"), lowest, "share"),
            *([_timeline_table(timeline)] if request.GET.get("csv") == "timeline" else ()),
        ],
        sentence=_sentence(counts, sum(each.state == "active" for each, _done in in_question)),
        people=[(each, [(i, evidence_words(i)) for i in done]) for each, done in in_question],
        has_quarantine=counts.get("quarantined", 0) > 0,
        lowest=lowest,
        measured_at=selectors.measured_at(project),
        rules=[(rule, _threshold_words(rule)) for rule in selectors.quality_rules(project)],
        fields=shown(RULE, dict(request.POST.items()) if error else USUAL, error),
        error=unplaced(error, RULE),
        is_making=error is not None,
        paged=Paginator(timeline, PAGE_SIZE).get_page(request.GET.get("page")),
    )


def _person(
    request: HttpRequest, participation: Participation, *, error: AlignUIError | None = None
) -> HttpResponse:
    participation.refresh_from_db()
    project = participation.project
    signals = participation.signals
    shares = _shares(participation)
    past = selectors.timeline(project).filter(participation=participation)
    return page(
        request,
        "lead/integrity_person.html",
        project,
        status=error.status if error else 200,
        tables=[interval_table("signals", str(participation.annotator), shares, "share")],
        part=participation,
        who=participation.annotator,
        shares=shares,
        signals=signals,
        in_force=[(i, evidence_words(i)) for i in past if i.lifted_at is None],
        past=[(i, evidence_words(i)) for i in past],
        actions=ACTIONS,
        given=request.POST or _draft(request, participation),
        attempts=selectors.attempts_of(participation),
        error=error,
    )


def _draft(request: HttpRequest, participation: Participation) -> dict[str, str]:
    """The form as the report on people's quality fills it in, where the lead comes from there."""
    if "evidence" not in request.GET:
        return {}
    return draft(participation.project, participation.annotator_id)


def _score(participation: Participation, project: Project) -> Interval:
    return Interval(
        label=str(participation.annotator),
        value=participation.quality,
        low=participation.quality_low,
        high=participation.quality_high,
        n=participation.quality_n,
        href=reverse(
            "annotation:integrity-person", args=[project.slug, participation.annotator_id]
        ),
        tone="first" if participation.state == Participation.State.ACTIVE else "second",
    )


def _shares(participation: Participation) -> list[Interval]:
    """The score, and what it rests on, beside each other."""
    score = Interval(
        str(QualityRule.Signal.QUALITY.label), participation.quality, participation.quality_low,
        participation.quality_high, participation.quality_n,
        note="" if participation.quality is not None else _("Nothing to tell it from yet."),
    )  # fmt: skip
    names = (
        ("gold", str(QualityRule.Signal.GOLD.label), _("No gold judged yet.")),
        ("repeats", str(QualityRule.Signal.REPEATS.label), _("No repeat judged yet.")),
        ("agreement", str(QualityRule.Signal.AGREEMENT.label), _("Nothing judged with others.")),
        ("ties", _("Ties"), _("Nothing judged yet.")),
        ("first", _("The response shown first wins"), _("Nothing decided yet.")),
    )
    rows = [score]
    for key, label, note in names:
        found = participation.signals.get(key) or {}
        rows.append(
            Interval(label, found.get("value"), found.get("low"), found.get("high"),
                     found.get("n"), "" if found.get("n") else note, tone="second")
        )  # fmt: skip
    return rows


def _sentence(counts: dict[str, int], warned: int) -> str:
    kept = sum(n for state, n in counts.items() if state != Participation.State.ACTIVE)
    everybody = sum(counts.values())
    if not everybody:
        return _("Can the judgments be trusted? Nobody has judged yet.")
    if not kept and not warned:
        return _("Nobody is kept from work, and nobody is warned.")
    parts = []
    if kept:
        words = ngettext("%(n)s of %(all)s people is kept from work",
                         "%(n)s of %(all)s people are kept from work", kept)  # fmt: skip
        parts.append(words % {"n": kept, "all": f"{everybody:,}"})
    if warned:
        words = ngettext("%(n)s is warned", "%(n)s are warned", warned)
        parts.append(words % {"n": warned})
    return "; ".join(parts) + "."


def _threshold_words(rule: QualityRule) -> str:
    if rule.signal in SHARES:
        return _("surely below %(share)s") % {"share": f"{100 * rule.threshold:g}%"}
    if rule.signal == QualityRule.Signal.SPEED:
        return _("surely below %(n)s s") % {"n": f"{rule.threshold:g}"}
    return _("%(n)s or more") % {"n": f"{rule.threshold:g}"}


def _since(written: str) -> datetime | None:
    """The beginning of a day in the installation's time zone; None for all that was judged."""
    if not written.strip():
        return None
    try:
        day = parse_date(written.strip())
    except ValueError:
        day = None
    if day is None:
        raise Invalid(_("Give a day as 2026-01-31."), field="since")
    return timezone.make_aware(datetime.combine(day, time()))


def _timeline_table(timeline: Iterable[Intervention]) -> Table:
    columns = ("when", "person", "action", "by", "reason", "lifted", "lifted_by", "why_lifted")
    rows = tuple(
        (
            each.created_at.isoformat(), str(each.participation.annotator), each.action,
            str(each.decided_by) if each.decided_by else "rule", evidence_words(each),
            each.lifted_at.isoformat() if each.lifted_at else "",
            str(each.lifted_by) if each.lifted_by else "", each.lift_reason,
        )
        for each in timeline
    )  # fmt: skip
    return Table("timeline", _("What was done"), columns, rows)
