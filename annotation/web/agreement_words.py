"""What the page on agreement says: its sentence, and each coefficient in a line."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.core.paired_figures import Pair
from annotation.models import AgreementReport
from annotation.services.agreement_sums import AgreementNow

LEVELS = (
    (0.8, gettext_lazy("Closely")),
    (0.667, gettext_lazy("Fairly well")),
    (0.4, gettext_lazy("Moderately")),
    (0.0, gettext_lazy("Weakly")),
)
NAMED = 5
DIMENSIONS = {
    "batch": gettext_lazy("Batch"),
    "pool": gettext_lazy("Pool"),
    "language": gettext_lazy("Language"),
    "tag": gettext_lazy("Tag"),
    "pair": gettext_lazy("Policy pair"),
    "time": gettext_lazy("Time"),
}


def agreement_sentence(overall: AgreementReport | None, newest: Sequence[AgreementReport]) -> str:
    """The page's headline: do they agree, how sure is that, and where least."""
    if overall is None:
        return _("Do they agree? Nobody has measured it yet.")
    if overall.estimate is None:
        return _("Do they agree? It cannot be told yet. %(why)s") % {"why": overall.note}
    sentence = _("Do they agree? %(how)s: alpha %(alpha)s%(interval)s on %(n)s items.") % {
        "how": _how(overall),
        "alpha": two(overall.estimate),
        "interval": brackets(overall.low, overall.high),
        "n": f"{overall.n_comparisons:,}",
    }
    told = [r for r in newest if r.estimate is not None and r.pk != overall.pk]
    worst = min(told, key=lambda r: r.estimate or 0.0, default=None)
    if worst is None or worst.high is None or overall.low is None or worst.high >= overall.low:
        return sentence
    least = _("Least on “%(criterion)s”: %(alpha)s.") % {
        "criterion": worst.criterion.name,
        "alpha": two(worst.estimate or 0.0),
    }
    return f"{sentence} {least}"


def now_sentence(
    now: AgreementNow | None, report: AgreementReport | None, *, is_pairwise: bool
) -> str:
    """The figures as of now, where judgments have come in since the snapshot."""
    if now is None or now.figures.alpha.value is None:
        return ""
    if report is not None and now.upto_id <= report.cutoff_judgment_id:
        return ""
    alpha, ac = now.figures.alpha, now.figures.ac
    sentence = (
        _("As of now: alpha %(alpha)s%(between)s, %(name)s %(ac)s%(ac_between)s on %(n)s items.")
        if is_pairwise
        else _("As of now: alpha %(alpha)s%(between)s, %(name)s %(ac)s%(ac_between)s, by pairs.")
    )
    return sentence % {
        "alpha": two(alpha.value or 0.0),
        "between": brackets(alpha.low, alpha.high),
        "name": ac_name_at(alpha.level),
        "ac": "\N{EN DASH}" if ac.value is None else two(ac.value),
        "ac_between": brackets(ac.low, ac.high),
        "n": f"{alpha.n_units:,}",
    }


def ac_name_at(level: str) -> str:
    """Gwet's coefficient has two names: without weights, and with."""
    return "AC1" if level == "nominal" else "AC2"


def parts_sentence(report: AgreementReport, parts: Sequence[Pair]) -> str:
    """Which parts lie wholly below or above the whole's interval."""
    if report.low is None or report.high is None:
        return ""
    told = [part for part in parts if not part.is_too_few]
    below = [part for part in told if part.alpha.high is not None and part.alpha.high < report.low]
    above = [part for part in told if part.alpha.low is not None and part.alpha.low > report.high]
    sentences = []
    if below:
        below.sort(key=lambda part: part.alpha.value or 0.0)
        sentences.append(_("Clearly below the whole: %(parts)s.") % {"parts": _named(below)})
    if above:
        above.sort(key=lambda part: -(part.alpha.value or 0.0))
        sentences.append(_("Clearly above it: %(parts)s.") % {"parts": _named(above)})
    if not sentences and len(told) > 1:
        return _("No part stands apart from the whole as far as can be told.")
    return " ".join(sentences)


def _named(parts: Sequence[Pair]) -> str:
    names = [f"{part.label} ({two(part.alpha.value or 0.0)})" for part in parts[:NAMED]]
    if len(parts) > NAMED:
        names.append(_("and %(n)s more") % {"n": len(parts) - NAMED})
    return ", ".join(names)


def brackets(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    return f" [{two(low)},\N{NO-BREAK SPACE}{two(high)}]"


def two(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _how(overall: AgreementReport) -> str:
    """By the lower end of the interval: what can be relied upon, not what was hoped for."""
    if overall.detail.get("too_few"):
        return _("Too few to say yet")
    if overall.high is not None and overall.high < 0:
        return _("Less than by chance")
    least = overall.low if overall.low is not None else overall.estimate or 0.0
    found = next((word for level, word in LEVELS if least >= level), None)
    return str(found) if found is not None else _("No more than by chance, as far as can be told")
