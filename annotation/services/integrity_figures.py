"""A project's figures side by side: with and without the judgments that quarantines leave out."""

from dataclasses import dataclass
from hashlib import sha256

from django.core.cache import cache
from django.utils.translation import gettext as _

from annotation.core.agreement import Estimate
from annotation.core.figures import Interval
from annotation.models import Project
from annotation.selectors.integrity import gold_share
from annotation.selectors.judgments import latest_judgment_id, live, quarantines
from annotation.services.agreement import agreement_of

KEPT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure twice; a share in 0..1, or alpha."""

    name: str
    style: str
    without: Interval
    with_them: Interval


def figures_compared(project: Project) -> list[Compared]:
    """Alpha and AC of each criterion, and gold answered right; kept until something changes."""
    left_out = sorted(map(str, quarantines(project)))
    state = sha256("\n".join(left_out).encode()).hexdigest()
    key = f"figures-compared/{project.pk}/{latest_judgment_id(project)}/{state}"
    known: list[Compared] | None = cache.get(key)
    if known is None:
        known = [*_coefficients(project), _gold(project), _count(project)]
        cache.set(key, known, KEPT_SECONDS)
    return known


def _coefficients(project: Project) -> list[Compared]:
    """Alpha and AC of each criterion, always beside each other."""
    found = []
    for criterion in project.criteria.all():
        without, with_them = (
            agreement_of(
                project=project,
                criterion=criterion,
                judgments=live(
                    project,
                    include_simulated=project.learns_from_simulated,
                    with_quarantined=with_quarantined,
                ),
            )
            for with_quarantined in (False, True)
        )
        alpha = _("Alpha, %(criterion)s") % {"criterion": criterion.name}
        ac = _("AC, %(criterion)s") % {"criterion": criterion.name}
        found.append(_compared(alpha, without.alpha, with_them.alpha))
        found.append(_compared(ac, without.ac, with_them.ac))
    return found


def _compared(name: str, without: Estimate, with_them: Estimate) -> Compared:
    sides = [
        Interval(_side(is_with), each.value, each.low, each.high, each.n_units, each.note)
        for is_with, each in ((False, without), (True, with_them))
    ]
    return Compared(name, "decimal", *sides)


def _gold(project: Project) -> Compared:
    sides = []
    for with_quarantined in (False, True):
        share = gold_share(project, with_quarantined=with_quarantined)
        sides.append(
            Interval(_side(with_quarantined), share.value, share.low, share.high, share.n,
                     "" if share.n else _("No gold judged yet."))
        )  # fmt: skip
    return Compared(_("Gold answered as the lead would"), "share", *sides)


def _count(project: Project) -> Compared:
    sides = [
        Interval(_side(with_quarantined), None, n=live(
            project, include_simulated=project.learns_from_simulated,
            with_quarantined=with_quarantined,
        ).count())
        for with_quarantined in (False, True)
    ]  # fmt: skip
    return Compared(_("Judgments"), "count", *sides)


def _side(with_quarantined: bool) -> str:
    return _("with them") if with_quarantined else _("without")
