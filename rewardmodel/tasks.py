"""Doors from the broker to the jobs, and the schedule's questions.

Jobs load torch, so each is imported by the worker that runs it and never by a web process.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module

from celery import current_app, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from annotation.core.errors import AlignUIError, Unavailable
from annotation.models import Project, Run
from annotation.services.runs import RunHandle, run_execute
from rewardmodel import selectors, services
from rewardmodel.models import TrainingRun
from rewardmodel.services.uses import scoring_texts_forget

logger = logging.getLogger(__name__)


def enqueue(run: Run) -> None:
    """Sends a run to its workers on commit; one that the broker misses is sent by the sweep."""
    try:
        current_app.send_task(f"run.{run.kind}", [run.pk], queue=run.queue, retry=False)
    except (OperationalError, OSError):
        logger.warning("The broker is away; run %s waits and will be sent again.", run.pk)


def _job(module: str, name: str) -> Callable[[RunHandle], Mapping[str, object]]:
    """Loads the job inside the run, so that a host that cannot says so in the run and not again."""

    def work(handle: RunHandle) -> Mapping[str, object]:
        try:
            job = getattr(import_module(f"rewardmodel.jobs.{module}"), name)
        except ModuleNotFoundError as error:
            raise Unavailable(
                f"This worker has no {error.name}.",
                hint="Install alignui[worker] where the workers run, then retry.",
            ) from error
        return dict(job(handle))

    return work


@shared_task(name="run.generation")
def run_generation(run_id: int) -> None:
    """Writes what a generation run still has to write."""
    run_execute(run_id=run_id, work=_job("generate", "generation_work"))


@shared_task(name="run.training")
def run_training(run_id: int) -> None:
    """Trains, and asks for the next batch where the project wants one by itself."""
    run_execute(run_id=run_id, work=_job("train", "training_work"))
    _acquire(selectors.projects_due_for_acquisition(after_run=run_id))


@shared_task(name="run.acquisition")
def run_acquisition(run_id: int) -> None:
    """Opens the next batch."""
    run_execute(run_id=run_id, work=_job("acquire", "acquisition_work"))


@shared_task(name="run.scoring")
def run_scoring(run_id: int) -> None:
    """Scores the run's texts, which are forgotten once their rewards are kept."""
    run_execute(run_id=run_id, work=_job("score", "scoring_work"))
    scoring_texts_forget()


@shared_task(name="run.packaging")
def run_packaging(run_id: int) -> None:
    """Writes a checkpoint as a folder that transformers loads."""
    run_execute(run_id=run_id, work=_job("package", "packaging_work"))


@shared_task(name="rewardmodel.train_due")
def train_due() -> None:
    """Asks for a training of every project that is due."""
    for project in selectors.projects_due_for_training(timezone.now()):
        try:
            enqueue(
                services.training_request(
                    actor=None, project=project, trigger=TrainingRun.Trigger.DUE
                )
            )
        except AlignUIError as error:
            logger.debug("No training of %s now: %s", project.slug, error)


@shared_task(name="rewardmodel.acquire_due")
def acquire_due() -> None:
    """Asks for the next batch of every project that has none and wants one."""
    _acquire(selectors.projects_due_for_acquisition())


def _acquire(projects: Iterable[Project]) -> None:
    """Asks for each project's next batch; a second one who asks finds that it is being chosen."""
    for project in projects:
        try:
            enqueue(services.acquisition_request(actor=None, project=project))
        except AlignUIError as error:
            logger.debug("No acquisition for %s now: %s", project.slug, error)
