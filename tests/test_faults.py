"""Workers killed in the middle of their work, and a broker that is away: no loss, no double."""

import time
from collections.abc import Callable

import pytest

from alignui.embedded import paths, redis
from annotation.models import Completion, Export, Project, Run
from annotation.services.imports import records_import
from annotation.services.projects import policy_create
from annotation.services.runs import run_cancel, run_create, run_is_executing, run_retry
from annotation.tasks import enqueue, sweep
from rewardmodel import services
from rewardmodel.models import Checkpoint, CompletionFeature, TrainingRun
from tests.factories import (
    judge,
    make_batch,
    make_completion,
    make_policy,
    make_project,
    make_prompt,
    make_user,
)
from tests.workers import Worker, wait_for, wait_until, worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.model, pytest.mark.services]

SLOW = {"temperature": 0.8, "max_new_tokens": 24}


def wait_and_kill(victim: Worker, condition: Callable[[], object], what: str) -> None:
    wait_until(condition, what=what)
    victim.kill()


def resume(run: Run, *queues: str) -> Run:
    """What the schedule does: it notices that nobody holds the run, and sends it again."""
    wait_until(lambda: not run_is_executing(run.pk), what="the dead worker's lock is still held")
    Run.objects.filter(pk=run.pk).update(heartbeat_at="2026-01-01T00:00Z")
    with worker(*queues):
        sweep()
        return wait_for(run)


def generation(samples: int = 4) -> tuple[Project, Run]:
    project = make_project("Long")
    questions = [{"prompt": f"Tell me something about the number {n}."} for n in range(5)]
    records_import(project=project, kind="prompts", rows=questions)
    policy = policy_create(actor=None, project=project, name="smol", model="smollm2", decoding=SLOW)
    run = services.generation_request(
        actor=None, project=project, policies=[policy], samples=samples
    )
    return project, run


def judged_project() -> Project:
    project = make_project("Judged", overlap=1, held_out_fraction=0.0)
    terse, wordy = make_policy(project, "terse"), make_policy(project, "wordy")
    pairs = []
    for number in range(20):
        prompt = make_prompt(project, f"What about {number}?")
        pairs.append(
            (
                make_completion(prompt, terse, f"Nothing about {number}."),
                make_completion(prompt, wordy, f"A good deal can be said of {number}. " * 3),
            )
        )
    make_batch(project, *pairs)
    ana = make_user()
    for _ in pairs:
        judge(ana, project)
    return project


def test_generation_resumes_after_sigkill_without_loss_or_double() -> None:
    project, run = generation()
    written = Completion.objects.filter(prompt__project=project)
    with worker("gpu") as victim:
        enqueue(run)
        wait_and_kill(victim, lambda: written.count() >= 3, "no completion was written")
    before = dict(written.values_list("pk", "text"))
    assert 0 < len(before) < 20

    ended = resume(run, "gpu")

    assert (ended.state, ended.attempt) == (Run.State.SUCCEEDED, 2)
    assert "Resumed" in ended.log
    assert written.count() == 20
    kept = dict(written.filter(pk__in=before).values_list("pk", "text"))
    assert kept == before


def test_a_cancelled_generation_stops_soon_and_a_retry_writes_the_rest() -> None:
    project, run = generation()
    lead = make_user()
    written = Completion.objects.filter(prompt__project=project)
    with worker("gpu"):
        enqueue(run)
        wait_until(lambda: written.count() >= 1, what="no completion was written")
        run_cancel(actor=lead, run=run)
        assert wait_for(run, seconds=20).state == Run.State.CANCELLED
        assert written.count() < 20
        again = run_retry(actor=lead, run=run)
        enqueue(again)
        assert wait_for(again).state == Run.State.SUCCEEDED
    assert written.count() == 20


def test_training_resumes_after_sigkill_with_its_frozen_cutoff() -> None:
    project = judged_project()
    due = TrainingRun.Trigger.DUE  # nothing is reworded and read besides
    run = services.training_request(actor=None, project=project, trigger=due)
    with worker("default") as victim:
        enqueue(run)
        wait_and_kill(victim, CompletionFeature.objects.exists, "nothing was read")
    begun = TrainingRun.objects.get(project=project)
    assert begun.state == TrainingRun.State.RUNNING

    ended = resume(run, "default")

    assert ended.state == Run.State.SUCCEEDED, ended.error
    training = TrainingRun.objects.get(project=project)
    assert (training.pk, training.cutoff_judgment_id) == (begun.pk, begun.cutoff_judgment_id)
    assert training.state == TrainingRun.State.SUCCEEDED
    assert Checkpoint.objects.get(project=project).state == Checkpoint.State.PROMOTED
    assert CompletionFeature.objects.count() == 40


def test_an_export_killed_in_the_middle_is_released_once() -> None:
    project = judged_project()
    run = run_create(actor=None, project=project, kind=Run.Kind.EXPORT)
    with worker("default") as victim:
        enqueue(run)

        def has_begun() -> bool:
            run.refresh_from_db()
            return run.state != Run.State.QUEUED

        wait_and_kill(victim, has_begun, "the export did not begin")
    ended = resume(run, "default")
    assert ended.state == Run.State.SUCCEEDED, ended.error
    assert Export.objects.get(project=project).rows == 20


def test_a_broker_that_is_away_delays_a_run_and_loses_none(settings: object) -> None:
    project = judged_project()
    run = run_create(actor=None, project=project, kind=Run.Kind.AGREEMENT)
    var = settings.VAR_DIR  # type: ignore[attr-defined]
    redis.stop(var)
    try:
        started = time.monotonic()
        enqueue(run)
        assert time.monotonic() - started < 10
        run.refresh_from_db()
        assert run.state == Run.State.QUEUED
    finally:
        redis.start_detached(var)
    assert paths.broker_url(var) == settings.CELERY_BROKER_URL  # type: ignore[attr-defined]
    Run.objects.filter(pk=run.pk).update(created_at="2026-01-01T00:00Z")
    with worker("default"):
        sweep()
        assert wait_for(run).state == Run.State.SUCCEEDED
