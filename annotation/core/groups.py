"""Do groups of annotators answer differently, and whom does the common answer leave out?

Groups are compared on the same items only: an item's own level drops out. The unit is the person:
p-values come from dealing the labels anew among annotators, intervals know that answers of one
person are alike. Groups of fewer than five annotators are neither shown nor part of "the others".

Sources: Prabhakaran et al. (2024), GRASP: A disagreement analysis framework to assess group
associations in perspectives, NAACL, for agreement within and across; Bell and McCaffrey (2002),
Survey Methodology 28(2); Efron and Stein (1981), Annals of Statistics 9, for the jackknife.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import stdtrit

from annotation.core.answer_pairs import Answers, Pairs, pairs_of, within_items
from annotation.core.audit import benjamini_hochberg
from annotation.core.covariates import SMALLEST_GROUP

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Labels = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Figure:
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One group against all others who answered the same items.

    offset: how much higher its answers are, in the answers' own units.
    within, across: the share of agreement between two of its people, and between one of them and
        one of the others; `gap` is within minus across. None where no two of them share an item.
    p_values are of labels dealt anew; adjusted ones over the groups of the comparison.
    """

    name: str
    n: int
    n_annotators: int
    offset: Figure | None
    offset_p: float | None
    offset_p_adjusted: float | None
    within: Figure | None
    across: Figure | None
    gap: Figure | None
    gap_p: float | None
    gap_p_adjusted: float | None


@dataclass(frozen=True, slots=True)
class GroupComparison:
    """An attribute's groups, largest first; `n_hidden` groups are too small to show.

    within, across: over all pairs of people of one group, and of two. `p_value` tests their gap.
    worst: the group that agrees least with the others.
    """

    attribute: str
    groups: tuple[GroupFigures, ...]
    n_hidden: int
    n_without: int
    within: float | None
    across: float | None
    p_value: float | None
    worst: GroupFigures | None
    verdict: str
    method: str


