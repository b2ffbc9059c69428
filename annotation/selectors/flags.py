"""Flags as leads read them: what waits first, then what was answered."""

from django.db.models import F, Prefetch, QuerySet

from annotation.models import Candidate, Flag, Project


def flags(project: Project) -> QuerySet[Flag]:
    """All flags of a project, those that wait first, each group newest first."""
    candidates = Candidate.objects.select_related("completion__policy").order_by("position")
    return (
        Flag.objects.filter(project=project)
        .select_related(
            "completion__policy", "completion__prompt", "comparison__prompt", "raised_by",
            "resolved_by",
        )
        .prefetch_related(Prefetch("comparison__candidates", queryset=candidates))
        .order_by(F("resolved_at").desc(nulls_first=True), "-id")
    )  # fmt: skip


def unresolved_flags(project: Project) -> int:
    return Flag.objects.filter(project=project, resolved_at=None).count()
