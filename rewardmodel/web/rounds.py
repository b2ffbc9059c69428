"""What a round's record says, as the acquisition page shows it; what is absent is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.core.figures import Interval, Point, Series, Table, interval_table
from annotation.models import Project, Prompt
from rewardmodel import selectors
from rewardmodel.core.function_names import FUNCTION_NAMES, RANDOM
from rewardmodel.core.savings import whether_it_helps
from rewardmodel.models import AcquisitionRound, Considered
from rewardmodel.templatetags.prompt_map import Place

MOST_PLACES = 1_000
BEST_FIRST: Mapping[str, int] = {
    Considered.Arm.ACQUIRED: 0, Considered.Arm.CONTROL: 1, Considered.Arm.PASSED: 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SavingsTold:
    """Labels saved against the control arm. `helps` is None where that cannot be told, False where
    choosing costs labels; `is_measured`: whether there is a figure at all."""

    verdict: str
    is_measured: bool
    helps: bool | None
    rows: tuple[Interval, ...]
    tables: tuple[Table, ...]
    note: str
    curves: tuple[Series, ...] = ()


def function_words(name: str) -> str:
    """What the function does, in a sentence; nothing for one that is not known any more."""
    return FUNCTION_NAMES.get(name, "")


def reason_told(shown: AcquisitionRound) -> str:
    """Why this function, where that says more than what the function does."""
    return shown.reason.replace(function_words(shown.function), "").strip()


def weights_told(shown: AcquisitionRound) -> str:
    """How much of the round each function chose, in words."""
    weights: Mapping[str, float] = shown.detail.get("weights") or {}
    if not weights:
        return ""
    total = sum(weights.values()) or 1.0
    ranked = sorted(weights.items(), key=lambda each: (-each[1], each[0]))
    parts = [f"{100 * weight / total:.0f}% {name}" for name, weight in ranked if weight > 0]
    return _("So much of the batch is chosen by each function: %(list)s.") % {
        "list": ", ".join(parts)
    }


def is_drawn(shown: AcquisitionRound) -> bool:
    """Whether chance chose every pair, so that utilities are nothing but lots."""
    weights: Mapping[str, float] = shown.detail.get("weights") or {shown.function: 1.0}
    return {name for name, weight in weights.items() if weight > 0} == {RANDOM}


def most_useful(shown: AcquisitionRound) -> float:
    """The utility of the round's best pair, of which others are shown as a share; 1 where no pair
    has any. Functions have units of their own, and mostly small numbers."""
    most = selectors.considered(shown).aggregate(most=Max("utility"))["most"] or 0.0
    return float(most) if most > 0 else 1.0


def credits_told(shown: AcquisitionRound) -> tuple[Interval, ...]:
    """What one more label of each function was worth so far, beyond one drawn at random."""
    known: Mapping[str, Mapping[str, Any]] = shown.detail.get("credits") or {}
    ranked = sorted(known.items(), key=lambda each: (-each[1]["value"], each[0]))
    return tuple(
        Interval(name, 1000 * credit["value"], 1000 * credit["low"], 1000 * credit["high"],
                 credit["n"])
        for name, credit in ranked
    )  # fmt: skip


def places_of(project: Project, shown: AcquisitionRound, most: float) -> list[Place]:
    """Each prompt of the round where its map puts it; none where the round has no map.

    most: of `most_useful`.
    """
    known: Mapping[str, Sequence[float]] = shown.detail.get("map") or {}
    if not known:
        return []
    best: dict[int, float] = {}
    arms: dict[int, str] = {}
    rows = selectors.considered(shown).values_list("prompt_id", "utility", "arm")
    for prompt, utility, arm in rows.iterator():
        best[prompt] = max(best.get(prompt, utility), utility)
        arms[prompt] = min(arms.get(prompt, arm), arm, key=lambda each: BEST_FIRST[each])
    keys = [int(key) for key in known if int(key) in best]
    keys.sort(key=lambda key: (BEST_FIRST[arms[key]], -best[key]))
    is_lot = is_drawn(shown)
    words = {each.pk: str(each) for each in Prompt.objects.filter(pk__in=keys[:MOST_PLACES])}
    ranked = {key: at for at, key in enumerate(sorted(keys, key=lambda key: best[key]))}
    return [
        Place(
            x=float(known[str(key)][0]), y=float(known[str(key)][1]),
            rank=0.0 if is_lot else ranked[key] / max(len(keys), 1), arm=arms[key],
            words=words[key] if is_lot else _("%(prompt)s – %(utility)s of the best")
            % {"prompt": words[key], "utility": f"{best[key] / most:.0%}"},
            href=reverse("annotation:prompt", args=[project.slug, key]),
        )
        for key in keys[:MOST_PLACES]
        if key in words
    ]  # fmt: skip


def why_chosen(each: Considered) -> str:
    """What explains a pair's utility, as far as the round recorded it."""
    if each.arm == Considered.Arm.CONTROL:
        return _("drawn at random, before anybody looked")
    detail, parts = each.detail or {}, []
    if (function := detail.get("function")) == RANDOM:
        parts.append(_("by the share that chooses by chance"))
    elif function:
        parts.append(_("by %(function)s") % {"function": function})
    if (entropy := detail.get("entropy")) is not None:
        parts.append(_("outcome open by %(n)s nats") % {"n": f"{entropy:.2f}"})
    if (sd := detail.get("sd")) is not None:
        parts.append(_("model unsure by %(n)s") % {"n": f"{sd:.2f}"})
    if (noise := detail.get("disagreement")) is not None:
        parts.append(_("people expected to disagree in %(n)s") % {"n": f"{100 * noise:.0f}%"})
    if (nearest := detail.get("nearest")) is not None:
        parts.append(_("%(n)s alike its nearest") % {"n": f"{100 * nearest:.0f}%"})
    if (seconds := detail.get("seconds")) is not None:
        parts.append(_("about %(n)s s") % {"n": f"{seconds:.0f}"})
    return ", ".join(parts)


