"""Pools as a lead sees them: what they ask and pay, who is in, who is invited."""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from annotation.core.statements import rate_words
from annotation.models import Invitation, Membership, Pool, Project, User
from annotation.selectors.access import pools_led

ACTIVE = Q(memberships__state=Membership.State.ACTIVE)


@dataclass(frozen=True, slots=True)
class PoolLine:
    """A pool that serves the project; `is_led` where the looker may change it."""

    pool: Pool
    n_active: int
    n_away: int
    n_done: int
    is_led: bool

    @property
    def per_judgment(self) -> str:
        return rate_words(self.pool.pay_per_judgment)

    @property
    def per_hour(self) -> str:
        return rate_words(self.pool.pay_per_hour)


def pool_lines(project: Project, looker: User) -> list[PoolLine]:
    led = set(pools_led(looker).values_list("pk", flat=True))
    pools = project.pools.annotate(
        n_active=Count("memberships", filter=ACTIVE),
        n_away=Count("memberships", filter=~ACTIVE & Q(memberships__isnull=False)),
        n_done=Count("memberships", filter=Q(memberships__completed_at__isnull=False)),
    )
    return [
        PoolLine(pool, pool.n_active, pool.n_away, pool.n_done, pool.pk in led)
        for pool in pools.order_by("name")
    ]


def pools_to_add(project: Project, looker: User) -> QuerySet[Pool]:
    """The looker's pools that do not serve the project yet."""
    return pools_led(looker).exclude(projects=project).order_by("name")


def pools_into(project: Project, looker: User) -> QuerySet[Pool]:
    """The project's pools into which the looker may let people."""
    return pools_led(looker).filter(projects=project).order_by("name")


def invitations_open(pools: QuerySet[Pool]) -> QuerySet[Invitation]:
    """Invitations into the pools that somebody may still accept, newest first."""
    return (
        Invitation.objects.filter(
            pool__in=pools,
            accepted_at__isnull=True,
            revoked_at__isnull=True,
            expires_at__gt=timezone.now(),
        )
        .select_related("pool", "invited_by")
        .order_by("-pk")
    )


def invitations(pool: Pool) -> QuerySet[Invitation]:
    """All that were made for the pool, with who accepted them, newest first."""
    made = Invitation.objects.filter(pool=pool).select_related("pool", "invited_by", "accepted_by")
    return made.order_by("-pk")
