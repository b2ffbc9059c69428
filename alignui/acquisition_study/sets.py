"""Sets to replay: pairs with coordinates, and how their votes come about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.core.errors import Invalid
from rewardmodel.core.pairs import Floats, Ints

PRECISION = 60.0
AGREEMENT = 0.78
HIDDEN = 32
SHARE = 0.15
COPIES = 4
COPIED = 0.1
JITTER = 0.02
OUTLIER_SIZE = 4.0
SKEW = 0.9


@dataclass(frozen=True, slots=True)
class Pairs:
    """m pairs of responses.

    responses: (r, k) coordinates, of unit mean square within prompts. first, second: (m,) rows of
    them. prompts: (m,) numbers from 0. outcomes: (m,) who won. chance: (m,) that people prefer the
    first, where it is known as of planted sets. is_fair: (m,) whether a pair may be tested on:
    poison may not. precision: of the prior.
    """

    responses: Floats
    first: Ints
    second: Ints
    prompts: Ints
    outcomes: Ints
    is_fair: NDArray[np.bool_]
    chance: Floats | None = None
    precision: float = PRECISION

    def __len__(self) -> int:
        return len(self.first)

    @property
    def differences(self) -> Floats:
        """(m, k)."""
        return self.responses[self.first] - self.responses[self.second]


Draw = Callable[[int], Pairs]


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """draw: the pairs for a seed; only a planted set differs between seeds. about: a sentence."""

    name: str
    about: str
    draw: Draw


def recorded(pairs: Pairs) -> Draw:
    """Votes as they were given, whatever the seed."""
    return lambda seed: pairs


def every_pair(prompt_of: Ints) -> tuple[Ints, Ints]:
    """Rows (first, second) of all pairs of responses to one prompt; prompt_of: (r,)."""
    first, second = np.triu_indices(len(prompt_of), 1)
    same = prompt_of[first] == prompt_of[second]
    return first[same].astype(np.int64), second[same].astype(np.int64)


def planted(responses: Floats, prompt_of: Ints, change: Callable[[Pairs, Any], Pairs]) -> Draw:
    """Real coordinates with a teacher that is not linear; `change` makes the pool a hard one.

    The teacher is a network of 32 tanh units with random weights; its differences are scaled so
    that a vote agrees with it in 78 %, by the logistic chance of the difference.
    """
    first, second = every_pair(prompt_of)

    def draw(seed: int) -> Pairs:
        random = np.random.default_rng([seed, 77])
        inward = random.normal(size=(responses.shape[1], HIDDEN)) / np.sqrt(responses.shape[1])
        reward = np.tanh(1.5 * responses @ inward) @ random.normal(size=HIDDEN)
        gap = reward[first] - reward[second]
        chance = 1 / (1 + np.exp(-_scale(gap) * gap))
        outcomes = (random.random(len(gap)) >= chance).astype(np.int64)
        pairs = Pairs(
            responses, first, second, prompt_of[first], outcomes, np.ones(len(gap), bool), chance
        )
        return change(pairs, random)

    return draw


def unchanged(pairs: Pairs, random: Any) -> Pairs:
    """Each pair once."""
    return pairs


def near_duplicates(pairs: Pairs, random: Any) -> Pairs:
    """Four near copies more for each pair, all of a tenth of the pairs: 80 % of the pool."""
    sources = random.permutation(len(pairs))[: max(1, int(COPIED * len(pairs)))]
    copied = random.choice(sources, size=COPIES * len(pairs))
    chance = pairs.chance
    if chance is None:
        raise ValueError("Only a planted set can be copied.")
    outcomes = (random.random(len(copied)) >= chance[copied]).astype(np.int64)
    return _joined(pairs, copied, outcomes, random, size=1.0, jitter=JITTER)


def outliers(pairs: Pairs, random: Any) -> Pairs:
    """15 % of the pool: four times as large, and labelled the wrong way round."""
    copied = _drawn(pairs, random)
    chance = pairs.chance if pairs.chance is not None else np.full(len(pairs), 0.5)
    return _joined(
        pairs,
        copied,
        (chance[copied] > 0.5).astype(np.int64),
        random,
        size=OUTLIER_SIZE,
        jitter=0.0,
    )


def coin_flips(pairs: Pairs, random: Any) -> Pairs:
    """15 % of the pool look like any other pair, and people toss a coin over them."""
    copied = _drawn(pairs, random)
    return _joined(pairs, copied, random.integers(0, 2, len(copied)), random, size=1.0, jitter=0.3)


def skewed(pairs: Pairs, random: Any) -> Pairs:
    """Nine tenths of the pool are of one kind of prompt; the test is of all kinds alike.

    Kinds are halves by the largest axis of the prompts' mean coordinates. Pairs of the rarer kind
    are taken from the pool until they are one tenth; held-out prompts keep theirs, because the
    split is drawn by prompt afterwards and unfair pairs are not tested on.
    """
    _prompts, number = np.unique(pairs.prompts, return_inverse=True)
    level = np.bincount(number, weights=pairs.responses[pairs.first, 0]) / np.bincount(number)
    is_rare = (level > np.median(level))[number]
    rare = random.permutation(np.flatnonzero(is_rare))
    kept = int((~is_rare).sum() * (1 - SKEW) / SKEW)
    askable = np.ones(len(pairs), dtype=bool)
    askable[rare[kept:]] = False
    return replace(pairs, prompts=np.where(askable, pairs.prompts, -1 - pairs.prompts))


def prior(factor: float) -> Callable[[Pairs, Any], Pairs]:
    """A prior that is wrong by this factor."""
    return lambda pairs, random: replace(pairs, precision=pairs.precision * factor)


HARD: Mapping[str, tuple[str, Callable[[Pairs, Any], Pairs]]] = {
    "synthetic": ("A planted teacher on real features; every pair is its own.", unchanged),
    "near-duplicates": ("80 % of the pool are near copies of a tenth of it.", near_duplicates),
    "outliers": ("15 % large outliers, labelled the wrong way round.", outliers),
    "coin-flips": ("15 % of the pairs are decided by a coin.", coin_flips),
    "skewed": ("Nine tenths of the pool are of one kind of prompt; the test is not.", skewed),
    "prior-weak": ("The prior is 100 times too weak.", prior(0.01)),
    "prior-strong": ("The prior is 100 times too strong.", prior(100.0)),
}


def _scale(gap: Floats) -> float:
    """The factor on the teacher's differences (m,) at which votes agree with it in 78 %."""
    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = np.sqrt(low * high)
        agreement = float((1 / (1 + np.exp(-middle * np.abs(gap)))).mean())
        low, high = (middle, high) if agreement < AGREEMENT else (low, middle)
    return float(np.sqrt(low * high))


