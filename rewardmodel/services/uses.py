"""What a checkpoint is for, rewards of new texts or a package; and how a deep one is trained."""

import re
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotation.core.errors import Conflict, Invalid, NotFound, Unavailable
from annotation.models import Project, RewardModelKind, Run, User
from annotation.services import audit_log
from annotation.services import runs as run_services
from rewardmodel.core.deep_settings import DeepConfig, DeepConfigInvalid
from rewardmodel.core.scored_items import checked_items
from rewardmodel.models import Checkpoint
from rewardmodel.selectors import checkpoint_in_use

# Of a scored text this much of its beginning is kept, by which its reward is known again.
KEPT_CHARACTERS = 61
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")


@transaction.atomic
def scoring_request(
    *, actor: User | None, project: Project, items: object, checkpoint: Checkpoint | None = None
) -> Run:
    """Asks a worker for the rewards of texts that are not stored, by default of the one in use.

    Raises Invalid that names item and field, Conflict where no checkpoint is in use.
    """
    wanted = checked_items(items)
    chosen = checkpoint or _in_use(project)
    params = {"checkpoint": chosen.pk, "items": [item.to_dict() for item in wanted]}
    run = run_services.run_create(actor=None, project=project, kind=Run.Kind.SCORING, params=params)
    if actor is not None:
        # The log of what people did says that they asked, and not what the texts were.
        Run.objects.filter(pk=run.pk).update(requested_by=actor)
        audit_log.audit_entry_create(
            actor=actor, project=project, action="run.scoring", subject=str(run),
            detail={"checkpoint": chosen.pk, "items": len(wanted)},
        )  # fmt: skip
    return run


@transaction.atomic
def scoring_texts_forget() -> int:
    """Leaves of scored texts how their completions begin; how many runs have lost theirs.

    They are other people's words, and once scored the rewards stand in the run's result. A run that
    did not succeed keeps them, because it can be tried again.
    """
    done = Run.objects.filter(kind=Run.Kind.SCORING, state=Run.State.SUCCEEDED)
    whole = list(done.filter(params__forgotten__isnull=True).select_for_update(skip_locked=True))
    for run in whole:
        items = [{"completion": _beginning(item["completion"])} for item in run.params["items"]]
        run.params = run.params | {"items": items, "forgotten": True}
    Run.objects.bulk_update(whole, ["params"], batch_size=50)
    return len(whole)


def _beginning(text: str) -> str:
    return " ".join(text.split())[:KEPT_CHARACTERS]


@transaction.atomic
def packaging_request(
    *,
    actor: User | None,
    project: Project,
    checkpoint: Checkpoint | None = None,
    criterion: str = "overall",
    license_name: str = "other",
) -> Run:
    """Asks for a checkpoint as a folder that transformers loads, by default the one in use.

    criterion: whose reward becomes its one output; "all" for an output for each. Raises Conflict
    where no checkpoint is in use, Invalid for a license that is no identifier.
    """
    if not _LICENSE.fullmatch(license_name):
        raise Invalid("A license is an identifier such as apache-2.0, or other.", field="license")
    chosen = checkpoint or _in_use(project)
    return run_services.run_create(
        actor=actor, project=project, kind=Run.Kind.PACKAGING,
        params={"checkpoint": chosen.pk, "criterion": criterion, "license": license_name},
    )  # fmt: skip


def package_archive(run: Run) -> Path:
    """A packaged checkpoint as one zip file. Raises NotFound, or Unavailable on another host."""
    if run.kind != Run.Kind.PACKAGING or run.state != Run.State.SUCCEEDED:
        raise NotFound("There is no such package.", hint="Ask for one, and wait until it is done.")
    path = Path(settings.EXPORTS_DIR, f"{run.result['folder']}.zip")
    if not path.is_file():
        raise Unavailable(
            "The files of this package are not on this host.",
            hint="Look under var/exports of the worker that wrote it, or package again.",
        )
    return path


def deep_changes(project: Project, given: Mapping[str, object]) -> dict[str, object]:
    """Settings for one deep training, checked. Raises Invalid that names the first wrong one."""
    if project.reward_model != RewardModelKind.DEEP:
        raise Invalid(
            "These settings are for deep rewards, and this project's is on frozen features.",
            field="deep", hint="Choose the deep one in the project's settings.",
        )  # fmt: skip
    try:
        DeepConfig.from_dict(given)
    except DeepConfigInvalid as error:
        raise Invalid(error.message, field="deep", hint=error.hint) from error
    return dict(given)


def _in_use(project: Project) -> Checkpoint:
    found = checkpoint_in_use(project)
    if found is None:
        raise Conflict("No reward model is in use yet.", hint="Train one, then ask again.")
    return found
