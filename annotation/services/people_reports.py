"""Annotators' quality as dated reports: what is known of everybody, and what is recommended.

A recommendation is never carried out here: that is a lead's doing, with a reason that the person
reads (`interventions`).
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import TruncDate
from django.utils import timezone

from annotation.core.collusion import AlikePair, Collusion
from annotation.core.influence import Influence, influence
from annotation.core.intervals import Proportion
from annotation.core.people_quality import PeopleQuality, PersonQuality, people_quality
from annotation.core.recommendations import Action, Evidence
from annotation.core.scheduling import derive_seed
from annotation.models import (
    Criterion,
    Participation,
    PeopleReport,
    PersonReport,
    Policy,
    Project,
    Run,
)
from annotation.selectors import judgments as judgment_selectors
from annotation.selectors.people_works import Reading, works, written
from annotation.services.runs import RunHandle

METHOD = (
    "Reliability left one out under a Dawid-Skene consensus; kinds by it, else by a Bradley-Terry "
    "mixture over policies; influence by a Newton step on the leaderboard's strengths"
)
KEPT_WHOLE = timedelta(days=2)
MOST_STORED_PAIRS = 2_000
CHUNK = 1_000


@transaction.atomic
def people_measure(
    *,
    project: Project,
    criterion: Criterion,
    run: Run | None = None,
    with_quarantined: bool = False,
) -> PeopleReport:
    """Measures everybody on one criterion and stores a report with a row for each.

    The judgments' cutoff, the moment as of which quarantines hold and the seed are recorded, so
    that it can be computed again. A run that is executed again gives the same report. Whoever has
    no part in the project yet because their judgments came with a file is given one, so that a
    lead can act on the report.
    """
    earlier = PeopleReport.objects.filter(run=run, criterion=criterion).first() if run else None
    if earlier is not None:
        return earlier
    reading = Reading(
        cutoff_id=judgment_selectors.latest_judgment_id(project),
        as_of=timezone.now(),
        include_simulated=project.learns_from_simulated,
        with_quarantined=with_quarantined,
    )
    about = written(project)
    judged = works(project, criterion, reading, about)
    seed = derive_seed(project.seed, "people", criterion.key)
    found = people_quality(judged, policies=about.policies, seed=seed)
    moved = influence(found.votes)
    report = PeopleReport.objects.create(
        project=project,
        criterion=criterion,
        run=run,
        cutoff_judgment_id=reading.cutoff_id,
        includes_simulated=reading.include_simulated,
        includes_quarantined=with_quarantined,
        n_judgments=len(judged),
        n_annotators=len(found.people),
        method=METHOD,
        seed=seed,
        code_version=version("alignui"),
        note=found.note,
        detail=_detail(project, found, moved, reading),
    )
    _store(report, found, moved)
    return report


def people_work(handle: RunHandle) -> Mapping[str, object]:
    """The run's params: with_quarantined."""
    with_quarantined = bool(handle.params.get("with_quarantined"))
    criteria = [
        each
        for each in handle.project.criteria.all()
        if each.key == Criterion.OVERALL or each.answers.exists()
    ]
    reports = []
    for done, criterion in enumerate(criteria):
        handle.progress(done, len(criteria), f"Looking at everybody on “{criterion.name}”")
        reports.append(
            people_measure(
                project=handle.project,
                criterion=criterion,
                run=handle.run,
                with_quarantined=with_quarantined,
            )
        )
    thinned = person_reports_thin(project=handle.project)
    handle.progress(len(criteria), len(criteria), "Measured.")
    return {"reports": [report.pk for report in reports], "thinned": thinned}


@transaction.atomic
def person_reports_thin(*, project: Project, now: datetime | None = None) -> int:
    """Keeps of each day that ended two days ago or earlier only the last report's rows of people;
    how many rows went. The reports themselves, with what holds of all, stay."""
    before = (now or timezone.now()) - KEPT_WHOLE
    old = PeopleReport.objects.filter(project=project, created_at__lt=before).order_by()
    kept = old.annotate(day=TruncDate("created_at")).values(
        "day", "criterion", "includes_quarantined"
    )
    last = [each["last"] for each in kept.annotate(last=Max("pk"))]
    gone = PersonReport.objects.filter(report__in=old.exclude(pk__in=last))
    return gone.delete()[0]


def _store(report: PeopleReport, found: PeopleQuality, moved: Influence) -> None:
    place_of = {int(key): place for place, key in enumerate(moved.annotators)}
    groups = {who: group for group in found.collusion.groups for who in group}
    PersonReport.objects.bulk_create(
        [
            _row(report, each, _influence(moved, place_of.get(each.annotator_id)), groups)
            for each in found.people
        ],
        batch_size=CHUNK,
    )
    Participation.objects.bulk_create(
        [
            Participation(project=report.project, annotator_id=each.annotator_id)
            for each in found.people
        ],
        ignore_conflicts=True,
        batch_size=CHUNK,
    )


