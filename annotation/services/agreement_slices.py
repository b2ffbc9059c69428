"""Agreement within parts of the judgments: batch, pool, language, tag, pair of policies, time."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from annotation.core.agreement import Estimate, agreement_figures
from annotation.core.agreement_readings import is_too_few, reading
from annotation.core.coefficients import Level
from annotation.core.rated_units import Rated
from annotation.core.rating_slices import (
    Dimension,
    Slice,
    by_code,
    by_members,
    by_pair,
    by_tag,
    by_time,
)
from annotation.core.scheduling import derive_seed
from annotation.selectors.agreement import Facts, facts_of

DIMENSIONS = ("batch", "pool", "language", "tag", "pair", "time")


def slices_detail(
    *, found: Rated, known: Facts, level: Level, categories: Sequence[int], seed: int
) -> dict[str, Any]:
    """By dimension: its largest slices, each with alpha and AC, and how many more there are."""
    own = facts_of(known, found.judgments)
    return {
        name: {
            "rows": [_row(each, found, level, categories, seed) for each in dimension.slices],
            "more": dimension.n_more,
        }
        for name, dimension in _dimensions(found, own)
    }


def _dimensions(found: Rated, own: Facts) -> list[tuple[str, Dimension]]:
    prompts = own.prompts[found.judgment_of]
    languages = {pk: (language,) for pk, language in own.languages.items() if language}
    pools = {
        str(pool): (own.names["pool"].get(pool, str(pool)), sorted(members))
        for pool, members in own.pools.items()
    }
    return [
        ("batch", by_code(own.batches[found.judgment_of], own.names["batch"])),
        ("pool", by_members(found.ratings.annotators, pools)),
        ("language", by_tag(prompts, languages)),
        ("tag", by_tag(prompts, own.tags)),
        ("pair", by_pair(found, own.policies, own.names["policy"])),
        ("time", by_time(found, own.days)),
    ]


def _row(
    each: Slice, found: Rated, level: Level, categories: Sequence[int], seed: int
) -> dict[str, Any]:
    part = found.where(each.kept)
    n_comparisons = part.shared().n_comparisons
    figures = agreement_figures(
        part.ratings,
        seed=derive_seed(seed, "slice", each.key),
        level=level,
        categories=categories,
    )
    return {
        "key": each.key,
        "label": each.label,
        "n_judgments": part.n_judgments,
        "n_comparisons": n_comparisons,
        "n_annotators": len(np.unique(part.ratings.annotators)),
        "percent": figures.percent.value,
        "alpha": _brief(figures.alpha),
        "ac": _brief(figures.ac),
        "too_few": any(
            is_too_few(each, n_groups=n_comparisons) for each in (figures.alpha, figures.ac)
        ),
        "reading": reading(figures.alpha, n_groups=n_comparisons),
        "parting": figures.parting,
    }


def _brief(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n_units,
        "note": estimate.note,
    }
