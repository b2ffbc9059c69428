"""What is shown, to whom and in which order: every draw is a pure function of a recorded seed."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil
from random import Random
from typing import Literal

import numpy as np

from annotation.core.errors import Invalid

ClaimKind = Literal["work", "gold", "repeat"]

SMALLEST_HELD_OUT = 2
SMALLEST_SPLIT = 5


@dataclass(frozen=True, slots=True)
class Contender:
    """A completion that may be compared.

    `fingerprint`, when given, identifies its text: equal texts are never compared, because
    nobody could prefer one.
    """

    completion_id: int
    prompt_id: int
    policy_id: int
    fingerprint: str | None = None


def derive_seed(seed: int, *keys: int | str) -> int:
    """A seed of its own for each key (an annotator, a batch): 62 bits, the same on all machines."""
    text = "\x1f".join(map(str, (seed, *keys)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 2


def display_order(*, size: int, index: int, seed: int) -> tuple[int, ...]:
    """The canonical position to show in each slot of an annotator's `index`-th assignment.

    Assignments come in blocks of `size`, and each block is a Latin square with its letters and
    rows shuffled: within it every candidate stands in every slot exactly once. For pairs
    that is A first and B first once each, in an order that the annotator cannot guess. The
    squares are Williams': where `size` is even each candidate also follows each other one
    equally often; where it is odd two mirrored blocks do so together.

    Give each annotator a seed of their own (`derive_seed`), or all see the same sequence.

    Args:
        size: candidates shown, at least 2.
        index: the annotator's assignments of this size so far, counted from 0.

    Source: Williams (1949), Experimental designs balanced for the estimation of residual effects
    of treatments, Australian Journal of Scientific Research 2(2).
    """
    if size < 2 or index < 0:
        raise Invalid("A display order needs two candidates or more and an index from 0.")
    block, row = divmod(index, size)
    is_odd = size % 2 == 1
    letters = _permutation(size, seed, block // 2 if is_odd else block)
    start = _permutation(size, seed, block, 1)[row]
    mirrored = is_odd and block % 2 == 1
    order = tuple(letters[(start + step) % size] for step in _zigzag(size))
    return order[::-1] if mirrored else order


def pair_order(*, lean: int, shown_first: Sequence[int]) -> tuple[int, int]:
    """Which of a pair's canonical positions 0 and 1 a judge sees first, counterbalanced.

    What evens out first is the annotator's own account of the two policies, then the comparison's
    among its judges; where both are even the canonical order stands, which is balanced over each
    batch and pair of policies when the batch is opened. This is minimisation with the factors in
    order of weight.

    Args:
        lean: how much more often the annotator saw the policy of position 0 before the other's.
        shown_first: the positions that the comparison's judges so far saw first.

    Source: Pocock and Simon (1975), Sequential treatment assignment with balancing for prognostic
    factors in the controlled clinical trial, Biometrics 31(1).
    """
    among_judges = sum(1 if first == 0 else -1 for first in shown_first)
    return (1, 0) if (lean or among_judges) > 0 else (0, 1)


def canonical_orders(pairs: Sequence[tuple[int, int]], *, seed: int) -> list[tuple[int, int]]:
    """For each pair of policy ids, the order (0, 1) or (1, 0) in which its candidates are stored.

    Over all pairs of the same two policies either stands first equally often, or once more; which
    one gets the odd case, and where, is drawn.
    """
    random = Random(seed)
    due: dict[tuple[int, int], bool | None] = {}
    orders = []
    for first, second in pairs:
        key = min(first, second), max(first, second)
        low_first = due.get(key)
        if low_first is None:
            low_first = random.random() < 0.5
            due[key] = not low_first
        else:
            due[key] = None
        orders.append((0, 1) if (first <= second) == low_first else (1, 0))
    return orders


def claim_kind(*, index: int, seed: int, gold_rate: float, repeat_rate: float) -> ClaimKind:
    """What an annotator's `index`-th claim is for: gold and repeats come at their rates.

    Of every block of 1/rate claims one is gold (or a repeat), at a place in it that is drawn from
    the annotator's own seed, so that nobody can tell when. Where both fall together gold goes
    first.
    """
    if _falls_on(index, derive_seed(seed, "gold"), gold_rate):
        return "gold"
    if _falls_on(index, derive_seed(seed, "repeat"), repeat_rate):
        return "repeat"
    return "work"


def goes_to_oldest(*, index: int, seed: int, share: float) -> bool:
    """Whether the annotator's `index`-th claim goes to the oldest open batch, whatever is worth
    most; of every 1/share claims one does."""
    return _falls_on(index, derive_seed(seed, "oldest"), share)


def comparison_pairs(
    contenders: Iterable[Contender],
    *,
    per_prompt: int | None,
    seed: int,
    within_policy: bool = True,
) -> list[tuple[int, int]]:
    """Pairs of completion ids to compare: all of each prompt's, or `per_prompt` of them.

    A sample first joins the prompt's completions into one connected graph (n-1 pairs do, if there
    are that many), then evens out how often each completion and each pair of policies appears, over
    all prompts. Which of two comes first (its canonical position) is drawn too. Of completions
    with the same text one pair at most is never built; without `within_policy` neither are pairs
    of one policy's samples.

    Cost: for each prompt with n completions, n(n-1)/2 steps per pair chosen.
    """
    random = Random(seed)
    policy_pairs: Counter[tuple[int, int]] = Counter()
    chosen: list[tuple[int, int]] = []
    for group in _by_prompt(contenders):
        allowed = [
            (a, b)
            for a, b in combinations(group, 2)
            if not _same_text(a, b) and (within_policy or a.policy_id != b.policy_id)
        ]
        for a, b in _sampled_pairs(allowed, per_prompt, policy_pairs, random):
            ids = (a.completion_id, b.completion_id)
            chosen.append(ids if random.random() < 0.5 else ids[::-1])
    return chosen


def ranking_sets(
    contenders: Iterable[Contender], *, size: int, per_prompt: int, seed: int
) -> list[tuple[int, ...]]:
    """Sets of `size` completion ids to rank, `per_prompt` for each prompt where there are as many.

    The least used completions come first, then policies that are not in the set yet. A prompt with
    fewer (different) completions than `size` gives one set of all that it has, if that is two or
    more. No set comes twice.
    """
    random = Random(seed)
    chosen: list[tuple[int, ...]] = []
    for group in _by_prompt(contenders):
        uses: Counter[int] = Counter()
        seen: set[frozenset[int]] = set()
        for _ in range(per_prompt):
            members = _one_set(group, size, uses, random)
            if len(members) < 2 or frozenset(members) in seen:
                break
            seen.add(frozenset(members))
            uses.update(members)
            random.shuffle(members)
            chosen.append(tuple(members))
    return chosen


def hold_out(hashes: Sequence[str], *, already_held: int, total: int, fraction: float) -> set[str]:
    """Which of the new prompts' content hashes join the held-out set, which never gives one back.

    The lowest hashes join until ``round(fraction * total)`` are held out; at least 2 once there
    are 5 prompts, so that a held-out figure exists early. A fraction of 0 holds out none. A hash
    does not depend on the order of import, so neither does the choice among those given.

    Args:
        hashes: SHA-256 content hashes of the prompts that may still join (nobody judged them).
        already_held: prompts of the project that are held out now.
        total: all prompts of the project, the new ones included.
    """
    if not 0 <= fraction < 1:
        raise Invalid("The held-out share is at least 0 and below 1.", field="held_out_fraction")
    wanted = round(fraction * total)
    if fraction > 0 and total >= SMALLEST_SPLIT:
        wanted = max(wanted, SMALLEST_HELD_OUT)
    return set(sorted(set(hashes))[: max(0, wanted - already_held)])


def _falls_on(index: int, seed: int, rate: float) -> bool:
    """Whether this is the drawn one of its block of 1/rate."""
    if rate <= 0:
        return False
    block = int(index * rate)
    first, following = ceil(block / rate), ceil((block + 1) / rate)
    drawn = first + derive_seed(seed, block) % max(following - first, 1)
    return index == drawn


def _permutation(size: int, seed: int, *keys: int) -> list[int]:
    return [int(k) for k in np.random.default_rng([abs(seed), size, *keys]).permutation(size)]


def _zigzag(size: int) -> list[int]:
    """Williams' first row 0, 1, n-1, 2, n-2, ...: neighbouring differences are all different."""
    return [(step + 1) // 2 if step % 2 else -(step // 2) for step in range(size)]


def _by_prompt(contenders: Iterable[Contender]) -> list[list[Contender]]:
    groups: defaultdict[int, list[Contender]] = defaultdict(list)
    for contender in contenders:
        groups[contender.prompt_id].append(contender)
    return [sorted(groups[prompt], key=lambda c: c.completion_id) for prompt in sorted(groups)]


def _same_text(a: Contender, b: Contender) -> bool:
    return a.fingerprint is not None and a.fingerprint == b.fingerprint


def _policy_pair(a: Contender, b: Contender) -> tuple[int, int]:
    return min(a.policy_id, b.policy_id), max(a.policy_id, b.policy_id)


def _sampled_pairs(
    allowed: list[tuple[Contender, Contender]],
    wanted: int | None,
    policy_pairs: Counter[tuple[int, int]],
    random: Random,
) -> list[tuple[Contender, Contender]]:
    """One prompt's pairs, the least burdened first; `policy_pairs` is kept over all prompts."""
    uses: Counter[int] = Counter()
    island = {c.completion_id: c.completion_id for pair in allowed for c in pair}
    remaining = list(allowed)
    random.shuffle(remaining)
    chosen: list[tuple[Contender, Contender]] = []

    def burden(pair: tuple[Contender, Contender]) -> tuple[bool, int, int, int]:
        first, second = (c.completion_id for c in pair)
        times = uses[first], uses[second]
        joins = island[first] != island[second]
        return not joins, max(times), sum(times), policy_pairs[_policy_pair(*pair)]

    while remaining and (wanted is None or len(chosen) < wanted):
        best = remaining.pop(min(range(len(remaining)), key=lambda k: burden(remaining[k])))
        chosen.append(best)
        first, second = (c.completion_id for c in best)
        uses.update((first, second))
        policy_pairs[_policy_pair(*best)] += 1
        merged, kept = island[first], island[second]
        island = {key: kept if root == merged else root for key, root in island.items()}
    return chosen


def _one_set(group: list[Contender], size: int, uses: Counter[int], random: Random) -> list[int]:
    remaining = list(group)
    random.shuffle(remaining)
    members: list[Contender] = []
    while remaining and len(members) < size:
        policies = Counter(member.policy_id for member in members)
        best = min(remaining, key=lambda c: (uses[c.completion_id], policies[c.policy_id]))
        members.append(best)
        remaining = [c for c in remaining if c is not best and not _same_text(c, best)]
    return [member.completion_id for member in members]
