"""The votes behind an effect: judgments in which what was audited differs most."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch

from annotation.models import BiasAudit, Candidate, Judgment

TIED, THEN = " = ", " > "


@dataclass(frozen=True, slots=True)
class VoteBehind:
    """One judgment: its responses as they were shown, by policy and length, and their order.

    `is_order_known` is False where an imported file does not tell what was shown first.
    """

    judgment_id: int
    comparison_id: int
    annotator_id: int
    annotator: str
    prompt: str
    shown: tuple[str, ...]
    lengths: tuple[int, ...]
    is_order_known: bool
    preferred: str
    judged_at: datetime


def votes_behind(audit: BiasAudit) -> list[VoteBehind]:
    """Those kept with the audit, in which the covariate differs most first; they may have been
    amended since."""
    ids = [int(pk) for pk in audit.detail.get("votes", [])]
    candidates = Candidate.objects.select_related("completion__policy").order_by("position")
    found = (
        Judgment.objects.filter(pk__in=ids, comparison__project=audit.project_id)
        .select_related("annotator", "assignment", "comparison__prompt")
        .prefetch_related(Prefetch("comparison__candidates", queryset=candidates))
    )
    place = {pk: at for at, pk in enumerate(ids)}
    return [_vote(judgment) for judgment in sorted(found, key=lambda each: place[each.pk])]


def _vote(judgment: Judgment) -> VoteBehind:
    candidates = list(judgment.comparison.candidates.all())
    known = judgment.assignment.display_order
    order: Sequence[int] = known or range(len(candidates))
    names = [str(candidate.completion.policy) for candidate in candidates]
    return VoteBehind(
        judgment_id=judgment.pk,
        comparison_id=judgment.comparison_id,
        annotator_id=judgment.annotator_id,
        annotator=str(judgment.annotator),
        prompt=str(judgment.comparison.prompt),
        shown=tuple(names[at] for at in order),
        lengths=tuple(len(candidates[at].completion.text) for at in order),
        is_order_known=bool(known),
        preferred=THEN.join(TIED.join(names[at] for at in group) for group in judgment.groups),
        judged_at=judgment.judged_at,
    )
