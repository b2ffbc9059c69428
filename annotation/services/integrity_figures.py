"""A project's figures side by side: with and without the judgments that quarantines leave out."""

from dataclasses import dataclass

from django.core.cache import cache
from django.utils.translation import gettext as _

from annotation.core.figures import Interval
from annotation.models import Project
from annotation.selectors.integrity import gold_share
from annotation.selectors.judgments import latest_judgment_id, live, quarantines
from annotation.services.agreement import agreement_estimates

KEPT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure twice; a share in 0..1, or alpha."""

    name: str
    style: str
    without: Interval
    with_them: Interval


def figures_compared(project: Project) -> list[Compared]:
    """Alpha of each criterion and the share of gold answered right; kept until either changes."""
    state = hash(tuple(sorted(map(str, quarantines(project)))))
    key = f"figures-compared/{project.pk}/{latest_judgment_id(project)}/{state}"
    known: list[Compared] | None = cache.get(key)
    if known is None:
        known = [*_alphas(project), _gold(project), _count(project)]
        cache.set(key, known, KEPT_SECONDS)
    return known


def _alphas(project: Project) -> list[Compared]:
    found = []
    for criterion in project.criteria.all():
        sides = []
        for with_quarantined in (False, True):
            judgments = live(
                project,
                include_simulated=project.learns_from_simulated,
                with_quarantined=with_quarantined,
            )
            alpha, _share = agreement_estimates(
                project=project, criterion=criterion, judgments=judgments
            )
            sides.append(
                Interval(_side(with_quarantined), alpha.value, alpha.low, alpha.high,
                         alpha.n_units, alpha.note)
            )  # fmt: skip
        name = _("Alpha, %(criterion)s") % {"criterion": criterion.name}
        found.append(Compared(name, "decimal", *sides))
    return found


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
