"""Accounts for synthetic annotators: marked as such, in a pool of their own, a token for each."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from annotation.core.errors import Conflict
from annotation.models import Membership, Pool, Project, User
from annotation.services.people import (
    api_token_create,
    api_token_revoke,
    membership_set,
    user_create,
)
from annotation.services.pools import pool_create

POOL = "Simulated annotators"


@contextmanager
def tokens(project: Project, names: Iterable[str]) -> Iterator[dict[str, str]]:
    """A REST token for each name; they are revoked when the block ends."""
    pool = Pool.objects.filter(name=POOL).first() or pool_create(
        actor=None, name=POOL, description="Programs. What they judge is marked as simulated."
    )
    project.pools.add(pool)
    created = []
    secrets: dict[str, str] = {}
    try:
        for name in names:
            user = _user(name)
            membership_set(actor=None, pool=pool, user=user, role=Membership.Role.ANNOTATOR)
            token, secrets[name] = api_token_create(user=user, name="simulate")
            created.append(token)
        yield secrets
    finally:
        for token in created:
            api_token_revoke(user=token.user, token_id=token.pk)


def _user(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        return user_create(username=name, name=name.capitalize(), kind=User.Kind.SIMULATED)
    if user.kind != User.Kind.SIMULATED:
        raise Conflict(f"“{name}” is the account of a {user.get_kind_display().lower()}.")
    return user
