"""The loop closed once: from the last judgment of a batch to the next batch, open to be judged.

A project of the crowd's 8,931 votes, learned from before, has 10,000 responses whose features are
cached, and all their pairs as candidates. One more judgment makes a training due; what follows is
done by the runs that a worker does, one after the other. The schedule asks every few seconds
whether one is due, and the whole counts its longest wait.
"""

import time
from typing import Any
from uuid import uuid4

from benchmarks import place
from benchmarks.figures import Figure, of_samples
from benchmarks.reward import add_completions

WHOLE_GOAL_SECONDS = 15.0
CACHED, CACHED_SHORT = 10_000, 1_000


def measure(*, short: bool) -> list[Figure]:
    """Each round: a judgment, the training that it makes due, and the round that follows."""
    with place.installation():
        from alignui.celery import app
        from alignui.demo.projects import crowd_load
        from annotation.models import Run
        from rewardmodel.jobs import reading
        from rewardmodel.models import AcquisitionRound

        project = crowd_load(place.demo_cast())
        project.retrain_automatically = project.acquire_automatically = True
        project.retrain_after_judgments, project.acquisition_size = 1, 20
        project.save()
        wait = float(app.conf.beat_schedule["rewardmodel.train_due"]["schedule"])
        _done(project, Run.Kind.TRAINING)
        add_completions(project, reading.extractor_id(), CACHED_SHORT if short else CACHED)
        trained, opened = [], []
        for _ in range(1 if short else 3):
            _judge(project)
            trained.append(_done(project, Run.Kind.TRAINING))
            opened.append(_done(project, Run.Kind.ACQUISITION))
        last = AcquisitionRound.objects.latest("id")
    whole = [wait + one + other for one, other in zip(trained, opened, strict=True)]
    return [
        of_samples("last judgment to next batch, the schedule's longest wait included", whole, "s",
                   goal=None if short else WHOLE_GOAL_SECONDS),
        of_samples("training, gate and scores", trained, "s"),
        of_samples(f"weighing {last.n_considered:,} pairs and opening a batch", opened, "s"),
        Figure("the schedule's longest wait", wait, "s"),
    ]  # fmt: skip


def _judge(project: Any) -> None:
    from django.utils import timezone

    from annotation.models import Assignment, Comparison, Judgment, User

    who, _ = User.objects.get_or_create(username="newcomer", defaults={"name": "Newcomer"})
    found = Comparison.objects.exclude(judgments__annotator=who).filter(project=project)
    comparison = found.earliest("pk")
    Comparison.objects.filter(pk=comparison.pk).update(overlap=500)
    now = timezone.now()
    assignment = Assignment.objects.create(
        comparison=comparison, annotator=who, state="submitted", display_order=[0, 1],
        leased_at=now, expires_at=now, closed_at=now,
    )  # fmt: skip
    Judgment.objects.create(
        comparison=comparison, annotator=who, assignment=assignment, source="api",
        idempotency_token=uuid4(), groups=[[0], [1]],
    )  # fmt: skip


def _done(project: Any, kind: str) -> float:
    """Seconds that the run took which is asked for by whatever asks when it is due."""
    from annotation.models import Run
    from annotation.services.runs import run_execute
    from rewardmodel import services
    from rewardmodel.jobs.acquire import acquisition_work
    from rewardmodel.jobs.train import training_work
    from rewardmodel.models import TrainingRun

    started = time.perf_counter()
    if kind == Run.Kind.TRAINING:
        run = services.training_request(
            actor=None, project=project, trigger=TrainingRun.Trigger.DUE
        )
        run_execute(run_id=run.pk, work=training_work)
    else:
        run = services.acquisition_request(actor=None, project=project)
        run_execute(run_id=run.pk, work=acquisition_work)
    seconds = time.perf_counter() - started
    run.refresh_from_db()
    if run.state != Run.State.SUCCEEDED:
        raise RuntimeError(run.error)
    return seconds
