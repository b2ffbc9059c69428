"""Small builders for tests: each makes one thing as the services would, with plain defaults."""

from collections.abc import Sequence
from itertools import count
from uuid import uuid4

from django.core.cache import caches
from django.utils import timezone

from annotation.core.messages import Message, content_hash
from annotation.core.rankings import Groups
from annotation.models import (
    ApiToken,
    Assignment,
    Batch,
    Comparison,
    Completion,
    Criterion,
    Dispute,
    Judgment,
    Membership,
    Policy,
    Pool,
    Project,
    Prompt,
    Run,
    User,
)
from annotation.models.people import draw_token, token_digest
from annotation.services.assignments import assignment_claim
from annotation.services.batches import Selection, batch_open
from annotation.services.disputes import dispute_open_if_split
from annotation.services.judgments import JudgmentInput, judgment_submit
from annotation.services.lanes import batch_queue
from annotation.services.projects import project_create

PASSWORD = "seven quiet otters"

_numbers = count(1)


def make_user(username: str = "", **fields: object) -> User:
    """Somebody who knows the pages: has seen the tour, unless `toured_at` says otherwise."""
    username = username or f"person-{next(_numbers)}"
    known = {"name": username.capitalize(), "toured_at": timezone.now()}
    return User.objects.create_user(username, PASSWORD, **{**known, **fields})


def make_pool(name: str = "", **members: Sequence[User]) -> Pool:
    """A pool; members by role: make_pool("Readers", lead=[lena], annotator=[ana, ben])."""
    pool = Pool.objects.create(name=name or f"Pool {next(_numbers)}")
    for role, users in members.items():
        for user in users:
            Membership.objects.create(pool=pool, user=user, role=role)
    return pool


def make_token(user: User) -> str:
    """The secret of a new API token of the user's."""
    secret = draw_token()
    ApiToken.objects.create(user=user, name="tests", digest=token_digest(secret))
    return secret


def make_project(name: str = "", *, pool: Pool | None = None, **settings: object) -> Project:
    """A project with its `overall` criterion, the same seed in every run."""
    return project_create(
        actor=None,
        name=name or f"Project {next(_numbers)}",
        pools=[pool] if pool else [],
        **{"seed": 7, **settings},
    )


def make_criterion(project: Project, key: str, **fields: object) -> Criterion:
    return Criterion.objects.create(
        project=project,
        key=key,
        **{"name": key.capitalize(), "position": project.criteria.count(), **fields},
    )


def make_prompt(project: Project, text: str = "", **fields: object) -> Prompt:
    messages = [Message(role="user", content=text or f"Question {next(_numbers)}?")]
    return Prompt.objects.create(
        project=project,
        **{"messages": messages, "content_hash": content_hash(messages), **fields},
    )


def make_policy(project: Project, name: str = "", **fields: object) -> Policy:
    return Policy.objects.create(
        project=project,
        name=name or f"policy-{next(_numbers)}",
        **{"provider": Policy.Provider.RECORDED, **fields},
    )


def make_completion(prompt: Prompt, policy: Policy, text: str = "", **fields: object) -> Completion:
    text = text or f"Answer {next(_numbers)}."
    taken = prompt.completions.filter(policy=policy).count()
    return Completion.objects.create(
        prompt=prompt,
        policy=policy,
        text=text,
        **{"html": f"<p>{text}</p>", "sample_index": taken, **fields},
    )


def make_batch(
    project: Project, *comparisons: Sequence[Completion], name: str = "First", **fields: object
) -> Batch:
    """An open batch with one comparison for each group of completions of one prompt."""
    selections = [
        Selection(together[0].prompt_id, tuple(completion.pk for completion in together))
        for together in comparisons
    ]
    return batch_open(
        actor=None, project=project, name=name, selections=selections,
        **{"reason": Batch.Reason.MANUAL, "seed": 7, **fields},
    )  # fmt: skip


def put_first(batch: Batch) -> Batch:
    """The batch is worth most, and none of the older ones gets a share of the claims."""
    batch.comparisons.update(utility=9)
    batch_queue(batch=batch)
    Project.objects.filter(pk=batch.project_id).update(oldest_share=0)
    return batch


def claim(annotator: User, project: Project) -> Assignment:
    assignment = assignment_claim(annotator=annotator, project=project)
    assert assignment is not None, f"Nothing is open for {annotator} in {project}."
    return assignment


def judge(
    annotator: User, project: Project, *, groups: Groups | None = None, **answer: object
) -> Judgment:
    """The annotator's judgment of their next comparison; `groups` in slots, default: in order."""
    assignment = claim(annotator, project)
    size = len(assignment.display_order)
    shown = groups if groups is not None else tuple((slot,) for slot in range(size))
    return judgment_submit(
        annotator=annotator,
        assignment=assignment,
        token=uuid4(),
        answer=JudgmentInput(groups=shown, **answer),
    )


def judge_for(annotator: User, project: Project, winner: int, **answer: object) -> Judgment:
    """The annotator's judgment that the candidate at a canonical position of a pair is better."""
    assignment = claim(annotator, project)
    slot = assignment.display_order.index(winner)
    return judgment_submit(
        annotator=annotator, assignment=assignment, token=uuid4(),
        answer=JudgmentInput(groups=((slot,), (1 - slot,)), **answer),
    )  # fmt: skip


def make_dispute(project: Project, first: User, second: User) -> Dispute:
    """Two people part over the project's first pair, which leaves nothing else open."""
    Project.objects.filter(pk=project.pk).update(adjudicates=True)
    project.refresh_from_db()
    given = judge_for(first, project, 0, rationale="It is short.")
    project.comparisons.exclude(pk=given.comparison_id).update(state="retired")
    judge_for(second, project, 1, rationale="It is long.", strength=3)
    comparison = Comparison.objects.select_related("project").get(pk=given.comparison_id)
    dispute_open_if_split(comparison=comparison)
    return Dispute.objects.get(comparison=comparison)


def make_run(project: Project, kind: str = Run.Kind.EXPORT, **fields: object) -> Run:
    """A run in any state: times are filled in so that the database accepts it."""
    state = fields.get("state", Run.State.QUEUED)
    if state != Run.State.QUEUED:
        fields.setdefault("started_at", timezone.now())
    if state not in Run.LIVE_STATES:
        fields.setdefault("finished_at", timezone.now())
    return Run.objects.create(project=project, kind=kind, **fields)


def forget_sign_ins() -> None:
    """Forgets counted failures: of the broker's Redis only those, for the rest is others'."""
    shared = caches["shared"]
    client = shared._cache.get_client()
    if keys := client.keys(f"{shared.key_prefix}:*:sign-in/*"):
        client.delete(*keys)
