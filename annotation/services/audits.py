"""Bias audits as dated snapshots: what besides quality moves the votes?"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import version

import numpy as np
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Length

from annotation.core.audit import (
    BiasEstimate,
    Votes,
    benjamini_hochberg,
    length_bias,
    position_bias,
    votes_from,
)
from annotation.core.preferences import all_preferences
from annotation.models import BiasAudit, Completion, Criterion, Judgment, Project, Run
from annotation.selectors import judgments as judgment_selectors
from annotation.services.runs import RunHandle


@transaction.atomic
def bias_audit(*, project: Project, run: Run | None = None) -> list[BiasAudit]:
    """Position and length bias of the live judgments, overall criterion.

    P-values are adjusted over the audits made together (Benjamini-Hochberg). Standard errors allow
    for votes of one annotator being alike, and for those on one comparison (position) or prompt
    (length).
    """
    cutoff = judgment_selectors.latest_judgment_id(project)
    live = judgment_selectors.live(
        project, include_simulated=project.learns_from_simulated, cutoff_id=cutoff
    )
    estimates = bias_estimates(project=project, judgments=live)
    adjusted = benjamini_hochberg([estimate.p_value for estimate in estimates])
    criterion = project.criteria.get(key=Criterion.OVERALL)
    return [
        BiasAudit.objects.create(
            project=project,
            criterion=criterion,
            run=run,
            cutoff_judgment_id=cutoff,
            includes_simulated=project.learns_from_simulated,
            bias=estimate.bias,
            kind=estimate.bias,
            estimate=_shift(estimate.effect),
            low=_shift(estimate.low),
            high=_shift(estimate.high),
            p_value=estimate.p_value,
            n_judgments=estimate.n,
            n_annotators=estimate.n_annotators,
            method=estimate.method,
            seed=project.seed,
            code_version=version("alignui"),
            note=estimate.note,
            detail=_detail(estimate, p_adjusted),
        )
        for estimate, p_adjusted in zip(estimates, adjusted, strict=True)
    ]


def bias_estimates(*, project: Project, judgments: QuerySet[Judgment]) -> list[BiasEstimate]:
    """Position and length bias of the judgments, in this order."""
    lengths = dict(
        Completion.objects.filter(prompt__project=project)
        .annotate(characters=Length("text"))
        .values_list("pk", "characters")
    )
    ordered = judgment_selectors.with_known_order(judgments)
    return [
        position_bias(_votes(ordered, lengths, by_prompt=False)),
        length_bias(_votes(judgments, lengths, by_prompt=True)),
    ]


def audit_work(handle: RunHandle) -> Mapping[str, object]:
    handle.progress(0, 1, "Auditing position and length")
    audits = bias_audit(project=handle.project, run=handle.run)
    handle.progress(1, 1, "Audited.")
    return {"audits": [audit.pk for audit in audits]}


def _votes(judgments: QuerySet[Judgment], lengths: Mapping[int, int], *, by_prompt: bool) -> Votes:
    """Votes on one comparison are alike where its display order was the same for all; votes on
    one prompt where its longer responses are better for a reason."""
    verdicts = list(judgment_selectors.verdicts(judgments))
    preferences = list(all_preferences(verdicts))
    votes = votes_from(preferences, lengths=lengths, by_prompt=by_prompt)
    if by_prompt:
        return votes
    comparison_of = {verdict.judgment_id: verdict.comparison_id for verdict in verdicts}
    items = [comparison_of[p.judgment_id] for p in preferences if not p.is_tie]
    return replace(votes, items=np.array(items, dtype=np.int64))


def _detail(estimate: BiasEstimate, p_adjusted: float | None) -> dict[str, object]:
    """What the row has no column for: verdict, log-odds with interval, detectable shift."""
    known = asdict(estimate)
    kept = ("verdict", "log_odds", "log_odds_low", "log_odds_high", "detectable")
    return {name: known[name] for name in kept} | {"p_adjusted": p_adjusted}


def _shift(share: float | None) -> float | None:
    return None if share is None else share - 0.5
