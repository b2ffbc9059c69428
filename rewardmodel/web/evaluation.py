"""What an evaluation says, as the reward model's page shows it: sentences, rows and curves.

Everything is read from stored metrics; what an older training did not measure is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from annotation.core.figures import CalibrationBin, Interval, Point, Series, Table, interval_table
from annotation.models import Project
from rewardmodel.web.fit import why_no_head
from rewardmodel.web.quality import figure_of, interval_of

Metrics = Mapping[str, Any]

SLICES_SHOWN = 12
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Told:
    """One part of the page: a sentence, rows of a forest, and its table."""

    sentence: str
    rows: tuple[Interval, ...] = ()
    table: Table | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class CalibrationTold:
    """Bins without and with the temperature, on the same votes."""

    sentence: str
    before: tuple[CalibrationBin, ...]
    after: tuple[CalibrationBin, ...]
    table: Table


@dataclass(frozen=True, slots=True)
class CurveTold:
    """Lines over one axis."""

    sentence: str
    series: tuple[Series, ...]
    table: Table | None


def ceiling_told(metrics: Metrics) -> Told | None:
    """The model beside people, on the votes that others judged too."""
    found = metrics.get("ceiling")
    if not found or (found["model"]["value"]) is None:
        return None
    model, person, majority = (figure_of(found[k]) for k in ("model", "one_person", "majority"))
    gap = figure_of(found["against_person"])
    rows = (
        interval_of(_("Reward model, where others judged too"), model, "first"),
        interval_of(_("One other person"), person, "third"),
        interval_of(_("The majority of the others"), majority, "third"),
    )
    words = {
        "model": f"{100 * (model.value or 0):.1f}%",
        "person": f"{100 * (person.value or 0):.1f}%",
        "majority": f"{100 * (majority.value or 0):.1f}%",
        "gap": _points(gap.value),
        "interval": _interval_points(gap.low, gap.high),
        "n": f"{model.n_votes:,}",
    }
    sentence = _(
        "The ceiling is people themselves: on %(n)s votes that others judged too, one other person "
        "says the same in %(person)s and the majority of the others in %(majority)s; the model "
        "does in %(model)s, %(gap)s %(interval)s against one person."
    )
    return Told(
        sentence % words, rows,
        interval_table("ceiling", _("People and model on the same votes"), rows, "accuracy"),
        found.get("method", ""),
    )  # fmt: skip


def calibration_told(metrics: Metrics) -> CalibrationTold | None:
    """How far chances are from what comes true, before and after the temperature."""
    found = metrics.get("calibration")
    if not found or not found["after"]["bins"]:
        return None
    before, after = (_bins(found[k]["bins"]) for k in ("before", "after"))
    first, last = (figure_of(found[k]["error"]) for k in ("before", "after"))
    words = {
        "after": _share_points(last.value),
        "interval": _interval_points(last.low, last.high, signed=False),
        "before": _share_points(first.value),
        "chance": _share_points(found["after"]["by_chance"]),
        "temperature": f"{found['temperature'] or 1:.2f}",
    }
    sentence = (
        _(
            "On the line, what it calls 70%% sure comes true 70%% of the time. Its chances are off "
            "by %(after)s %(interval)s on average, %(before)s before the temperature of "
            "%(temperature)s; noise alone would make %(chance)s of it."
        )
        if found["temperature"] is not None
        else _(
            "On the line, what it calls 70%% sure comes true 70%% of the time. Its chances are off "
            "by %(after)s %(interval)s on average; noise alone would make %(chance)s of it."
        )
    )
    rows = [("before", b) for b in before] + [("after", b) for b in after]
    table = Table(
        "calibration", _("Calibration"),
        ("temperature", "predicted", "observed", "low", "high", "n"),
        tuple((when, b.predicted, b.observed, b.low, b.high, b.n) for when, b in rows),
    )  # fmt: skip
    shown = before if found["temperature"] is not None else ()
    return CalibrationTold(sentence % words, shown, after, table)


def look_told(metrics: Metrics) -> Told | None:
    """The reward's rank correlation with length and format, and how often the longer one wins."""
    found = metrics.get("look")
    if not found:
        return None
    rows = tuple(
        Interval(
            label=_("%(what)s of the response") % {"what": each["name"]},
            value=each["value"], low=each["low"], high=each["high"],
            n=each["n_responses"], note=each["note"] if each["value"] is None else "",
        )
        for each in found["correlations"]
    )  # fmt: skip
    model, people, gap = (
        figure_of(found["picks"][key]) for key in ("model", "people", "difference")
    )
    sentence = ""
    if model.value is not None:
        sentence = _(
            "It prefers the longer response in %(model)s of the pairs where people do so in "
            "%(people)s: %(gap)s %(interval)s, n %(n)s."
        ) % {
            "model": f"{100 * model.value:.1f}%",
            "people": f"{100 * (people.value or 0):.1f}%",
            "gap": _points(gap.value),
            "interval": _interval_points(gap.low, gap.high),
            "n": f"{model.n_votes:,}",
        }
    table = interval_table("look", _("Rank correlation of the reward within prompts"), rows)
    return Told(sentence, rows, table)


