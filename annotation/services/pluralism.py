"""Who prefers what, as dated snapshots: where groups differ, who votes alike, who wins for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from annotation.core.intervals import Proportion, wilson
from annotation.core.opinion_map import OpinionMap, opinion_map
from annotation.core.pair_votes import PairVotes, pair_votes
from annotation.core.pluralism import (
    Pluralism,
    adjusted_together,
    pluralism,
    without_telling,
)
from annotation.core.scheduling import derive_seed
from annotation.models import Completion, Criterion, PluralismReport, Project, Run
from annotation.selectors import judgments as judgment_selectors
from annotation.selectors.pluralism import Grouping, groupings
from annotation.services.pluralism_choices import choices
from annotation.services.pluralism_detail import camps_detail, grouping_detail, map_detail
from annotation.services.runs import RunHandle

METHOD = (
    "Fisher's exact test of each group against the others on each pair, false discoveries held "
    "down over all pairs and groupings (Benjamini-Bogomolov); Wilson's interval"
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that one look at the judgments gives, before lists are cut."""

    votes: PairVotes
    groupings: tuple[tuple[Grouping, Pluralism], ...]
    map: OpinionMap
    camps: Pluralism | None
    divided: Proportion


def pluralism_measure(
    *,
    project: Project,
    criterion: Criterion,
    run: Run | None = None,
    with_quarantined: bool = False,
) -> PluralismReport:
    """Reads people's judgments once, as they stand now; LLM judges are nobody's group.

    Measuring again for a run gives the report that it made.
    """
    known = PluralismReport.objects.filter(run=run, criterion=criterion).first() if run else None
    if known is not None:
        return known
    cutoff, as_of = judgment_selectors.latest_judgment_id(project), timezone.now()
    measured = _measured(
        project, criterion, cutoff=cutoff, as_of=as_of, with_quarantined=with_quarantined,
        include_simulated=project.learns_from_simulated,
    )  # fmt: skip
    return _kept(
        project, criterion, run, measured, cutoff=cutoff, as_of=as_of,
        with_quarantined=with_quarantined,
    )  # fmt: skip


def pluralism_again(report: PluralismReport) -> Measured:
    """The whole of what a report keeps the head of: the same judgments, by the same seed.

    Who has taken back what they said of themselves since is in no group any more.
    """
    return _measured(
        report.project, report.criterion, cutoff=report.cutoff_judgment_id,
        as_of=datetime.fromisoformat(report.detail["as_of"]),
        with_quarantined=report.includes_quarantined,
        include_simulated=report.includes_simulated,
    )  # fmt: skip


def pluralism_work(handle: RunHandle) -> Mapping[str, object]:
    """One report for each criterion; `with_quarantined` in the run's parameters leaves nobody out.

    A criterion that reports were made of by an earlier attempt is passed over.
    """
    criteria = list(handle.project.criteria.all())
    made = []
    for done, criterion in enumerate(criteria):
        handle.progress(done, len(criteria), f"Who prefers what: “{criterion.name}”")
        report = pluralism_measure(
            project=handle.project, criterion=criterion, run=handle.run,
            with_quarantined=bool(handle.params.get("with_quarantined")),
        )  # fmt: skip
        made.append(report.pk)
    handle.progress(len(criteria), len(criteria), "Measured.")
    return {"reports": made}


def _measured(
    project: Project,
    criterion: Criterion,
    *,
    cutoff: int,
    as_of: datetime,
    with_quarantined: bool,
    include_simulated: bool,
) -> Measured:
    live = judgment_selectors.live(
        project, include_simulated=include_simulated, cutoff_id=cutoff, as_of=as_of,
        with_quarantined=with_quarantined,
    )  # fmt: skip
    of_people = live.filter(annotator__judge_model="")
    votes = pair_votes(judgment_selectors.verdicts(of_people, criterion=criterion.key))
    people = np.unique(votes.answers.annotators)
    found = groupings(project, [int(person) for person in people])
    results = adjusted_together(
        [pluralism(votes.answers, _labels(votes, each.label_of)) for each in found]
    )
    seed = derive_seed(project.seed, "opinion map", criterion.key)
    placed = opinion_map(votes.answers, seed=seed)
    camp_of = {place.annotator_id: place.cluster for place in placed.places if place.cluster}
    camps = (
        pluralism(votes.answers, _labels(votes, camp_of), are_from_votes=True) if camp_of else None
    )
    told = [
        without_telling(result, votes.answers) if grouping.is_private else result
        for grouping, result in zip(found, results, strict=True)
    ]
    return Measured(votes, tuple(zip(found, told, strict=True)), placed, camps, _divided(results))


def _labels(votes: PairVotes, label_of: Mapping[int, str]) -> NDArray[np.str_]:
    return np.array([label_of.get(int(p), "") for p in votes.answers.annotators], dtype=np.str_)


def _divided(results: Sequence[Pluralism]) -> Proportion:
    """Of the pairs that any grouping could compare, those that some grouping reliably divides."""
    compared = {each.item for result in results for each in result.divisions}
    found = {each.item for result in results for each in result.divisions if each.is_found}
    return wilson(len(found), len(compared))


@transaction.atomic
def _kept(
    project: Project,
    criterion: Criterion,
    run: Run | None,
    measured: Measured,
    *,
    cutoff: int,
    as_of: datetime,
    with_quarantined: bool,
) -> PluralismReport:
    votes, divided = measured.votes, measured.divided
    policy_of = dict(
        Completion.objects.filter(prompt__project=project).values_list("pk", "policy_id")
    )
    seed = derive_seed(project.seed, "opinion map", criterion.key)
    camp_of = {place.annotator_id: place.cluster for place in measured.map.places if place.cluster}
    return PluralismReport.objects.create(
        project=project,
        criterion=criterion,
        run=run,
        cutoff_judgment_id=cutoff,
        includes_simulated=project.learns_from_simulated,
        includes_quarantined=with_quarantined,
        estimate=divided.value,
        low=divided.low,
        high=divided.high,
        n_compared=divided.n,
        n_judgments=len(votes.answers.items),
        n_annotators=votes.n_annotators,
        method=METHOD,
        seed=seed,
        code_version=version("alignui"),
        note=_note(measured),
        detail={
            "as_of": as_of.isoformat(),
            "n_pairs": len(votes.first),
            "groupings": [grouping_detail(votes, *each) for each in measured.groupings],
            "map": map_detail(measured.map),
            "camps": camps_detail(votes, measured.map, measured.camps),
            "choices": choices(
                votes, policy_of, [grouping for grouping, _ in measured.groupings], camp_of,
                project=project, seed=seed,
            ),
        },
    )  # fmt: skip


def _note(measured: Measured) -> str:
    """Why there is no figure; empty where there is one."""
    if not len(measured.votes.answers.items):
        return "Nobody has answered this yet."
    if not measured.groupings:
        return (
            "There are no two groups of five people or more to compare: nobody, or too few, said "
            "something about themselves, and neither pools nor languages tell people apart."
        )
    if not measured.divided.n:
        return (
            "On no pair of responses did five people of two groups decide: raise the overlap, or "
            "let more people describe themselves."
        )
    return ""
