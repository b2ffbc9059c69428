"""Every figure of agreement on one criterion, as a snapshot keeps it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from annotation.core.agreement import Agreement, Estimate, agreement_between, agreement_figures
from annotation.core.agreement_readings import is_too_few, reading
from annotation.core.coefficients import Level
from annotation.core.preferences import Verdict
from annotation.core.rank_agreement import rank_agreement
from annotation.core.rated_units import Rated, comparison_agreement
from annotation.core.ratings import Ints, Ratings
from annotation.core.repeat_agreement import repeat_agreement
from annotation.models import ComparisonKind, Criterion, Project
from annotation.selectors.agreement import (
    MARKS,
    Answers,
    Cutoff,
    Facts,
    answers,
    facts_of,
    is_marked,
    judge_models,
    rated_answers,
    repeat_roots,
    with_their_repeats,
)
from annotation.services.agreement_people import people_detail, weighting_of
from annotation.services.agreement_slices import slices_detail

VERSION = 2
RESAMPLES = 1000
COEFFICIENTS = ("percent", "alpha", "ac", "fleiss", "brennan_prediger")
MATRIX_PEOPLE = 40
CONTESTED = 20
BINS = 10

Detail = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """The main figures, what they rest on, and all of it as JSON."""

    figures: Agreement
    rated: Rated
    detail: Detail


def level_of(criterion: Criterion) -> Level:
    """Which of two is better has no distances; marks from 1 to 5 do."""
    return "interval" if is_marked(criterion) else "nominal"


def categories_of(project: Project, criterion: Criterion, given: Ratings) -> list[int]:
    """Every value that can be given, and those that were although they cannot any more."""
    possible = MARKS if is_marked(criterion) else (-1, 0, 1) if project.allow_tie else (-1, 1)
    return sorted({*possible, *np.unique(given.values).tolist()})


def measured_detail(*, cutoff: Cutoff, known: Facts, criterion: Criterion, seed: int) -> Measured:
    """All figures of the judgments that count; each with its interval, or why there is none."""
    given = answers(cutoff.judgments(), criterion)
    found = rated_answers(given)
    level, categories = level_of(criterion), categories_of(cutoff.project, criterion, found.ratings)
    figures = agreement_figures(found.ratings, seed=seed, level=level, categories=categories)
    both = agreement_figures(
        found.ratings, seed=seed, level=level, categories=categories, over="items and annotators"
    )
    n_comparisons = found.shared().n_comparisons
    detail = {
        "version": VERSION,
        "level": level,
        "resamples": RESAMPLES,
        "with_judges": cutoff.with_judges,
        "percent_agreement": plain(figures.percent),
        "figures": plain_figures(figures),
        "over_both": plain_figures(both),
        "over_prompts": _over_prompts(found, known, level, categories, seed),
        "commonest": figures.commonest,
        "commonest_share": figures.commonest_share,
        "parting": figures.parting,
        "reading": reading(figures.alpha, n_groups=n_comparisons),
        "too_few": is_too_few(figures.alpha, n_groups=n_comparisons),
        "graded": _graded(cutoff.project, criterion, given, seed),
        "rankings": _rankings(cutoff.project, given, seed),
        "repeats": _repeats(cutoff, criterion, seed),
        "judges": _judges(cutoff, criterion, figures, categories, seed),
        "items": _items(found),
        "people": people_detail(found.ratings, criterion, most=MATRIX_PEOPLE),
        "slices": slices_detail(found=found, known=known, level=level, categories=categories,
                                seed=seed),
    }  # fmt: skip
    return Measured(figures, found, detail)


def plain(estimate: Estimate) -> Detail:
    """An estimate as JSON, with all that it must not travel without."""
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n_units,
        "n_ratings": estimate.n_ratings,
        "n_annotators": estimate.n_annotators,
        "alone": estimate.n_alone,
        "missing": estimate.missing,
        "method": estimate.method,
        "note": estimate.note,
        "too_few": is_too_few(estimate),
    }


def plain_figures(figures: Agreement) -> Detail:
    """Every coefficient by its name."""
    return {name: plain(getattr(figures, name)) for name in COEFFICIENTS}


def _over_prompts(
    found: Rated, known: Facts, level: Level, categories: list[int], seed: int
) -> Detail | None:
    """With intervals over prompts, where several comparisons share one: they may be alike."""
    shared = found.shared()
    own = facts_of(known, found.judgments)
    n_prompts = len(np.unique(own.prompts[shared.judgment_of]))
    if n_prompts == shared.n_comparisons:
        return None
    ratings = replace(found.ratings, clusters=own.prompts[found.judgment_of])
    figures = agreement_figures(ratings, seed=seed, level=level, categories=categories)
    return plain_figures(figures) | {"n_prompts": n_prompts}


def _graded(project: Project, criterion: Criterion, given: Answers, seed: int) -> Detail | None:
    """The same on the ordinal level: of steps of strength where any were given, or of marks."""
    found = rated_answers(given, is_graded=True)
    values = found.ratings.values
    if not is_marked(criterion) and not (np.abs(values) > 1).any():
        return None
    figures = agreement_figures(
        found.ratings, seed=seed, level="ordinal", categories=_grades(project, criterion, values)
    )
    return plain_figures(figures) | {"parting": figures.parting, "reading": reading(figures.alpha)}


def _grades(project: Project, criterion: Criterion, values: Ints) -> list[int]:
    given = set(values.tolist())
    if is_marked(criterion):
        return sorted({*MARKS, *given})
    steps = range(1, max(project.strength_levels, 1) + 1)
    ties = {0} if project.allow_tie else set()
    return sorted({*(sign * step for step in steps for sign in (-1, 1)), *ties, *given})


def _rankings(project: Project, given: Answers, seed: int) -> Detail | None:
    """Whole orders beside each other, where more than two responses are put in order."""
    orders = [each for each in given if isinstance(each, Verdict)]
    if project.kind != ComparisonKind.RANKING or len(orders) < len(given):
        return None
    figures = rank_agreement(orders, seed=seed)
    return {name: plain(getattr(figures, name)) for name in ("tau", "w", "overlap", "pairs")}


def _repeats(cutoff: Cutoff, criterion: Criterion, seed: int) -> Detail:
    """What people said when they were asked the same again without knowing it."""
    roots = repeat_roots(cutoff.project)
    found = rated_answers(answers(with_their_repeats(cutoff, roots), criterion), roots=roots)
    figures = repeat_agreement(found.ratings, seed=seed, weighting=weighting_of(criterion))
    return {
        "percent": plain(figures.percent),
        "kappa": plain(figures.kappa),
        "people": len(figures.by_annotator),
    }


def _judges(
    cutoff: Cutoff, criterion: Criterion, own: Agreement, categories: list[int], seed: int
) -> Detail | None:
    """People beside LLM judges, each model apart; None where there are none of either."""
    models = {} if cutoff.with_judges else judge_models(cutoff.project)
    if not models:
        return None
    everybody = replace(cutoff, with_judges=True)
    ratings = rated_answers(answers(everybody.judgments(), criterion)).ratings
    people = sorted(set(ratings.annotators.tolist()) - models.keys())
    by_model: dict[str, list[int]] = {}
    for judge, model in models.items():
        by_model.setdefault(model, []).append(judge)
    return {
        "people": plain_figures(own),
        "n_people": len(people),
        "models": [
            {"model": model, "judges": len(judges)}
            | plain(
                agreement_between(
                    ratings, firsts=people, seconds=judges, seed=seed,
                    categories=sorted({*categories, *np.unique(ratings.values).tolist()}),
                    weighting=weighting_of(criterion),
                )
            )
            for model, judges in sorted(by_model.items())
        ],
    }  # fmt: skip


def _items(found: Rated) -> Detail:
    """How agreement spreads over comparisons, and those on which people part most."""
    units = comparison_agreement(found)
    shares = np.array([unit.agreement for unit in units])
    counts = np.bincount(np.minimum(shares * BINS + 1e-9, BINS - 1).astype(int), minlength=BINS)
    return {
        "n": len(units),
        "histogram": [
            [at / BINS, (at + 1) / BINS, int(count)] for at, count in enumerate(counts) if units
        ],
        "unanimous": sum(unit.agreement == 1 for unit in units),
        "contested": [
            [unit.comparison_id, unit.judges, round(unit.agreement, 6)]
            for unit in units[:CONTESTED]
            if unit.agreement < 1
        ],
    }
