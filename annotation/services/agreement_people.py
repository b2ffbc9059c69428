"""Who agrees with whom: the part of it that a snapshot keeps, and all of it when asked for."""

from typing import Any

import numpy as np

from annotation.core.agreement_matrix import agreement_matrix
from annotation.core.coefficients import Weighting
from annotation.core.rated_units import most_shared
from annotation.core.ratings import Ratings
from annotation.models import AgreementReport, Criterion
from annotation.selectors.agreement import Cutoff, is_marked, rated

PEOPLE_AT_MOST = 600


def weighting_of(criterion: Criterion) -> Weighting:
    return "quadratic" if is_marked(criterion) else "identity"


def people_at(report: AgreementReport, *, most: int = PEOPLE_AT_MOST) -> dict[str, Any]:
    """The whole matrix by the judgments of a snapshot; of more people, those who share most."""
    cutoff = Cutoff(
        report.project, report.cutoff_judgment_id, report.created_at, report.includes_quarantined,
        with_judges=bool(report.detail.get("with_judges", False)),
    )  # fmt: skip
    ratings = rated(cutoff.judgments(), report.criterion).ratings
    return people_detail(ratings, report.criterion, most=most)


def people_detail(ratings: Ratings, criterion: Criterion, *, most: int) -> dict[str, Any]:
    """Each two of those who share the most items: n, agreement, kappa with its interval."""
    chosen = most_shared(ratings, most)
    own = ratings.where(np.isin(ratings.annotators, chosen))
    matrix = agreement_matrix(own, weighting=weighting_of(criterion))
    at = {annotator: place for place, annotator in enumerate(matrix.annotator_ids)}
    return {
        "ids": list(matrix.annotator_ids),
        "of": len(np.unique(ratings.annotators)),
        "note": matrix.note,
        "pairs": [
            [at[pair.first], at[pair.second], pair.n, _short(pair.agreement), _short(pair.kappa),
             _short(pair.low), _short(pair.high)]
            for pair in matrix.pairs()
        ],
    }  # fmt: skip


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
