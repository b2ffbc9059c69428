"""Has the world moved since the model learned? Batches beside those before them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.core.figures import Table
from annotation.models import Completion, Project


@dataclass(frozen=True, slots=True)
class BatchTold:
    """One batch: shares and distances as text, and what differs, in words; all may be empty."""

    name: str
    href: str
    n_responses: int
    n_prompts: int
    distance: str
    novel: str
    surprise: str
    differs: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class DriftTold:
    """A sentence, the batches, newest last, and links to responses unlike any that were seen."""

    sentence: str
    outside: str
    batches: tuple[BatchTold, ...]
    furthest: tuple[tuple[str, str], ...]
    table: Table


def drift_told(project: Project, metrics: Mapping[str, Any]) -> DriftTold | None:
    """What the training measured of drift; None where it did not."""
    found = metrics.get("drift")
    if not found:
        return None
    shifts = found["shifts"]
    return DriftTold(
        sentence=_sentence(found),
        outside=_outside(metrics),
        batches=tuple(_batch(project, each) for each in shifts),
        furthest=_furthest(project, metrics),
        table=Table(
            "drift", _("Drift between batches"),
            ("batch", "responses", "prompts", "distance", "by chance", "p features", "novel",
             "novel low", "novel high", "p novelty", "surprise", "surprise low", "surprise high",
             "p surprise", "drift", "note"),
            tuple(_cells(each) for each in shifts),
        ),
    )  # fmt: skip


def _sentence(found: Mapping[str, Any]) -> str:
    shifts = found["shifts"]
    if not shifts:
        return _("No batch has been judged yet.")
    told = [s for s in shifts if s["p_features"] is not None or s["p_surprise"] is not None]
    if not told:
        return _("There is only one batch, or too few prompts in each, to compare.")
    newest = told[-1]
    if found["has_drift"]:
        return _(
            "The newest batch, “%(name)s”, differs from those before it in %(what)s. After drift "
            "the model is trained again sooner."
        ) % {"name": newest["name"], "what": ", ".join(_differs(newest))}
    same = _("The newest batch with enough prompts, “%(name)s”, does not differ beyond chance.")
    return same % {"name": newest["name"]}


def _outside(metrics: Mapping[str, Any]) -> str:
    found = metrics.get("out_of_distribution")
    if not found or not found["n"]:
        return ""
    if not found["outside"]:
        return _("None of the project's %(all)s responses is unlike what was learned from.") % {
            "all": f"{found['n']:,}"
        }
    told = ngettext(
        "%(n)s of the project's %(all)s responses is more unusual than %(share)s of those learned "
        "from: its score is a guess.",
        "%(n)s of the project's %(all)s responses are more unusual than %(share)s of those learned "
        "from: their scores are guesses.",
        found["outside"],
    )
    return told % {
        "n": f"{found['outside']:,}",
        "all": f"{found['n']:,}",
        "share": f"{100 * found['threshold']:.0f}%",
    }


def _batch(project: Project, each: Mapping[str, Any]) -> BatchTold:
    novel, surprise = each["novel"] or {}, each["surprise"] or {}
    return BatchTold(
        name=each["name"],
        href=reverse("annotation:batch", args=[project.slug, each["batch"]]),
        n_responses=each["n_responses"],
        n_prompts=each["n_prompts"],
        distance=""
        if each["distance"] is None
        else _("%(seen)s (chance: %(chance)s)")
        % {"seen": f"{each['distance']:.2f}", "chance": f"{each['distance_by_chance']:.2f}"},
        novel="" if novel.get("value") is None else _share(novel),
        surprise="" if surprise.get("value") is None else _signed(surprise),
        differs=_differs(each),
        note=each["note"],
    )


def _share(figure: Mapping[str, Any]) -> str:
    value, low, high = (100 * figure[key] for key in ("value", "low", "high"))
    return f"{value:.1f}% [{low:.1f}, {high:.1f}]"


def _signed(figure: Mapping[str, Any]) -> str:
    told = f"{100 * figure['value']:+.1f}"
    if figure["low"] is not None:
        told += f" [{100 * figure['low']:+.1f}, {100 * figure['high']:+.1f}]"
    return told.replace("-", "\N{MINUS SIGN}")


def _differs(each: Mapping[str, Any]) -> tuple[str, ...]:
    words = {
        "features": _("what responses look like"),
        "novelty": _("how many are unlike any seen"),
        "calibration": _("how often the model is right"),
    }
    return tuple(words[key] for key in each["is_drift"])


def _furthest(project: Project, metrics: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    keys = (metrics.get("out_of_distribution") or {}).get("furthest") or []
    found = Completion.objects.filter(pk__in=keys, prompt__project=project).select_related(
        "policy", "prompt"
    )
    rows = {each.pk: each for each in found.defer("text", "html")}
    return tuple(
        (
            f"{rows[key].policy}: {rows[key].prompt}",
            reverse("annotation:prompt", args=[project.slug, rows[key].prompt_id]),
        )
        for key in keys
        if key in rows
    )


def _cells(each: Mapping[str, Any]) -> tuple[Any, ...]:
    novel, surprise = each["novel"] or {}, each["surprise"] or {}
    return (
        each["name"], each["n_responses"], each["n_prompts"], each["distance"],
        each["distance_by_chance"], each["p_features"],
        novel.get("value"), novel.get("low"), novel.get("high"), each["p_novelty"],
        surprise.get("value"), surprise.get("low"), surprise.get("high"), each["p_surprise"],
        ", ".join(each["is_drift"]) or "no", each["note"],
    )  # fmt: skip
