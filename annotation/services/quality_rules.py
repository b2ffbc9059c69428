"""Rules that a lead sets: when a signal is beyond a threshold, somebody is warned, or more."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from annotation.core.errors import Conflict, Invalid
from annotation.core.quality_rules import SEVERITY, check_threshold, firing
from annotation.models import (
    Intervention,
    Participation,
    Project,
    Qualification,
    QualityRule,
    User,
)
from annotation.services.audit_log import audit_entry_create
from annotation.services.interventions import intervention_open
from annotation.services.work_signals import Signals, signals_since

Action = QualityRule.Action
JUDGED_BY_RULES = (User.Kind.HUMAN, User.Kind.SIMULATED)


@transaction.atomic
def quality_rule_create(
    *,
    actor: User,
    project: Project,
    signal: str,
    threshold: float,
    action: str,
    least_cases: int = 10,
) -> QualityRule:
    """From the next measuring on. Raises Invalid naming the field."""
    if signal not in QualityRule.Signal.values:
        raise Invalid("Choose a signal.", field="signal")
    if action not in Action.values:
        raise Invalid("Choose what follows.", field="action")
    check_threshold(signal, threshold, least_cases)
    rule = QualityRule.objects.create(
        project=project, signal=signal, threshold=threshold, action=action,
        least_cases=least_cases, created_by=actor,
    )  # fmt: skip
    audit_entry_create(
        actor=actor, project=project, action="rule.create", subject=str(rule),
        detail={"rule": rule.pk, "least_cases": least_cases},
    )  # fmt: skip
    return rule


@transaction.atomic
def quality_rule_state_set(*, actor: User, rule: QualityRule, is_active: bool) -> QualityRule:
    """Switches a rule on or off; what it has done stays until it is lifted."""
    locked = QualityRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
    if locked.is_active == is_active:
        raise Conflict("The rule is that already.", hint="Reload the page.")
    locked.is_active = is_active
    locked.save(update_fields=["is_active"])
    audit_entry_create(
        actor=actor, project=locked.project, subject=str(locked),
        action="rule.on" if is_active else "rule.off", detail={"rule": locked.pk},
    )  # fmt: skip
    return locked


def rules_apply(*, project: Project, people: Sequence[int]) -> list[Intervention]:
    """Does what the active rules say about these participations; of several the most severe.

    A rule whose last intervention was lifted looks only at what was judged since, and one that is
    still in force does nothing more. Rules that train again rest while no qualification is open.
    """
    rules = sorted(
        QualityRule.objects.filter(project=project, is_active=True),
        key=lambda rule: SEVERITY.index(rule.action),
        reverse=True,
    )
    if not Qualification.objects.filter(project=project, is_open=True).exists():
        rules = [rule for rule in rules if rule.action != Action.RETRAIN]
    if not rules or not people:
        return []
    measured = (
        Participation.objects.filter(
            pk__in=people, annotator__kind__in=JUDGED_BY_RULES, annotator__judge_model=""
        )
        .exclude(state=Participation.State.QUARANTINED)
        .select_related("annotator", "project")
    )
    past = _past(people)
    found = (
        _fired(each, rules, past.get(each.pk, _History()))
        for each in measured.iterator(chunk_size=500)
    )
    return [done for done in found if done is not None]


@dataclass(slots=True)
class _History:
    """The rules whose intervention is in force, and when anything was lifted last."""

    in_force: set[int] = field(default_factory=set)
    lifted_at: datetime | None = None


def _past(people: Sequence[int]) -> dict[int, _History]:
    found: defaultdict[int, _History] = defaultdict(_History)
    rows = Intervention.objects.filter(participation__in=people).values_list(
        "participation", "rule", "lifted_at"
    )
    for participation, rule, lifted_at in rows:
        history = found[participation]
        if lifted_at is not None:
            history.lifted_at = max(history.lifted_at or lifted_at, lifted_at)
        elif rule is not None:
            history.in_force.add(rule)
    return found


def _fired(
    participation: Participation, rules: Sequence[QualityRule], past: _History
) -> Intervention | None:
    signals = dict(_signals(participation, past.lifted_at))
    for rule in rules:
        if rule.pk in past.in_force or not _adds(rule, participation):
            continue
        evidence = firing(
            rule.signal, threshold=rule.threshold, least_cases=rule.least_cases, signals=signals
        )
        if evidence is not None:
            return _done(participation, rule, evidence | {"until": signals.get("until")})
    return None


def _done(
    participation: Participation, rule: QualityRule, evidence: Mapping[str, object]
) -> Intervention | None:
    try:
        return intervention_open(
            participation=participation, action=rule.action, rule=rule, reason=str(rule),
            evidence=evidence,
        )  # fmt: skip
    except Conflict:  # somebody did it, or more, while this was measured
        return None


def _signals(participation: Participation, since: datetime | None) -> Iterator[tuple[str, object]]:
    """What rules look at: all that was measured, or only what was judged since a lift."""
    if since is not None:
        yield from signals_since(participation, since).items()
        return
    signals: Signals = participation.signals
    yield from signals.items()
    yield (
        "quality",
        {
            "value": participation.quality,
            "low": participation.quality_low,
            "high": participation.quality_high,
            "n": participation.quality_n,
        },
    )


def _adds(rule: QualityRule, participation: Participation) -> bool:
    """Whether what the rule does goes beyond the state that the person is in."""
    beyond = {
        Participation.State.ACTIVE: -1,
        Participation.State.RETRAINING: SEVERITY.index(Action.RETRAIN),
        Participation.State.PAUSED: SEVERITY.index(Action.PAUSE),
        Participation.State.QUARANTINED: SEVERITY.index(Action.QUARANTINE),
    }
    return SEVERITY.index(rule.action) > beyond[Participation.State(participation.state)]