def _row(
    report: PeopleReport,
    each: PersonQuality,
    moved: Mapping[str, object],
    groups: Mapping[int, tuple[int, ...]],
) -> PersonReport:
    share, kind = each.reliability, each.kind
    return PersonReport(
        report=report,
        annotator_id=each.annotator_id,
        n=each.figures.n,
        reliability=share.value,
        reliability_low=share.low,
        reliability_high=share.high,
        reliability_n=share.n,
        agreement=each.figures.majority.value,
        honest=None if kind is None else kind.honest,
        coin=None if kind is None else kind.coin,
        flipped=None if kind is None else kind.flipped,
        weight=each.weight,
        action=_action(each.recommendation.action),
        severity=each.severity,
        summary=each.recommendation.summary,
        evidence=[_evidence(piece) for piece in each.recommendation.evidence],
        figures=_figures(each) | {"group": list(groups.get(each.annotator_id, ()))},
        influence=dict(moved),
    )


def _figures(each: PersonQuality) -> dict[str, object]:
    """Every figure behind the row: shares with their intervals and counts, then behaviour."""
    figures, seen = each.figures, each.behaviour
    shares = {
        "agreement": figures.majority,
        "gold": figures.gold,
        "repeats": each.repeats,
        "ties": figures.ties,
        "first": figures.first_position,
        "favoured": seen.favoured,
        "changes": seen.changes,
        "too_fast": seen.too_fast,
    }
    return {name: _share(share) for name, share in shares.items()} | {
        "seconds": figures.median_seconds,
        "pace": {"value": seen.pace, "low": seen.pace_low, "high": seen.pace_high},
        "slot": seen.slot,
        "longest_run": seen.longest_run,
        "run_p_value": seen.run_p_value,
        "favoured_p_value": seen.favoured_p_value,
        "in_turns_p_value": seen.in_turns_p_value,
        "told_by": "" if each.kind is None else each.kind.told_by,
    }


def _influence(moved: Influence, place: int | None) -> dict[str, object]:
    """What would change on the leaderboard without one person; empty where nothing is known."""
    if place is None:
        return {}
    if moved.disconnects[place]:
        return {"disconnects": True}
    changes = moved.changes[place]
    most = int(abs(changes).argmax())
    return {
        "disconnects": False,
        "ranks_moved": int(moved.ranks_moved[place]),
        "is_top_moved": bool(moved.is_top_moved[place]),
        "largest": float(abs(changes[most])),
        "change": float(changes[most]),
        "policy": int(moved.items[most]),
    }


def _detail(
    project: Project, found: PeopleQuality, moved: Influence, reading: Reading
) -> dict[str, Any]:
    actions = Counter(_action(each.recommendation.action) for each in found.people)
    kinds = Counter(
        each.recommendation.evidence[0].kind
        for each in found.people
        if each.recommendation.action >= Action.REQUALIFY
    )
    told = [each.kind for each in found.people]
    return {
        "as_of": reading.as_of.isoformat(),
        "actions": {key: actions[key] for key in PersonReport.Action.values},
        "kinds": dict(kinds),
        "n_told": sum(kind is not None for kind in told),
        "why_not": found.consensus.why_not,
        "told_by": dict(Counter("" if k is None else k.told_by for k in told)),
        "mixture": _mixture(found),
        "alike": _alike(found.collusion),
        "influence": _leaderboard(project, moved),
    }


def _mixture(found: PeopleQuality) -> dict[str, object]:
    mixture = found.mixture
    if mixture.why_not:
        return {"why_not": mixture.why_not}
    honest, coin, flipped = (float(share) for share in mixture.share)
    return {
        "why_not": "", "honest": honest, "coin": coin, "flipped": flipped,
        "rounds": mixture.rounds, "is_converged": bool(mixture.is_converged),
    }  # fmt: skip


def _alike(alike: Collusion) -> dict[str, object]:
    """The pairs that are most alike; their number says whether some are not listed."""
    return {
        "why_not": alike.why_not,
        "note": alike.note,
        "n_looked_at": alike.n_pairs,
        "n_pairs": len(alike.pairs),
        "groups": [list(group) for group in alike.groups],
        "pairs": [_pair(pair) for pair in alike.pairs[:MOST_STORED_PAIRS]],
    }


def _leaderboard(project: Project, moved: Influence) -> dict[str, object]:
    if moved.why_not:
        return {"why_not": moved.why_not, "policies": []}
    names = {policy.pk: str(policy) for policy in Policy.objects.filter(project=project)}
    ranked = sorted(
        zip(moved.items.tolist(), moved.strengths.tolist(), strict=True), key=lambda row: -row[1]
    )
    return {
        "why_not": "",
        "n_top_movers": int(moved.is_top_moved.sum()),
        "n_movers": int((moved.ranks_moved > 0).sum()),
        "policies": [
            {"id": key, "name": names.get(key, ""), "strength": strength}
            for key, strength in ranked
        ],
    }


def _evidence(piece: Evidence) -> dict[str, object]:
    return {
        "kind": piece.kind, "statement": piece.statement, "points_to": _action(piece.points_to),
        "value": piece.value, "low": piece.low, "high": piece.high, "n": piece.n,
        "other": piece.other,
    }  # fmt: skip


def _pair(pair: AlikePair) -> dict[str, object]:
    return {
        "one": pair.one, "other": pair.other, "n": pair.n, "same": pair.same,
        "expected": pair.expected, "excess": pair.excess, "p_value": pair.p_value,
        "is_duplicate": pair.is_duplicate,
    }  # fmt: skip


def _share(share: Proportion) -> dict[str, object]:
    return {"value": share.value, "low": share.low, "high": share.high, "n": share.n}


def _action(action: Action) -> str:
    return action.name.lower()
