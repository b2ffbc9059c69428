"""Live generation, followed: what is written is opened for judging as soon as it can be compared.

A run writes policy by policy. So the first prompts are asked for in runs of their own, and all
policies have answered a few of them before any policy has answered them all.
"""

import time
from collections.abc import Callable

from django.db.models import Count

from alignui.demo.people import Cast
from annotation.models import Batch, Project, Run
from annotation.services.batches import batch_open, selections_sample
from rewardmodel.services import generation_request
from rewardmodel.tasks import enqueue

STAGES = (4, 12, 30)
OPENED_TOGETHER = 8
OPEN_AT_MOST = 30
EVERY_SECONDS = 1.0


def generation_ask(cast: Cast, project: Project) -> None:
    """Asks for a few prompts, then for more, then for all; again only where all of that failed."""
    asked_before = project.runs.filter(kind=Run.Kind.GENERATION)
    if asked_before.exclude(state=Run.State.FAILED).exists():
        return
    policies = list(project.policies.order_by("id"))
    prompts = list(project.prompts.order_by("id"))
    for asked in (*(prompts[:size] for size in STAGES), None):
        run = generation_request(actor=cast.lead, project=project, policies=policies, prompts=asked)
        enqueue(run)


def first_batch_await(cast: Cast, project: Project, say: Callable[[str], None]) -> None:
    """Stays until there is something to judge, or nothing more is being written."""
    generation_follow(cast, project, say, until=1)


def generation_follow(
    cast: Cast, project: Project, say: Callable[[str], None], *, until: int = OPEN_AT_MOST
) -> None:
    """Opens comparisons while responses come, until enough are open for acquisition to go on."""
    while _opened(project) < until:
        is_writing = _is_writing(project)
        if _open_next(cast, project, is_writing=is_writing):
            say(f"{project.name}: {_opened(project)} comparisons are open to be judged.")
        elif not is_writing:
            return
        time.sleep(EVERY_SECONDS)


def _open_next(cast: Cast, project: Project, *, is_writing: bool) -> Batch | None:
    """Opens what every policy has answered; the first few at once, later ones several together."""
    opened = _opened(project)
    room = OPEN_AT_MOST - opened
    answered = _answered(project, by=project.policies.count() if is_writing else 2)
    selections = selections_sample(
        project=project, per_prompt=1, seed=project.seed + opened, prompt_ids=answered
    )[:room]
    together = STAGES[0] if not opened else min(OPENED_TOGETHER, room)
    if len(selections) < (together if is_writing else 1):
        return None
    return batch_open(
        actor=cast.lead,
        project=project,
        name="More responses" if opened else "First responses",
        reason=Batch.Reason.MANUAL,
        selections=selections,
        seed=project.seed + opened,
    )


def _answered(project: Project, *, by: int) -> list[int]:
    """Prompts that so many policies have answered and nobody was asked about."""
    counted = project.prompts.filter(comparisons__isnull=True).annotate(
        n_policies=Count("completions__policy", distinct=True)
    )
    return list(counted.filter(n_policies__gte=by).values_list("pk", flat=True))


def _opened(project: Project) -> int:
    return project.comparisons.filter(batch__reason=Batch.Reason.MANUAL).count()


def _is_writing(project: Project) -> bool:
    return project.runs.filter(kind=Run.Kind.GENERATION, state__in=Run.LIVE_STATES).exists()
