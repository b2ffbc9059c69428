"""How synthetic annotators judge: a hidden linear utility, Gumbel noise, and human weaknesses.

An annotator values response i of a comparison at

    u_i = temper * (w · f_i + deviation · f_i) + favour * [slot i is the first] + scale * g_i

with features f_i, weights w that all annotators share (the truth that a reward model can find),
their own deviation, and independent standard Gumbel noise g_i, so that without ties the first place
follows a logit model (McFadden 1974) and whole orders follow Plackett-Luce. Values closer than
`indifference` are a tie. Fatigue lets scale and favour grow with every judgment. The careless
one has temper 0 and sees mostly the first slot; the adversarial one has temper -1.

Every answer is a function of the seed, the annotator, how much they have judged, and what was
shown; not of the time or of other threads.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from alignui.simulation.features import NAMES, Features, features, word_count
from annotation.core.scheduling import derive_seed

Kind = Literal["diligent", "careless", "adversarial"]

# Signs that most readers would agree with; the seed decides how much each one counts.
TASTE = {
    "length": 1.5,
    "rambling": -1.5,
    "list": 0.6,
    "repetition": -3.0,
    "on_topic": 1.0,
    "finished": 0.8,
    "empty": -4.0,
}
TASTE_SPREAD = 0.35
CRITERION_SPREAD = 0.5
DEVIATION_SPREAD = 0.3
BOTH_BAD_BELOW = -1.0


@dataclass(frozen=True, slots=True)
class Annotator:
    name: str
    kind: Kind
    temper: float
    deviation: Features
    scale: float
    favour: float
    indifference: float
    fatigue: float
    words_per_second: float


@dataclass(frozen=True, slots=True)
class Population:
    """Annotators and the taste that they share."""

    seed: int
    weights: Features
    annotators: tuple[Annotator, ...]


def draw_population(*, size: int, seed: int) -> Population:
    """One of three or more is careless and one of four or more adversarial; the rest try."""
    random = Random(derive_seed(seed, "taste"))
    weights = {name: TASTE[name] + random.gauss(0, TASTE_SPREAD) for name in NAMES}
    kinds: list[Kind] = ["diligent"] * size
    if size >= 3:
        kinds[-1] = "careless"
    if size >= 4:
        kinds[-2] = "adversarial"
    drawn = (_draw(f"simulated-{n}", kind, seed) for n, kind in enumerate(kinds, start=1))
    return Population(seed=seed, weights=weights, annotators=tuple(drawn))


def answer(
    population: Population, annotator: Annotator, shown: Mapping[str, Any], *, judged: int
) -> dict[str, Any]:
    """The annotator's answer to a presentation of the REST interface, as that expects it.

    `judged` counts what the annotator has judged before: it tires them.
    """
    texts = [str(candidate["text"]) for candidate in shown["candidates"]]
    prompt = str(shown["turns"][-1]["text"])
    random = Random(derive_seed(population.seed, annotator.name, judged, prompt, *texts))
    seen = [features(prompt, text) for text in texts]
    values = _values(annotator, population.weights, seen, judged, random)
    body: dict[str, Any] = _order(annotator, values, shown)
    if shown["allow_both_bad"] and max(values) < BOTH_BAD_BELOW:
        body = {"groups": [list(range(len(texts)))], "both_bad": True}
    body["criteria"] = {
        criterion["key"]: _criterion(population, annotator, criterion, seen, shown, judged, random)
        for criterion in shown["criteria"]
    }
    if shown["confidence"] == "required":
        body["confidence"] = 1 + min(4, int(2 * _gap(values)))
    if shown["rationale"] == "required":
        body["rationale"] = "Written by a simulated annotator."
    words = word_count(prompt) + sum(map(word_count, texts))
    body["active_ms"] = round(1000 * (1.5 + words / annotator.words_per_second))
    return body


def _draw(name: str, kind: Kind, seed: int) -> Annotator:
    random = Random(derive_seed(seed, name))
    is_careless = kind == "careless"
    return Annotator(
        name=name,
        kind=kind,
        temper={"diligent": 1.0, "careless": 0.0, "adversarial": -1.0}[kind],
        deviation={feature: random.gauss(0, DEVIATION_SPREAD) for feature in NAMES},
        scale=random.uniform(0.25, 0.6),
        favour=1.0 if is_careless else random.uniform(0.0, 0.25),
        indifference=0.05 if is_careless else random.uniform(0.1, 0.4),
        fatigue=random.uniform(0.0, 0.01),
        words_per_second=40.0 if is_careless else random.uniform(4.0, 7.0),
    )


def _values(
    annotator: Annotator,
    weights: Features,
    seen: Sequence[Features],
    judged: int,
    random: Random,
) -> list[float]:
    tired = 1 + annotator.fatigue * judged
    return [
        annotator.temper
        * sum((weights[name] + annotator.deviation[name]) * facts[name] for name in NAMES)
        + (annotator.favour * tired if slot == 0 else 0.0)
        + annotator.scale * tired * _gumbel(random)
        for slot, facts in enumerate(seen)
    ]


def _gumbel(random: Random) -> float:
    return -math.log(-math.log(random.uniform(1e-12, 1 - 1e-12)))


def _order(
    annotator: Annotator, values: Sequence[float], shown: Mapping[str, Any]
) -> dict[str, Any]:
    """The values as groups of slots, and between two the strength of the preference."""
    best_first = sorted(range(len(values)), key=lambda slot: -values[slot])
    groups = [[best_first[0]]]
    for slot in best_first[1:]:
        is_tie = values[groups[-1][0]] - values[slot] < annotator.indifference
        if is_tie and shown["allow_tie"]:
            groups[-1].append(slot)
        else:
            groups.append([slot])
    order: dict[str, Any] = {"groups": groups}
    strengths = shown["strengths"]
    if strengths and shown["kind"] == "pairwise" and len(groups) == 2:
        order["strength"] = strengths[min(len(strengths) - 1, int(_gap(values) / 0.9))]
    return order


def _criterion(
    population: Population,
    annotator: Annotator,
    criterion: Mapping[str, Any],
    seen: Sequence[Features],
    shown: Mapping[str, Any],
    judged: int,
    random: Random,
) -> dict[str, Any]:
    """The same annotator by a taste of the criterion's own, near to the overall one."""
    taste = Random(derive_seed(population.seed, "criterion", criterion["key"]))
    weights = {
        name: weight + taste.gauss(0, CRITERION_SPREAD)
        for name, weight in population.weights.items()
    }
    values = _values(annotator, weights, seen, judged, random)
    if criterion["scale"] == "rating":
        return {"ratings": [min(5, max(1, round(3 + value))) for value in values]}
    return _order(annotator, values, shown)


def _gap(values: Sequence[float]) -> float:
    first, second, *_ = sorted(values, reverse=True)
    return first - second