def best_of_told(metrics: Metrics) -> CurveTold | None:
    """What is gained by picking the best of n, by itself and by the other half of the prompts."""
    found = metrics.get("best_of_n")
    if not found:
        return None
    names = (
        ("proxy", _("it believes"), "third"),
        ("gold", _("a model of other prompts sees"), "first"),
        ("careful", _("picked with caution"), "second"),
    )
    points = found["points"]
    series = tuple(
        Series(name, tuple(_best_point(point, key) for point in points), tone)
        for key, name, tone in names
    )
    columns = ["n", "kl"]
    columns += [f"{key}{part}" for key, _n, _t in names for part in ("", " low", " high")]
    table = Table(
        "best-of-n", _("Gain by picking the best of n"), (*columns, "prompts"),
        tuple(
            (
                point["n"], point["kl"],
                *(point[key][part] for key, _n, _t in names for part in ("value", "low", "high")),
                point["n_prompts"],
            )
            for point in points
        ),
    )  # fmt: skip
    sentence = (found.get("verdict") or found.get("note") or "").replace(" -", " \N{MINUS SIGN}")
    return CurveTold(sentence, series if len(points) > 1 else (), table if points else None)


def consistency_told(metrics: Metrics) -> list[str]:
    """Order and harmless rewording, a sentence each."""
    found = metrics.get("consistency")
    if not found:
        return []
    if found["swap"] < 1e-9:
        told = [
            _("Order: shown the other way round, all %(n)s pairs get the same chances, exactly.")
            % {"n": f"{found['n_swapped']:,}"}
        ]
    else:
        told = [
            _("Order: shown the other way round, a chance changes by up to %(change)s.")
            % {"change": f"{found['swap']:.2g}"}
        ]
    reworded = found.get("rewording")
    if reworded and reworded["flipped"]["value"] is not None:
        flipped = reworded["flipped"]
        told.append(
            _(
                "Harmless rewording (quotation marks, bullets, white space, a full stop) turns "
                "%(share)s [%(low)s, %(high)s] of %(n)s preferences; a reward moves by %(moved)s "
                "of the rewards' spread in the median."
            )
            % {
                "share": f"{100 * flipped['value']:.0f}%",
                "low": f"{100 * flipped['low']:.0f}",
                "high": f"{100 * flipped['high']:.0f}",
                "n": flipped["n"],
                "moved": f"{100 * (reworded['moved'] or 0):.0f}%",
            }
        )
    elif found.get("note"):
        told.append(_("Rewording: %(note)s") % {"note": found["note"]})
    return told


def criteria_told(metrics: Metrics) -> Told | None:
    """Each criterion's own head, where there is more than one criterion."""
    found = metrics.get("criteria") or []
    if len(found) < 2:
        return None
    rows = tuple(
        interval_of(each["name"], figure_of(each["evaluation"]["accuracy"]), "first")
        if each.get("evaluation")
        else Interval(each["name"], None, note=_no_figure(metrics, each))
        for each in found
    )
    sentence = _("Each criterion has a head of its own, tested on its own held-out answers.")
    table = interval_table("criteria", _("Accuracy by criterion"), rows, "accuracy")
    return Told(sentence, rows, table)


def _no_figure(metrics: Metrics, criterion: Mapping[str, Any]) -> str:
    known = why_no_head(metrics, criterion["key"]) or criterion.get("note")
    return known or _("Not tested yet.")


def slices_told(project: Project, metrics: Metrics, by: str) -> tuple[Told | None, list[str]]:
    """The worst slices of one dimension (of all: ""), and the dimensions that there are."""
    found: Sequence[Mapping[str, Any]] = metrics.get("slices") or []
    ways = list(dict.fromkeys(each["dimension"] for each in found))
    if not found:
        return None, []
    chosen = [each for each in found if by in ("", each["dimension"])]
    known = [each for each in chosen if each["accuracy"] is not None]
    unknown = [each for each in chosen if each["accuracy"] is None]
    rows = tuple(_slice_row(project, each, by) for each in known)
    table = Table(
        "slices", _("Slices"),
        ("dimension", "slice", "accuracy", "low", "high", "decided votes", "prompts", "log-loss",
         "gap to the others", "gap low", "gap high", "p adjusted", "worse", "note"),
        tuple(_slice_cells(each) for each in [*known, *unknown]),
    )  # fmt: skip
    return Told(_slices_sentence(known), rows[:SLICES_SHOWN], table, _unknown(unknown)), ways


