"""Adaptive overlap: stop where judges agree, ask one more where they do not, up to a cap."""

from django.db.models import F

from annotation.core.consensus import leading_share
from annotation.models import Comparison, Judgment, Project


def overlap_adapt(*, comparison_id: int, project: Project, overlap: int) -> bool:
    """Asks for one judgment more of a comparison that has all it wanted; whether it did.

    To be called in the transaction of the submit that brought the last one. Nothing is asked for
    when at least `stop_at_agreement` of the judgments say the same or the cap is reached.
    """
    if project.overlap_cap is None or overlap >= project.overlap_cap:
        return False
    groups = list(
        Judgment.objects.live()
        .filter(comparison=comparison_id, is_adjudication=False)
        .values_list("groups", flat=True)
    )
    if len(groups) < 2 or leading_share(groups) >= project.stop_at_agreement:
        return False
    room = Comparison.objects.filter(pk=comparison_id, overlap__lt=project.overlap_cap)
    return room.update(overlap=F("overlap") + 1) == 1
