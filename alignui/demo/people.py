"""Three people who can sign in at once, with passwords that no two installations share."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from annotation.models import Membership, Pool, User
from annotation.services.people import membership_set, user_create
from annotation.services.pools import pool_create

POOL = "Demo annotators"
PEOPLE = {
    "lead": ("Lead", Membership.Role.OWNER),
    "annotator": ("Annotator", Membership.Role.ANNOTATOR),
    "annotator2": ("Second annotator", Membership.Role.ANNOTATOR),
}
# No letter that another one is mistaken for when a password is typed from a screen.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Cast:
    lead: User
    pool: Pool


def logins_file() -> Path:
    return Path(settings.VAR_DIR) / "demo_logins.json"


def logins() -> dict[str, str]:
    """User names and passwords, drawn at first start and kept where only the owner reads them."""
    file = logins_file()
    if not file.exists():
        drawn = {name: _password() for name in PEOPLE}
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            json.dump(drawn, out, indent=2)
    return dict(json.loads(file.read_text(encoding="ascii")))


def cast_load() -> Cast:
    """The people and their pool. Who is there already keeps name, password and role."""
    passwords = logins()
    users = {name: _user(name, passwords[name]) for name in PEOPLE}
    pool = Pool.objects.filter(name=POOL).first()
    if pool is None:
        pool = pool_create(actor=users["lead"], name=POOL, description="They judge in the demo.")
    for name, (_, role) in PEOPLE.items():
        if not pool.memberships.filter(user=users[name]).exists():
            membership_set(actor=users["lead"], pool=pool, user=users[name], role=role)
    return Cast(lead=users["lead"], pool=pool)


def _user(username: str, password: str) -> User:
    user = User.objects.filter(username=username).first()
    return user or user_create(username=username, password=password, name=PEOPLE[username][0])


def _password() -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
