"""Pools: what their members may do, when, for what pay, and how a crowd platform's people enter."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import time
from decimal import Decimal
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import IntegrityError, transaction

from annotation.core.errors import Conflict, Forbidden, Invalid
from annotation.models import Membership, Pool, Project, User
from annotation.models.people import draw_token, token_digest
from annotation.services.audit_log import pool_note

MOST_WORDS, LONGEST_LANGUAGE, LONGEST_SKILL = 100, 16, 64
MOST_QUOTA = 1_000_000
MOST_PAY = Decimal(1000)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class PoolTerms:
    """All that a lead sets for a pool; None and "" mean that nothing is asked, paid or limited."""

    name: str
    description: str = ""
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    daily_quota: int | None = None
    total_quota: int | None = None
    harmful_daily_cap: int | None = None
    works_from: time | None = None
    works_until: time | None = None
    works_on: tuple[int, ...] = ()
    time_zone: str = ""
    pay_per_judgment: Decimal | None = None
    pay_per_hour: Decimal | None = None
    pay_currency: str = ""
    platform: str = ""
    completion_code: str = ""
    return_url: str = ""


@transaction.atomic
def pool_create(
    *, actor: User | None, name: str, description: str = "", project: Project | None = None
) -> Pool:
    """A new pool, which may serve a project at once; whoever made it owns it."""
    if not name.strip():
        raise Invalid("Give the pool a name.", field="name")
    try:
        with transaction.atomic():
            pool = Pool.objects.create(name=name.strip(), description=description)
    except IntegrityError as error:
        raise _name_taken(name.strip()) from error
    if project is not None:
        project.pools.add(pool)
    if actor is not None:
        Membership.objects.create(pool=pool, user=actor, role=Membership.Role.OWNER)
        pool_note(actor, pool, "pool.create", pool.name)
    return pool


@transaction.atomic
def pool_update(*, actor: User, pool: Pool, terms: PoolTerms) -> Pool:
    """Sets what the pool asks and pays from now on; what was earned stays as it was.

    Raises Invalid or Conflict naming the field.
    """
    terms = _tidied(terms)
    _check_quotas(terms)
    _check_hours(terms)
    _check_pay(terms)
    _check_platform(terms)
    locked = Pool.objects.select_for_update(no_key=True).get(pk=pool.pk)
    if Pool.objects.exclude(pk=locked.pk).filter(name=terms.name).exists():
        raise _name_taken(terms.name)
    changed = [
        name
        for name, value in asdict(terms).items()
        if _stored(getattr(locked, name)) != _stored(value)
    ]
    for name in changed:
        value = getattr(terms, name)
        setattr(locked, name, list(value) if isinstance(value, tuple) else value)
    if not terms.platform and locked.entry_digest is not None:
        locked.entry_digest = None
        changed.append("entry_digest")
    if changed:
        locked.save(update_fields=changed)
        told = [name for name in changed if name not in {"entry_digest", "completion_code"}]
        pool_note(actor, locked, "pool.update", locked.name, changed=told)
    return locked


@transaction.atomic
def pool_serve(*, actor: User, pool: Pool, project: Project) -> None:
    """The pool's members may take the project's work. The actor leads both."""
    project.pools.add(pool)
    pool_note(actor, pool, "pool.serve", project.name)


@transaction.atomic
def entry_link_draw(*, actor: User, pool: Pool) -> str:
    """The secret of a new entry link, shown once; the one before it stops working."""
    if not pool.platform:
        raise Conflict("Say first from which platform people come.", field="platform")
    token = draw_token()
    Pool.objects.filter(pk=pool.pk).update(entry_digest=token_digest(token))
    pool_note(actor, pool, "pool.entry-link", pool.name)
    return token


@transaction.atomic
def entry_link_close(*, actor: User, pool: Pool) -> None:
    """Nobody comes in by the link any more; who is in stays in."""
    Pool.objects.filter(pk=pool.pk).update(entry_digest=None)
    pool_note(actor, pool, "pool.entry-link.close", pool.name)


def tidy_words(words: Iterable[str], *, field: str) -> list[str]:
    """Languages or skills without spaces around them, each once. Raises Invalid."""
    longest = LONGEST_LANGUAGE if field == "languages" else LONGEST_SKILL
    found = list(dict.fromkeys(word.strip() for word in words if word.strip()))
    for word in found:
        if len(word) > longest:
            raise Invalid(f"“{word[:40]}…” is longer than {longest} characters.", field=field)
        if field == "languages" and not _LANGUAGE.fullmatch(word):
            raise Invalid(
                f"“{word}” is no language code.",
                field=field,
                hint="Write for example en, de, pt-br.",
            )
    if len(found) > MOST_WORDS:
        raise Invalid(f"At most {MOST_WORDS} can be named.", field=field)
    return found


def check_may_grant(actor: User | None, pool: Pool, role: str) -> None:
    """Only an owner makes owners, or changes one; a lead may grant or take every lesser role."""
    if actor is None or actor.is_superuser or role != Membership.Role.OWNER:
        return
    if not Membership.objects.filter(
        pool=pool, user=actor, role=Membership.Role.OWNER, state=Membership.State.ACTIVE
    ).exists():
        raise Forbidden("Only an owner of the pool can make or change another owner.", field="role")


def _tidied(terms: PoolTerms) -> PoolTerms:
    name = terms.name.strip()
    if not name:
        raise Invalid("Give the pool a name.", field="name")
    if len(name) > 120:
        raise Invalid("A name has at most 120 characters.", field="name")
    return replace(
        terms,
        name=name,
        description=terms.description.strip(),
        languages=tuple(tidy_words(terms.languages, field="languages")),
        skills=tuple(tidy_words(terms.skills, field="skills")),
        works_on=tuple(sorted(set(terms.works_on))),
        time_zone=terms.time_zone.strip(),
        pay_currency=terms.pay_currency.strip().upper(),
        completion_code=terms.completion_code.strip(),
        return_url=terms.return_url.strip(),
    )


def _check_quotas(terms: PoolTerms) -> None:
    for field in ("daily_quota", "total_quota", "harmful_daily_cap"):
        value = getattr(terms, field)
        least = 0 if field == "harmful_daily_cap" else 1
        if value is not None and not least <= value <= MOST_QUOTA:
            raise Invalid(f"A number from {least} to {MOST_QUOTA:,} is wanted here.", field=field)
    if terms.daily_quota and terms.total_quota and terms.daily_quota > terms.total_quota:
        raise Invalid("More a day than in all is never reached.", field="daily_quota")


def _check_hours(terms: PoolTerms) -> None:
    if (terms.works_from is None) != (terms.works_until is None):
        missing = "works_from" if terms.works_from is None else "works_until"
        raise Invalid("Working hours need a beginning and an end.", field=missing)
    if any(not 1 <= day <= 7 for day in terms.works_on):
        raise Invalid("There are seven weekdays, 1 (Monday) to 7.", field="works_on")
    if terms.time_zone and terms.time_zone not in available_timezones():
        raise Invalid(
            f"There is no time zone “{terms.time_zone[:40]}”.", field="time_zone",
            hint="Write for example Europe/Berlin or America/New_York.",
        )  # fmt: skip


def _check_pay(terms: PoolTerms) -> None:
    for field in ("pay_per_judgment", "pay_per_hour"):
        amount: Decimal | None = getattr(terms, field)
        if amount is None:
            continue
        if not amount.is_finite() or not 0 <= amount <= MOST_PAY:
            raise Invalid(f"An amount from 0 to {MOST_PAY:,} is wanted here.", field=field)
        if amount != round(amount, 4):
            raise Invalid("At most four digits after the point are kept.", field=field)
    is_paid = terms.pay_per_judgment is not None or terms.pay_per_hour is not None
    if is_paid and not _CURRENCY.fullmatch(terms.pay_currency):
        raise Invalid("Pay needs a currency of three letters, as EUR or USD.", field="pay_currency")
    if terms.pay_currency and not _CURRENCY.fullmatch(terms.pay_currency):
        raise Invalid("A currency has three letters, as EUR or USD.", field="pay_currency")


def _check_platform(terms: PoolTerms) -> None:
    if terms.platform and terms.platform not in Pool.Platform.values:
        raise Invalid("Choose one of the list.", field="platform")
    if len(terms.completion_code) > 64:
        raise Invalid("A completion code has at most 64 characters.", field="completion_code")
    if (terms.completion_code or terms.return_url) and terms.total_quota is None:
        raise Invalid(
            "Who comes from a platform is done when their total quota is: set one.",
            field="total_quota",
        )
    if terms.return_url:
        try:
            URLValidator(schemes=["https", "http"])(terms.return_url)
        except ValidationError as error:
            raise Invalid(
                "That is no address; it begins with https://.", field="return_url"
            ) from error
        if len(terms.return_url) > 300:
            raise Invalid("An address has at most 300 characters.", field="return_url")


def _stored(value: object) -> object:
    return list(value) if isinstance(value, list | tuple) else value


def _name_taken(name: str) -> Conflict:
    return Conflict(f"There is a pool “{name}” already.", field="name")
