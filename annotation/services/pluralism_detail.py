"""Who prefers what as it is stored: lists cut to their heads, with how long they were."""

from collections.abc import Mapping, Sequence

from annotation.core.opinion_map import OpinionMap
from annotation.core.pair_votes import PairVotes
from annotation.core.pluralism import Consensus, Division, GroupShare, Pluralism
from annotation.selectors.pluralism import Grouping

MOST_ROWS = 50

Detail = dict[str, object]


def grouping_detail(votes: PairVotes, grouping: Grouping, found: Pluralism) -> Detail:
    return {
        "attribute": grouping.attribute,
        "value": grouping.value,
        "groups": [list(each) for each in grouping.groups],
        **_pairs_detail(votes, found),
    }


def camps_detail(votes: PairVotes, placed: OpinionMap, found: Pluralism | None) -> Detail | None:
    """What the map's camps want: described, never tested, for they were made of these votes."""
    if found is None:
        return None
    sizes: dict[str, int] = {}
    for place in placed.places:
        sizes[place.cluster] = sizes.get(place.cluster, 0) + 1
    return {"groups": sorted(map(list, sizes.items())), **_pairs_detail(votes, found)}


def map_detail(placed: OpinionMap) -> Detail:
    """Places in an order that says nothing of who they are: nobody's id or count is kept."""
    places = sorted((p.cluster, round(p.x, 4), round(p.y, 4)) for p in placed.places)
    return {
        "places": [[x, y, cluster] for cluster, x, y in places],
        "axes": [
            {"share": axis.share, "by_chance": axis.by_chance, "p": axis.p_value}
            for axis in placed.axes
        ],
        "silhouette": placed.silhouette,
        "n_left_out": placed.n_left_out,
        "verdict": placed.verdict,
        "method": placed.method,
    }


def division_row(votes: PairVotes, each: Division) -> Detail:
    return {
        **_pair(votes, each.item),
        "group": each.group,
        "difference": each.difference,
        "low": each.low,
        "high": each.high,
        "p": each.p_value,
        "p_adjusted": each.p_adjusted,
        "is_found": each.is_found,
        "shares": _shares(each.shares),
    }


def consensus_row(votes: PairVotes, each: Consensus) -> Detail:
    return {
        **_pair(votes, each.item),
        "consensus": max(each.first, each.second),
        "side": each.side,
        "lowest": [each.lowest.value, each.lowest.low, each.lowest.high, each.lowest.n],
        "lowest_group": each.lowest_group,
        "shares": _shares(each.shares),
    }


def _pairs_detail(votes: PairVotes, found: Pluralism) -> Detail:
    agreed = [each for each in found.consensus if each.side]
    return {
        "verdict": found.verdict,
        "method": found.method,
        "n_compared": len(found.divisions),
        "n_too_few": found.n_too_few,
        "n_withheld": found.n_withheld,
        "n_found": sum(each.is_found for each in found.divisions) + found.n_found_withheld,
        "divisions": [division_row(votes, each) for each in found.divisions[:MOST_ROWS]],
        "n_agreed": len(agreed),
        "consensus": [consensus_row(votes, each) for each in agreed[:MOST_ROWS]],
    }


def _pair(votes: PairVotes, item: int) -> Detail:
    return {
        "first": int(votes.first[item]),
        "second": int(votes.second[item]),
        "comparison": int(votes.comparisons[item]),
    }


def _shares(shares: Sequence[GroupShare]) -> list[Mapping[str, object]]:
    return [
        {
            "group": each.name,
            "value": each.share.value,
            "low": each.share.low,
            "high": each.share.high,
            "n": each.share.n,
        }
        for each in shares
    ]
