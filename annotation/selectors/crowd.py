"""Who of a crowd platform is done, and what takes them back there."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from annotation.core.crowd import way_back
from annotation.models import Membership, Participation, Project, User


@dataclass(frozen=True, slots=True)
class Completion:
    """What somebody who is done needs: the code for the platform, and the way back."""

    pool: str
    code: str
    href: str


def memberships_done(user: User) -> list[Membership]:
    """The user's memberships of platforms whose total quota is reached in every project served."""
    reached = Participation.objects.filter(
        annotator=user, project=OuterRef("pk"), judged__gte=OuterRef(OuterRef("pool__total_quota"))
    )
    unfinished = Project.objects.filter(~Exists(reached), pools=OuterRef("pool"), is_archived=False)
    begun = Participation.objects.filter(
        annotator=user, project__pools=OuterRef("pool"), judged__gte=OuterRef("pool__total_quota")
    )
    return list(
        Membership.objects.select_related("pool")
        .filter(
            ~Q(pool__platform=""),
            ~Exists(unfinished),
            Exists(begun),
            user=user,
            pool__total_quota__isnull=False,
        )
        .exclude(state=Membership.State.REMOVED)
        .order_by("pool__name")
    )


def completion_of(membership: Membership) -> Completion | None:
    """None where the platform is told neither a code nor an address."""
    pool = membership.pool
    href = way_back(pool.platform, code=pool.completion_code, return_url=pool.return_url)
    if not pool.completion_code and not href:
        return None
    return Completion(pool.name, pool.completion_code, href)