def _drawn(pairs: Pairs, random: Any) -> Ints:
    """As many pairs to copy as make 15 % of what then is the pool."""
    return np.asarray(random.permutation(len(pairs))[: int(len(pairs) * SHARE / (1 - SHARE))])


def _joined(
    pairs: Pairs, copied: Ints, outcomes: Ints, random: Any, *, size: float, jitter: float
) -> Pairs:
    """More pairs beside these, which nobody is tested on: copies with other coordinates."""
    gap = pairs.differences[copied] * size
    noise = random.normal(size=gap.shape) * jitter * gap.std() * np.sqrt(0.5)
    base = len(pairs.responses)
    rows = base + np.arange(len(copied))
    chance = None if pairs.chance is None else np.append(pairs.chance, pairs.chance[copied])
    return replace(
        pairs,
        responses=np.vstack([pairs.responses, pairs.responses[pairs.second[copied]] + gap + noise]),
        first=np.append(pairs.first, rows),
        second=np.append(pairs.second, pairs.second[copied]),
        prompts=np.append(pairs.prompts, pairs.prompts[copied]),
        outcomes=np.append(pairs.outcomes, outcomes),
        is_fair=np.append(pairs.is_fair, np.zeros(len(copied), dtype=bool)),
        chance=chance,
    )


def named_set(name: str) -> LabelledSet:
    """A set that is shipped or planted. Raises Invalid for another name."""
    from alignui.acquisition_study.shipped import crowd, pandalm, real_responses

    if name == "pandalm":
        return LabelledSet(name, "PandaLM: the majority of three people, ties left out.", pandalm())
    if name == "llmfao":
        return LabelledSet(name, "The crowd study's votes, ties left out.", crowd())
    if name not in HARD:
        known = ", ".join(("pandalm", "llmfao", *HARD))
        raise Invalid(f"There is no set “{name}”; there are {known}, project:SLUG and files.")
    about, change = HARD[name]
    return LabelledSet(name, about, planted(*real_responses(), change))