def _slices_sentence(known: Sequence[Mapping[str, Any]]) -> str:
    if not known:
        return _("No slice has votes enough to say anything of it.")
    worst = known[0]
    n_worse = sum(each["is_worse"] for each in known)
    told = _("It is right least often for “%(name)s”: %(share)s %(interval)s, n %(n)s.") % {
        "name": worst["label"],
        "share": f"{100 * worst['accuracy']['value']:.1f}%",
        "interval": figure_of(worst["accuracy"]).words,
        "n": f"{worst['n_votes']:,}",
    }
    if n_worse:
        return (
            told
            + " "
            + _("Of %(all)s slices %(n)s are worse than the rest beyond chance, all looks counted.")
            % {"all": len(known), "n": n_worse}
        )
    return (
        told
        + " "
        + _("Of %(all)s slices none is worse than the rest beyond chance.") % {"all": len(known)}
    )


def _slice_row(project: Project, each: Mapping[str, Any], by: str) -> Interval:
    figure = figure_of(each["accuracy"])
    name = each["label"] if by else f"{dimension_words(each['dimension'])}: {each['label']}"
    return Interval(
        label=name, value=figure.value, low=figure.low, high=figure.high, n=each["n_votes"],
        note=_("worse than the rest") if each["is_worse"] else "",
        href=_behind(project, each), tone="second" if each["is_worse"] else "first",
    )  # fmt: skip


def _behind(project: Project, each: Mapping[str, Any]) -> str:
    """Where a slice's prompts or people are to be seen."""
    if each["dimension"] in ("tag", "language"):
        query = urlencode({"q": each["label"]})
        return f"{reverse('annotation:prompts', args=[project.slug])}?{query}"
    if each["dimension"] == "policies":
        return reverse("rewardmodel:leaderboard", args=[project.slug])
    return reverse("annotation:pluralism", args=[project.slug])


def dimension_words(key: str) -> str:
    """A dimension as the page names it; groups of annotators keep their attribute's name."""
    known = {"tag": _("Tag"), "language": _("Language"), "policies": _("Policies")}
    return known.get(key, key.replace("_", " "))


def _slice_cells(each: Mapping[str, Any]) -> tuple[Any, ...]:
    accuracy, gap = each["accuracy"] or {}, each["gap"] or {}
    return (
        each["dimension"], each["label"], accuracy.get("value"), accuracy.get("low"),
        accuracy.get("high"), each["n_votes"], each["n_prompts"],
        (each["log_loss"] or {}).get("value"), gap.get("value"), gap.get("low"), gap.get("high"),
        each["p_adjusted"], "yes" if each["is_worse"] else "no", each["note"],
    )  # fmt: skip


def _unknown(unknown: Sequence[Mapping[str, Any]]) -> str:
    if not unknown:
        return ""
    return _("%(n)s more have fewer than 20 decided votes or 5 prompts: too few to say.") % {
        "n": len(unknown)
    }


def _best_point(point: Mapping[str, Any], key: str) -> Point:
    gain = point[key]
    return Point(
        x=point["kl"], value=gain["value"], low=gain["low"], high=gain["high"],
        n=point["n_prompts"], label=_("best of %(n)s") % {"n": point["n"]},
    )  # fmt: skip


def _bins(stored: Sequence[Mapping[str, Any]]) -> tuple[CalibrationBin, ...]:
    return tuple(
        CalibrationBin(b["predicted"], b["won"], b["won_low"], b["won_high"], b["n"])
        for b in stored
    )


def _points(value: float | None) -> str:
    if value is None:
        return "–"
    told = f"{100 * value:+.1f}".replace("-", "\N{MINUS SIGN}")
    return _("%(n)s points") % {"n": told}


def _share_points(value: float | None) -> str:
    return "–" if value is None else _("%(n)s points") % {"n": f"{100 * value:.1f}"}


def _interval_points(low: float | None, high: float | None, *, signed: bool = True) -> str:
    if low is None or high is None:
        return ""
    style = "+.1f" if signed else ".1f"
    told = f"[{100 * low:{style}},{NO_BREAK}{100 * high:{style}}]"
    return told.replace("-", "\N{MINUS SIGN}")
