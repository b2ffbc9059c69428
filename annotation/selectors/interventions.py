"""What was done about somebody's work, in words that they and their leads can read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from annotation.core.errors import NotFound
from annotation.models import Intervention, Participation, Project, QualityRule, User
from annotation.selectors.access import projects_led

Action, Signal = QualityRule.Action, QualityRule.Signal

_REASONS: Mapping[str, Callable[[], str]] = {
    Signal.QUALITY: lambda: _(
        "From comparisons with a known answer, from repeats and from what others say, a judgment of"
        " yours is likely right in %(value)s of cases (95%% interval %(low)s to %(high)s, %(n)s"
        " cases); this project asks for %(threshold)s."
    ),
    Signal.GOLD: lambda: _(
        "Of %(n)s comparisons with a known answer you answered %(value)s as the lead would (95%%"
        " interval %(low)s to %(high)s); this project asks for %(threshold)s."
    ),
    Signal.REPEATS: lambda: _(
        "Of %(n)s comparisons that you saw twice you answered %(value)s the same (95%% interval"
        " %(low)s to %(high)s); this project asks for %(threshold)s."
    ),
    Signal.AGREEMENT: lambda: _(
        "On %(n)s comparisons that others judged too you say the same in %(value)s of cases (95%%"
        " interval %(low)s to %(high)s); this project asks for %(threshold)s."
    ),
    Signal.SPEED: lambda: _(
        "You took %(value)s seconds for half of your last %(n)s judgments; this project asks for"
        " %(threshold)s seconds or more."
    ),
    Signal.STRAIGHT: lambda: _(
        "%(value)s times in a row you preferred the response in the same place, of %(n)s judgments;"
        " this project looks into runs of %(threshold)s or more."
    ),
}
_NEXT: Mapping[str, Callable[[], str]] = {
    Action.WARN: lambda: _(
        "You can go on. Read the guideline once more, and take the time that you need."
    ),
    Action.RETRAIN: lambda: _("Go through the training and the test once more, then go on."),
    Action.PAUSE: lambda: _(
        "You get no new comparisons here for now. What you judged stays and is paid. Ask the lead"
        " what to do next."
    ),
    Action.QUARANTINE: lambda: _(
        "You get no new comparisons here, and what you judged is set aside until a lead has looked"
        " at it. Nothing is deleted. Write to the lead if you think that this is wrong."
    ),
}
_TITLES: Mapping[str, Callable[[], str]] = {
    Action.WARN: lambda: _("Please look at how you work in %(project)s."),
    Action.RETRAIN: lambda: _("%(project)s asks you to train once more."),
    Action.PAUSE: lambda: _("Your work in %(project)s is paused."),
    Action.QUARANTINE: lambda: _("Your work in %(project)s is set aside."),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person reads about an intervention."""

    intervention: Intervention
    title: str
    reason: str
    what_to_do: str


def notices(annotator: User, project: Project) -> list[Notice]:
    """What the person has to know about their work here: what is in force, warnings until read."""
    in_force = (
        Intervention.objects.filter(
            ~Q(action=Action.WARN) | Q(seen_at__isnull=True),
            participation__annotator=annotator,
            participation__project=project,
            lifted_at__isnull=True,
        )
        .select_related("rule", "participation__project")
        .order_by("-id")
    )
    return [notice(each) for each in in_force]


def notice(intervention: Intervention) -> Notice:
    project = intervention.participation.project
    return Notice(
        intervention=intervention,
        title=_TITLES[intervention.action]() % {"project": project.name},
        reason=reason_words(intervention),
        what_to_do=_NEXT[intervention.action](),
    )


def reason_words(intervention: Intervention) -> str:
    """A lead's own words, or what a rule found, in the reader's language."""
    if intervention.rule_id is None or "signal" not in intervention.evidence:
        return intervention.reason
    evidence = intervention.evidence
    is_share = evidence["signal"] not in {Signal.SPEED, Signal.STRAIGHT}
    shown = {
        name: _figure(evidence.get(name), is_share)
        for name in ("value", "low", "high", "threshold")
    }
    shown["n"] = number_format(evidence["n"], force_grouping=True)
    return _REASONS[evidence["signal"]]() % shown


def evidence_words(intervention: Intervention) -> str:
    """The same for leads: the figure with its interval, n and threshold."""
    evidence = intervention.evidence
    if intervention.rule_id is None or "signal" not in evidence:
        return intervention.reason
    is_share = evidence["signal"] not in {Signal.SPEED, Signal.STRAIGHT}
    value, low, high, threshold = (
        _figure(evidence.get(name), is_share) for name in ("value", "low", "high", "threshold")
    )
    within = f" [{low}, {high}]" if evidence.get("low") is not None else ""
    return _("%(signal)s: %(value)s%(within)s, n %(n)s; the rule asks for %(threshold)s.") % {
        "signal": Signal(evidence["signal"]).label,
        "value": value,
        "within": within,
        "n": number_format(evidence["n"], force_grouping=True),
        "threshold": threshold,
    }


def intervention_of_annotator(*, user: User, intervention_id: int) -> Intervention:
    found = Intervention.objects.filter(
        pk=intervention_id, participation__annotator=user
    ).select_related("participation__project")
    return _one(found)


def intervention_for_lead(*, user: User, intervention_id: int) -> Intervention:
    found = Intervention.objects.filter(
        pk=intervention_id, participation__project__in=projects_led(user)
    ).select_related("participation__project", "participation__annotator")
    return _one(found)


def rule_for_lead(*, user: User, rule_id: int) -> QualityRule:
    rule = (
        QualityRule.objects.select_related("project")
        .filter(pk=rule_id, project__in=projects_led(user))
        .first()
    )
    if rule is None:
        raise NotFound(_("There is no such rule for you."))
    return rule


def participation_for_lead(*, project: Project, user_id: int) -> Participation:
    """Somebody's part in a project that the caller leads."""
    found = (
        Participation.objects.select_related("annotator", "project")
        .filter(project=project, annotator=user_id)
        .first()
    )
    if found is None:
        raise NotFound(_("This person has not worked in the project."))
    return found


def _one(found: QuerySet[Intervention]) -> Intervention:
    intervention = found.first()
    if intervention is None:
        raise NotFound(_("There is no such notice for you."))
    return intervention


def _figure(value: float | None, is_share: bool) -> str:
    if value is None:
        return "–"
    if is_share:
        return f"{round(100 * value)}%"
    return str(number_format(round(value, 1), decimal_pos=0 if value == int(value) else 1))
