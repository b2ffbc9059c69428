"""What a trial works on: a project with its people and its comparisons, made by the services."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import combinations
from random import Random

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import transaction
from django.utils import timezone

from alignui.proving.annotators import Person
from alignui.proving.plan import LEASE_SECONDS, Plan
from annotation.core.messages import Message
from annotation.core.records import CompletionRecord, PromptRecord, PromptReference
from annotation.models import Batch, Membership, Pool, Project, User
from annotation.services.batches import Selection, batch_open
from annotation.services.content import ContentWriter
from annotation.services.people import (
    api_token_create,
    membership_set,
    user_create,
)
from annotation.services.pools import pool_create
from annotation.services.projects import project_create

POLICIES = ("first", "second", "third")
LANGUAGES = ("en", "de", "")
OVERLAPS = (3, 1, 5, 2)
LEAST_ANNOTATORS = 12


@dataclass(frozen=True, slots=True)
class Scene:
    """`capped` have a quota that ends before the work does; all others together suffice."""

    project: Project
    lead: User
    people: Sequence[Person]
    capped: Pool


@transaction.atomic
def scene_create(plan: Plan) -> Scene:
    """A project in which exactly `plan.judgments` are wanted, and people who can give them."""
    chance = Random(plan.seed)
    free, capped = (
        pool_create(actor=None, name=f"Proof {plan.seed}: {name}") for name in ("free", "capped")
    )
    capped.total_quota = max(2, plan.judgments // plan.annotators // 2)
    capped.daily_quota = capped.total_quota + 1
    capped.save()
    project = project_create(
        actor=None, name=f"Proof of assignment {plan.seed}", pools=[free, capped],
        lease_seconds=LEASE_SECONDS, seed=plan.seed,
    )  # fmt: skip
    lead = user_create(username=f"proof-{plan.seed}-lead")
    membership_set(actor=None, pool=free, user=lead, role=Membership.Role.OWNER)
    people = [
        _person(number, plan.seed, capped if number % 5 == 4 else free)
        for number in range(plan.annotators)
    ]
    _open_work(project, plan.judgments, chance)
    return Scene(project, lead, people, capped)


def wanted(judgments: int) -> dict[int, int]:
    """How many comparisons of each overlap together want exactly so many judgments.

    >>> sum(overlap * number for overlap, number in wanted(1000).items())
    1000
    """
    numbers = {overlap: judgments // (len(OVERLAPS) * overlap) for overlap in OVERLAPS}
    numbers[1] += judgments - sum(overlap * number for overlap, number in numbers.items())
    return {overlap: number for overlap, number in numbers.items() if number}


def _person(number: int, seed: int, pool: Pool) -> Person:
    user = user_create(username=f"proof-{seed}-{number}", name=f"Annotator {number}")
    User.objects.filter(pk=user.pk).update(toured_at=timezone.now())
    membership = membership_set(actor=None, pool=pool, user=user, role=Membership.Role.ANNOTATOR)
    if number % 5 == 3:
        membership.languages = ["de"]
        membership.save(update_fields=["languages"])
    _token, secret = api_token_create(user=user, name="proof")
    return Person(number, user.pk, _session_key(user), secret)


def _session_key(user: User) -> str:
    """Signed in already: what is proved is assignment, and hashing a password takes its time."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def _open_work(project: Project, judgments: int, chance: Random) -> None:
    numbers = wanted(judgments)
    pairs = _write_pairs(project, sum(numbers.values()), chance)
    for overlap, number in numbers.items():
        batch, pairs = pairs[:number], pairs[number:]
        batch_open(
            actor=None, project=project, name=f"Overlap {overlap}", overlap=overlap,
            reason=Batch.Reason.MANUAL, selections=batch, seed=chance.randrange(2**31),
        )  # fmt: skip


def _write_pairs(project: Project, number: int, chance: Random) -> list[Selection]:
    """So many pairs: up to three of one prompt, of few utilities so that many are equal."""
    each = len(list(combinations(POLICIES, 2)))
    asked = [
        PromptRecord(
            messages=(Message(role="user", content=f"What about number {at}?"),),
            language=chance.choice(LANGUAGES),
            is_unsafe=chance.random() < 0.1,
        )
        for at in range(-(-number // each))
    ]
    writer = ContentWriter(project)
    prompts = writer.prompts(asked)
    made = writer.completions(
        [
            (prompt, CompletionRecord(
                prompt=PromptReference(messages=record.messages), policy=policy,
                text=f"The {policy} answer to: {record.messages[0]['content']}",
            ))
            for prompt, record in zip(prompts, asked, strict=True)
            for policy in POLICIES
        ]
    )  # fmt: skip
    selections = [
        Selection(prompt, pair, utility=chance.randrange(8) / 8)
        for at, prompt in enumerate(prompts)
        for pair in combinations(made[at * len(POLICIES) : (at + 1) * len(POLICIES)], 2)
    ][:number]
    chance.shuffle(selections)
    return selections
