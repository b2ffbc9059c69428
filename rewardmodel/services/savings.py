"""What acquisition saved, kept beside the training that measured it."""

from collections.abc import Mapping
from importlib.metadata import version

from django.db import transaction

from rewardmodel.models import SavingsReport, TrainingRun


@transaction.atomic
def savings_report_store(
    *,
    training: TrainingRun,
    function: str,
    n_acquired: int,
    n_control: int,
    verdict: str,
    saved: float | None = None,
    low: float | None = None,
    high: float | None = None,
    null_high: float | None = None,
    detail: Mapping[str, object] | None = None,
) -> SavingsReport:
    """The report of one training, which has one: what is stored already stays."""
    found, _ = SavingsReport.objects.get_or_create(
        training_run=training,
        defaults={
            "project": training.project, "function": function, "n_acquired": n_acquired,
            "n_control": n_control, "saved": saved, "low": low, "high": high,
            "null_high": null_high, "verdict": verdict, "detail": dict(detail or {}),
            "cutoff_judgment_id": training.cutoff_judgment_id, "seed": training.seed,
            "code_version": version("alignui"),
            "includes_simulated": training.includes_simulated,
        },
    )  # fmt: skip
    return found