def group_comparison(
    answers: Answers,
    labels: Labels,
    *,
    attribute: str,
    smallest: int = SMALLEST_GROUP,
    rate: float = 0.05,
    confidence: float = 0.95,
    seed: int = 0,
    draws: int = 999,
) -> GroupComparison:
    """Compares the groups that the (n,) labels of the answers' annotators make; "" is none."""
    people, first = np.unique(answers.annotators, return_index=True)
    names, sizes = np.unique(labels[first][labels[first] != ""], return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    shown = [str(names[i]) for i in order if sizes[i] >= smallest]
    kept = np.isin(labels, shown)
    base = GroupComparison(
        attribute=attribute,
        groups=(),
        n_hidden=len(names) - len(shown),
        n_without=int(np.count_nonzero(labels[first] == "")),
        within=None,
        across=None,
        p_value=None,
        worst=None,
        verdict=_too_few(attribute, len(shown), smallest, len(people)),
        method="",
    )
    if len(shown) < 2:
        return base
    part = Answers(answers.items[kept], answers.annotators[kept], answers.values[kept])
    pairs = pairs_of(part)
    if pairs.seen.nnz == 0:
        verdict = "No item was answered by two people of these groups, so they cannot be compared."
        return replace(base, verdict=verdict)
    member = _membership(part, labels[kept], shown)
    random = np.random.default_rng(abs(seed))
    dealt = np.stack([member[random.permutation(len(member))] for _ in range(draws)])
    rows = _figures(part, pairs, member, dealt, shown, confidence)
    within, across, p_value = _overall(pairs, member, dealt)
    told = [row for row in rows if row.across is not None]
    worst = min(told, key=lambda row: row.across.value if row.across else 1.0, default=None)
    found = replace(
        base,
        groups=tuple(rows),
        within=within,
        across=across,
        p_value=p_value,
        worst=worst,
        method=(
            "Differences within items, cluster-robust by annotator (CR2); agreement of pairs of "
            f"people, jackknife over annotators; {draws:,} deals of the labels; Benjamini-Hochberg"
        ),
    )
    return replace(found, verdict=_verdict(found, rate))


def _membership(answers: Answers, labels: Labels, shown: list[str]) -> Floats:
    """(A, G) of 0 and 1, annotators in the order of their ids."""
    first = np.unique(answers.annotators, return_index=True)[1]
    return np.asarray(labels[first][:, None] == np.array(shown), dtype=np.float64)


def _figures(
    answers: Answers,
    pairs: Pairs,
    member: Floats,
    dealt: Floats,
    shown: list[str],
    confidence: float,
) -> list[GroupFigures]:
    offsets = _offsets(answers, member, confidence)
    offset_p = _dealt_offsets(answers, member, dealt)
    gaps = _gaps(pairs, member[None])[0]
    null = _gaps(pairs, dealt)
    gap_p = [_exceeds(null[:, g], gaps[g]) for g in range(len(shown))]
    votes = np.bincount(np.unique(answers.annotators, return_inverse=True)[1])
    offset_q, gap_q = benjamini_hochberg(offset_p), benjamini_hochberg(gap_p)
    rows = []
    for g, name in enumerate(shown):
        within, across, gap = _agreements(pairs, member[:, g], confidence)
        rows.append(
            GroupFigures(
                name=name,
                n=int(votes @ member[:, g]),
                n_annotators=int(member[:, g].sum()),
                offset=offsets[g],
                offset_p=offset_p[g],
                offset_p_adjusted=offset_q[g],
                within=within,
                across=across,
                gap=gap,
                gap_p=gap_p[g],
                gap_p_adjusted=gap_q[g],
            )
        )
    return rows


def _offsets(answers: Answers, member: Floats, confidence: float) -> list[Figure | None]:
    """Of each group, the slope of within-item differences on membership; CR2 of one column."""
    people = np.unique(answers.annotators, return_inverse=True)[1]
    value = within_items(answers)
    items = np.unique(answers.items, return_inverse=True)[1]
    sizes = np.bincount(items)[items]
    fuller = np.sqrt(sizes / np.maximum(sizes - 1, 1))  # what an item's own mean took out
    found: list[Figure | None] = []
    for column in member.T:
        centred = within_items(replace(answers, values=column[people]))
        size = float(centred @ centred)
        if size <= 1e-9:
            found.append(None)
            continue
        slope = float(centred @ value) / size
        pulls = np.bincount(people, weights=centred * fuller * (value - slope * centred)) / size
        part = np.minimum(np.bincount(people, weights=centred**2) / size, 1 - 1e-6)
        lifted = part / (1 - part)
        entries = np.sum(lifted**2 * (1 - 2 * part)) + np.sum(part * lifted) ** 2
        error = float(np.sqrt(np.sum(pulls**2 / (1 - part))))
        reach = error * float(
            stdtrit(max(1 / max(float(entries), 1e-12), 1.0), 0.5 + confidence / 2)
        )
        found.append(Figure(slope, slope - reach, slope + reach))
    return found


def _dealt_offsets(answers: Answers, member: Floats, dealt: Floats) -> list[float | None]:
    """P-values of the offsets: a deal's slope needs only sums by annotator."""
    people = np.unique(answers.annotators, return_inverse=True)[1]
    items = np.unique(answers.items, return_inverse=True)[1]
    sizes = np.bincount(items)
    table = sparse.csr_array((np.ones(len(items)), (items, people)))
    scaled = sparse.dia_array((1.0 / sizes[None], 0), shape=(len(sizes), len(sizes))) @ table
    spread = sparse.diags_array(np.bincount(people).astype(float)) - table.T @ scaled
    pull = np.bincount(people, weights=within_items(answers))
    p_values: list[float | None] = []
    for g in range(member.shape[1]):
        deals = np.vstack([member[:, g], dealt[:, :, g]])
        size = np.einsum("ra,ar->r", deals, np.asarray(spread @ deals.T))
        slopes = np.divide(deals @ pull, size, out=np.zeros(len(size)), where=size > 1e-9)
        p_values.append(_exceeds(slopes[1:], slopes[0]) if size[0] > 1e-9 else None)
    return p_values


def _gaps(pairs: Pairs, members: Floats) -> Floats:
    """(R, G): within minus across agreement of each group, for (R, A, G) memberships."""
    draws, width, groups = members.shape
    flat = np.moveaxis(members, 1, 0).reshape(width, draws * groups)
    agreed, seen = np.asarray(pairs.agreed @ flat), np.asarray(pairs.seen @ flat)
    inside, inside_n = np.sum(flat * agreed, axis=0), np.sum(flat * seen, axis=0)
    outside, outside_n = agreed.sum(axis=0) - inside, seen.sum(axis=0) - inside_n
    within = np.divide(inside, inside_n, out=np.full(len(inside), np.nan), where=inside_n > 0)
    across = np.divide(outside, outside_n, out=np.full(len(inside), np.nan), where=outside_n > 0)
    return np.asarray((within - across).reshape(draws, groups))


def _overall(
    pairs: Pairs, member: Floats, dealt: Floats
) -> tuple[float | None, float | None, float | None]:
    """Agreement of pairs within one group, of pairs across two, and the p-value of the gap."""

    def shares(members: Floats) -> tuple[Floats, Floats]:
        agreed = np.array([np.sum(m * (pairs.agreed @ m)) for m in members])
        seen = np.array([np.sum(m * (pairs.seen @ m)) for m in members])
        all_agreed, all_seen = pairs.agreed.sum(), pairs.seen.sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            return agreed / seen, (all_agreed - agreed) / (all_seen - seen)

    within, across = shares(member[None])
    if not np.isfinite(within[0] - across[0]):
        return None, None, None
    null = np.subtract(*shares(dealt))
    return float(within[0]), float(across[0]), _exceeds(null, float(within[0] - across[0]))


def _agreements(
    pairs: Pairs, inside: Floats, confidence: float
) -> tuple[Figure | None, Figure | None, Figure | None]:
    """Within, across and their gap, each with its interval by leaving annotators out in turn."""
    outside = 1.0 - inside
    to_own, to_others = pairs.agreed @ inside, pairs.agreed @ outside
    own_n, others_n = pairs.seen @ inside, pairs.seen @ outside
    # A pair within the group is counted from both ends, so a person takes it out twice.
    within = (inside @ to_own - 2 * inside * to_own, inside @ own_n - 2 * inside * own_n)
    lost = inside * to_others + outside * to_own
    lost_n = inside * others_n + outside * own_n
    across = (inside @ to_others - lost, inside @ others_n - lost_n)
    full_within = _ratio(inside @ to_own, inside @ own_n)
    full_across = _ratio(inside @ to_others, inside @ others_n)
    left_within, left_across = _ratio(*within), _ratio(*across)
    return (
        _jackknife(full_within, left_within, confidence),
        _jackknife(full_across, left_across, confidence),
        _jackknife(full_within - full_across, left_within - left_across, confidence),
    )


def _ratio(agreed: Floats, seen: Floats) -> Floats:
    agreed, seen = np.asarray(agreed, dtype=np.float64), np.asarray(seen, dtype=np.float64)
    return np.asarray(np.divide(agreed, seen, out=np.full(agreed.shape, np.nan), where=seen > 0.5))


def _jackknife(full: Floats, left: Floats, confidence: float) -> Figure | None:
    left = left[np.isfinite(left)]
    if not np.isfinite(full) or len(left) < SMALLEST_GROUP:
        return None
    error = np.sqrt((len(left) - 1) / len(left) * np.sum((left - left.mean()) ** 2))
    reach = float(stdtrit(len(left) - 1.0, 0.5 + confidence / 2) * error)
    return Figure(float(full), float(full) - reach, float(full) + reach)


def _exceeds(null: Floats, seen: float) -> float | None:
    """The two-sided p-value of `seen` among the deals, itself being one of them."""
    null = null[np.isfinite(null)]
    if not np.isfinite(seen) or len(null) == 0:
        return None
    return float((1 + np.sum(np.abs(null) >= abs(seen) - 1e-12)) / (1 + len(null)))


def _too_few(attribute: str, shown: int, smallest: int, people: int) -> str:
    if people == 0:
        return "There is no answer yet."
    have = "no group has" if shown == 0 else "only one group has"
    return (
        f"Of “{attribute}” {have} {smallest} annotators or more, so nothing can be compared "
        "without pointing at single people."
    )


def _verdict(found: GroupComparison, rate: float) -> str:
    told = [row for row in found.groups if (row.offset_p_adjusted or 1.0) <= rate]
    parts = []
    if told:
        listed = "; ".join(
            f"“{row.name}” {row.offset.value:+.2f} [{row.offset.low:+.2f}, {row.offset.high:+.2f}]"
            for row in told
            if row.offset
        )
        parts.append(
            f"On the same items, groups of {found.attribute} answer differently: {listed}."
        )
    apart = [row for row in found.groups if (row.gap_p_adjusted or 1.0) <= rate and row.gap]
    parts += [
        f"Two of “{row.name}” agree {row.within.value:.1%}, one of them and one of the others "
        f"{row.across.value:.1%}."
        for row in apart
        if row.within and row.across
    ]
    if parts:
        return " ".join(parts)
    widest = max((f.offset.high - f.offset.low for f in found.groups if f.offset), default=0.0)
    return (
        f"No difference between groups of {found.attribute} was found; intervals of offsets are up "
        f"to {widest:.2f} wide, and smaller differences would go unnoticed."
    )


def _signed(figure: Figure) -> str:
    return f"{figure.value:+.2f} [{figure.low:+.2f}, {figure.high:+.2f}]"