def cost_told(project: Project, shown: AcquisitionRound) -> str:
    """What the round asks of people, and what the budget leaves."""
    told = ngettext(
        "It asks for %(n)s judgment", "It asks for %(n)s judgments", shown.judgments_wanted
    ) % {"n": f"{shown.judgments_wanted:,}"}
    cost: Mapping[str, Any] = shown.detail.get("cost") or {}
    minutes = cost.get("minutes")
    if minutes is None and cost.get("seconds") is not None:
        minutes = cost["seconds"] / 60
    if minutes is not None:
        told += _(", some %(n)s minutes of people's time") % {"n": f"{minutes:,.0f}"}
    left = selectors.budget_left(project)
    if left is None:
        return told + _("; there is no budget.")
    return told + _("; %(left)s of a budget of %(all)s are left.") % {
        "left": f"{left:,}",
        "all": f"{project.acquisition_budget:,}",
    }


def savings_told(project: Project) -> SavingsTold | None:
    """The newest measure of what acquisition saved on this project."""
    report = selectors.savings_reports(project).first()
    if report is None:
        return None
    rows = (
        Interval(
            _("Labels saved by “%(function)s”") % {"function": report.function}, report.saved,
            report.low, report.high, report.n_acquired + report.n_control,
            note="" if report.saved is not None else _("Cannot be said yet."),
        ),
        Interval(
            _("Random against random, 95th percentile"), report.null_high, n=report.n_control,
            note="" if report.null_high is not None else _("Cannot be said yet."), tone="third",
        ),
    )  # fmt: skip
    note = _("%(acquired)s judgments of the acquired arm, %(control)s of the control arm.") % {
        "acquired": f"{report.n_acquired:,}",
        "control": f"{report.n_control:,}",
    }
    curves = _curves(report.detail)
    tables = (
        interval_table("savings", _("Labels saved"), rows, "share of labels"),
        Table(
            "savings-curve",
            _("Log-loss by labels of either arm"),
            ("arm", "labels", "log-loss"),
            tuple((one.name, point.x, point.value) for one in curves for point in one.points),
        ),
    )
    is_measured = report.saved is not None
    helps = whether_it_helps(report.saved, report.low, report.high, report.null_high)
    return SavingsTold(report.verdict, is_measured, helps, rows, tables, note, curves)


def _curves(detail: Mapping[str, Any]) -> tuple[Series, ...]:
    """Log-loss after so many labels of each arm; nothing where it was not followed."""
    labels = detail.get("labels") or []
    if not labels:
        return ()
    return tuple(
        Series(
            name,
            tuple(Point(x, value) for x, value in zip(labels, detail[key], strict=True)),
            tone,
        )
        for key, name, tone in (
            ("acquired", _("chosen"), "first"), ("control", _("at random"), "second"),
        )
    )  # fmt: skip


def offers_random(project: Project, told: SavingsTold | None) -> bool:
    """Whether to offer drawing at random: it was measured, and nothing says that choosing helps."""
    if told is None or not told.is_measured or told.helps:
        return False
    return project.acquisition_function != RANDOM
