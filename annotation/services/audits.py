"""Bias audits as dated snapshots: what besides quality moves the votes?"""

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version

import numpy as np
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotation.core.bias_model import BiasModel, Rules, bias_model
from annotation.core.drift_of_votes import drift_of_votes
from annotation.core.groups import group_comparison
from annotation.core.scheduling import derive_seed
from annotation.core.vote_facts import covariates_of
from annotation.models import BiasAudit, Criterion, Judgment, Project, Run, User
from annotation.selectors.judgments import latest_judgment_id, live
from annotation.selectors.vote_facts import Votes, votes
from annotation.services.audit_rows import (
    drift_rows,
    effect_rows,
    group_rows,
    unaudited_rows,
)
from annotation.services.judge_audits import judge_rows
from annotation.services.runs import RunHandle


@transaction.atomic
def bias_audit(
    *, project: Project, run: Run | None = None, with_quarantined: bool = False
) -> list[BiasAudit]:
    """Every effect that the live judgments' overall preferences allow, groups and drift beside;
    after them those of each LLM judge.

    All of it rests on one reading of the judgments, so that an amendment or a quarantine meanwhile
    changes nothing. A run that has its audit already gets the same one again.
    """
    if run is not None and BiasAudit.objects.filter(run=run).exists():
        return list(BiasAudit.objects.filter(run=run).order_by("pk"))
    now, cutoff = timezone.now(), latest_judgment_id(project)
    everybody = live(
        project,
        include_simulated=True,
        cutoff_id=cutoff,
        with_quarantined=with_quarantined,
        as_of=now,
    )
    seed = derive_seed(project.seed, "audit")
    read = votes(project, _of_people(project, everybody))
    of_judges = judge_rows(project=project, judgments=everybody, people=read, seed=seed)
    rows = _audited(read, seed, has_judges=bool(of_judges)) + of_judges
    criterion = project.criteria.get(key=Criterion.OVERALL)
    for row in rows:
        row.project, row.criterion, row.run = project, criterion, run
        row.cutoff_judgment_id, row.seed = cutoff, seed
        row.includes_simulated = project.learns_from_simulated
        row.includes_quarantined = with_quarantined
        row.code_version = version("alignui")
    BiasAudit.objects.bulk_create(rows)
    # One moment for all: it is what holds the rows of an audit together.
    BiasAudit.objects.filter(pk__in=[row.pk for row in rows]).update(created_at=now)
    return rows


def bias_estimates(*, project: Project, judgments: QuerySet[Judgment]) -> BiasModel:
    """The effects of the judgments, without what annotators say of themselves: for releases."""
    read = votes(project, judgments, with_groups=False)
    model = bias_model(read.facts, rules=Rules(seed=derive_seed(project.seed, "audit")))
    return replace(model, note=" ".join(filter(None, [model.note, read.note])))


def audit_work(handle: RunHandle) -> Mapping[str, object]:
    handle.progress(0, 1, "Auditing what moves the votes")
    with_quarantined = handle.params.get("with_quarantined") is True
    audits = bias_audit(project=handle.project, run=handle.run, with_quarantined=with_quarantined)
    handle.progress(1, 1, "Audited.")
    return {"audits": [audit.pk for audit in audits]}


def _of_people(project: Project, everybody: QuerySet[Judgment]) -> QuerySet[Judgment]:
    """Judgments of people, of simulated annotators where these count, of LLM judges never."""
    found = everybody.filter(annotator__judge_model="")
    if project.learns_from_simulated:
        return found
    return found.exclude(annotator__kind=User.Kind.SIMULATED)


def _audited(read: Votes, seed: int, *, has_judges: bool) -> list[BiasAudit]:
    facts = read.facts
    covariates = covariates_of(facts)
    model = bias_model(facts, covariates, rules=Rules(seed=seed))
    comparisons = [
        group_comparison(read.answers, labels, attribute=attribute, seed=seed)
        for attribute, labels in read.answer_groups.items()
    ]
    is_timed = bool(np.isfinite(read.times).any())
    drifts = drift_of_votes(facts, read.times, seed=seed) if is_timed else {}
    model = replace(model, note=" ".join(filter(None, [model.note, read.note])))
    return [
        *effect_rows(model, covariates, read.judgments, seed=seed),
        *unaudited_rows(model, without=("own_family",) if has_judges else ()),
        *group_rows(comparisons),
        *drift_rows(drifts),
    ]
