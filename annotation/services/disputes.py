"""Comparisons on which judgments part: they wait for a reviewer, whose decision is a judgment."""

from django.db import transaction
from django.db.models import QuerySet

from annotation.core.consensus import leading_share
from annotation.models import Comparison, Dispute, Judgment

State = Dispute.State


@transaction.atomic
def dispute_open_if_split(*, comparison: Comparison) -> bool:
    """Puts a comparison before a reviewer when too few of its judgments say the same.

    Says whether it did. For the end of a submit that brought the last judgment wanted. Costs one statement when the
    judgments agree, none when the project does not adjudicate. What was decided stays decided, and
    what was dismissed comes back only with more judgments than were known then.
    """
    project = comparison.project
    if not project.adjudicates or comparison.gold_groups is not None:
        return False
    given = list(live_judgments(comparison).values_list("groups", flat=True))
    if len(given) < 2 or (agreement := leading_share(given)) >= project.stop_at_agreement:
        return False
    for earlier in comparison.disputes.all():
        if earlier.state != State.DISMISSED or earlier.n_judgments >= len(given):
            return False
    dispute = Dispute(
        project=project, comparison=comparison, reason=Dispute.Reason.DISAGREEMENT,
        agreement=agreement, n_judgments=len(given),
    )  # fmt: skip
    Dispute.objects.bulk_create([dispute], ignore_conflicts=True)  # a lead may be opening one too
    return True


def live_judgments(comparison: Comparison) -> QuerySet[Judgment]:
    """What annotators say of it now; a reviewer's decision is none of these."""
    return Judgment.objects.live().filter(comparison=comparison, is_adjudication=False)
