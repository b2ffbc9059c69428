"""The newest turn of the loop: trained, gated, scored, acquired, opened, with times and links."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Project
from rewardmodel import selectors
from rewardmodel.models import AcquisitionRound, TrainingRun
from rewardmodel.selectors import Due


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the turn; without a moment it has not been reached."""

    name: str
    words: str
    at: datetime | None
    href: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The stages in order, and when the next turn begins."""

    stages: tuple[Stage, ...]
    following: str
    is_paused: bool
    is_automatic: bool


def turn_of(project: Project) -> Turn:
    """The newest training and what came of it."""
    training = selectors.training_runs(project).defer("checkpoint__metrics").first()
    return Turn(
        stages=_stages(project, training) if training else (),
        following=_following(project),
        is_paused=project.loop_paused,
        is_automatic=project.retrain_automatically or project.acquire_automatically,
    )


def _stages(project: Project, training: TrainingRun) -> tuple[Stage, ...]:
    checkpoint = getattr(training, "checkpoint", None)
    page = reverse("rewardmodel:training", args=[project.slug])
    run = reverse("annotation:run", args=[project.slug, training.run_id])
    trained = _("%(n)s judgments, %(why)s") % {
        "n": f"{training.n_judgments:,}",
        "why": training.get_trigger_display().lower(),
    }
    if training.state != TrainingRun.State.SUCCEEDED:
        trained = training.error or training.get_state_display().lower()
    found = [Stage(_("Trained"), trained, training.finished_at, run)]
    if checkpoint is None:
        return tuple(found)
    there = f"{page}?checkpoint={checkpoint.pk}"
    scored = selectors.scores(checkpoint).count()
    words = ngettext("%(n)s response", "%(n)s responses", scored) % {"n": f"{scored:,}"}
    found.append(Stage(_("Gated"), checkpoint.reason, checkpoint.created_at, there))
    found.append(Stage(_("Scored"), words, checkpoint.created_at if scored else None, there))
    newest = selectors.rounds(project).defer("detail", "checkpoint__metrics").first()
    if newest is not None and newest.created_at >= checkpoint.created_at:
        found += _opened(project, newest)
    return tuple(found)


def _opened(project: Project, newest: AcquisitionRound) -> list[Stage]:
    page = reverse("rewardmodel:acquisition", args=[project.slug])
    acquired = _("%(size)s of %(n)s pairs by “%(function)s”") % {
        "size": f"{newest.size:,}",
        "n": f"{newest.n_considered:,}",
        "function": newest.function,
    }
    stages = [Stage(_("Acquired"), acquired, newest.created_at, f"{page}?round={newest.pk}")]
    for batch in (newest.batch, newest.control_batch, newest.evaluation_batch):
        if batch is not None:
            href = reverse("annotation:batch", args=[project.slug, batch.pk])
            stages.append(Stage(_("Opened"), batch.name, batch.created_at, href))
    return stages


def _following(project: Project) -> str:
    if project.loop_paused:
        return _("The loop is paused: nothing trains or opens a batch by itself.")
    if not project.retrain_automatically:
        return _("Nothing trains by itself; “Train” on the reward model's page does.")
    due = selectors.due_for_training(project, timezone.now())
    reasons = {
        Due.JUDGMENTS: _("enough judgments are new"),
        Due.WORK: _("the last round's work is running out"),
        Due.DRIFT: _("the last training saw drift"),
        Due.TIME: _("the last training is some time ago"),
    }
    if due is not None:
        return _("The next training is due: %(why)s.") % {"why": reasons[due]}
    return _("Of the %(all)s new judgments that start the next training, %(n)s are in.") % {
        "n": f"{selectors.judgments_since_training(project):,}",
        "all": f"{project.retrain_after_judgments:,}",
    }
