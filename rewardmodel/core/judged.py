"""What people said, as arrays over one feature matrix: votes on pairs, both-bad, rankings."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardmodel.core.pairs import TIE, Floats, Ints, PairCounts, Votes, add_up
from rewardmodel.core.plackett_luce import Rankings
from rewardmodel.core.posterior import Evidence, evidence_of


@dataclass(frozen=True, slots=True)
class Judged:
    """All that a head may be fitted to, over the rows of one feature matrix.

    votes: n on pairs. bad: (n,) 1 where a tie of these said that both are bad, 0 where it did not,
    NaN where that could not be said; none where no vote could. rankings: of more than two items.
    """

    votes: Votes
    bad: Floats | None = None
    rankings: Sequence[Rankings] = ()

    def where(self, votes: NDArray[np.bool_], prompts: Ints | None = None) -> "Judged":
        """The votes under a mask (n,), and the rankings of these prompts (all by default)."""
        rankings = self.rankings
        if prompts is not None:
            rankings = [r.where(np.isin(r.prompt, prompts)) for r in rankings]
        return Judged(
            self.votes.where(votes),
            None if self.bad is None else self.bad[votes],
            [r for r in rankings if len(r)],
        )

    def of(self, people: Ints) -> "Judged":
        """What these annotators said."""
        mask = np.isin(self.votes.annotator, people)
        rankings = [r.where(np.isin(r.annotator, people)) for r in self.rankings]
        return Judged(
            self.votes.where(mask),
            None if self.bad is None else self.bad[mask],
            [r for r in rankings if len(r)],
        )

    @property
    def annotators(self) -> Ints:
        """Everybody's id, once."""
        found = [self.votes.annotator, *(r.annotator for r in self.rankings)]
        return np.unique(np.concatenate(found).astype(np.int64))

    @property
    def is_decided(self) -> bool:
        """Whether anything here prefers one to another."""
        return bool(
            (self.votes.outcome != TIE).any()
            or any((r.groups != 0).any() for r in self.rankings)
        )  # fmt: skip

    @property
    def prompts(self) -> Ints:
        """Every prompt's id, once."""
        return np.unique(
            np.concatenate([self.votes.prompt, *(r.prompt for r in self.rankings)]).astype(np.int64)
        )

    def both_bad(self) -> PairCounts | None:
        """The tied pairs, with the weight of "both bad" first and that of a mere tie last."""
        if self.bad is None:
            return None
        known = (self.votes.outcome == TIE) & np.isfinite(self.bad)
        if not (self.bad[known] == 1).any():
            return None
        tied = self.votes.where(known)
        outcome = np.where(self.bad[known] == 1, 0, TIE)
        low, high = np.minimum(tied.first, tied.second), np.maximum(tied.first, tied.second)
        return add_up(replace(tied, first=low, second=high, outcome=outcome))


def judged_hash(
    judged: Mapping[str, Judged], keys: Sequence[int], features: Floats, groups: Mapping[str, Ints]
) -> str:
    """SHA-256 over what a model is fitted to; `keys` names the completion of each feature row."""
    digest = hashlib.sha256()

    def add(name: str, *arrays: NDArray[Any]) -> None:
        digest.update(name.encode())
        for array in arrays:
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())

    for criterion, found in judged.items():
        v = found.votes
        add(criterion, v.first, v.second, v.outcome, v.weight, v.prompt, v.annotator)
        if found.bad is not None:
            add("bad", found.bad)
        for r in found.rankings:
            add("ranking", r.items, r.groups, r.weight, r.prompt, r.annotator)
    for group, people in groups.items():
        add(group, people)
    add("features", np.asarray(keys, dtype=np.int64), features)
    return digest.hexdigest()


def evidence_from(judged: Judged, coordinates: Floats, ties: int | None = None) -> Evidence:
    """The likelihood of judgments over rows of coordinates (n, k)."""
    return evidence_of(
        add_up(judged.votes), coordinates, both_bad=judged.both_bad(),
        rankings=judged.rankings, ties=ties,
    )  # fmt: skip
