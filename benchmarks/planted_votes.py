"""Votes whose biases are known because they were planted: what audits must find, and must not.

Two hundred people differ in which side they favour (standard deviation 0.5 in log-odds). They vote
on pairs of twelve policies' responses, whose features, suggestions, moments and readers are drawn
at random. Sizes of style effects follow Chiang et al. (2024), style control in Chatbot Arena.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from annotation.core.covariates import Covariate
from annotation.core.vote_facts import VoteFacts, covariates_of

Floats = NDArray[np.float64]

SIDE_SD = 0.5
ATTENUATION = float(1 / np.sqrt(1 + SIDE_SD**2 * (16 * np.sqrt(3) / (15 * np.pi)) ** 2))
"""What averaging over people's sides leaves of a log-odds (Zeger, Liang and Albert 1988)."""

PUBLISHED: Mapping[str, float] = {
    "position": 0.10,
    "length": 0.25,
    "lists": 0.03,
    "headings": 0.02,
    "bold": 0.02,
    "code": 0.10,
    "refusal": -0.40,
    "sycophancy": 0.20,
    "identity": 0.15,
    "own_family": 0.25,
    "anchoring": 0.30,
    "criteria_order": 0.15,
    "position × reading speed": 0.08,
    "length × session": 0.08,
    "length × age=55+": 0.20,
}
"""Log-odds by covariate, fifteen kinds of bias; every other covariate does nothing."""


@dataclass(frozen=True, slots=True)
class Planted:
    facts: VoteFacts
    covariates: tuple[Covariate, ...]
    truth: Mapping[str, float]


def planted_votes(
    seed: int, *, truth: Mapping[str, float], annotators: int = 200, each: int = 100
) -> Planted:
    """`each` decided votes of every annotator; `truth` gives log-odds by covariate key."""
    random = np.random.default_rng(seed)
    n = annotators * each
    facts = _facts(random, annotators, each)
    covariates = covariates_of(facts, group_features=("length",))
    strengths = random.normal(0, 0.5, 12)
    sides = random.normal(0, SIDE_SD, annotators)[facts.annotators]
    logits = sides + strengths[facts.first_policies] - strengths[facts.second_policies]
    for covariate in covariates:
        logits += truth.get(covariate.key, 0.0) * covariate.values
        if covariate.is_nuisance:
            logits += 0.3 * covariate.values  # suggestions and other criteria tell of quality
    won = random.random(n) < expit(logits)
    return Planted(replace(facts, first_won=won), covariates, truth)


def _facts(random: np.random.Generator, annotators: int, each: int) -> VoteFacts:
    n = annotators * each
    who = np.repeat(np.arange(annotators), each)
    policies = random.permuted(np.tile(np.arange(12), (n, 1)), axis=1)
    first, second = _features(random, n), _features(random, n)
    pace = random.lognormal(3.5, 0.5, annotators)[who]
    is_judge = random.random(n) < 0.15
    families = np.array(["north", "south", "east"])
    return VoteFacts(
        first_won=np.zeros(n, dtype=np.bool_),
        annotators=who,
        items=random.integers(0, n // 5, n),
        first_policies=policies[:, 0],
        second_policies=policies[:, 1],
        first_features=first,
        second_features=second,
        first_agrees=(random.random(n) < 0.5).astype(float),
        second_agrees=(random.random(n) < 0.5).astype(float),
        seconds=pace * (first[:, 1] + second[:, 1]) ** 0.3 * random.lognormal(0, 0.5, n) / 5,
        session_place=np.tile(np.arange(each) % 40, annotators).astype(float),
        hours=random.normal(15, 5, n) % 24,
        days=np.tile(np.linspace(0, 30, each), annotators),
        suggested=random.choice([-1.0, 0.0, 1.0], n),
        suggestion_shown=random.random(n) < 0.5,
        other_criterion=random.choice([-1.0, 0.0, 1.0], n),
        other_asked_before=random.random(n) < 0.5,
        first_leaks=random.random(n) < 0.1,
        second_leaks=random.random(n) < 0.1,
        judge_families=np.where(is_judge, families[who % 3], ""),
        first_families=families[policies[:, 0] % 3],
        second_families=families[policies[:, 1] % 3],
        groups={
            "age": np.array(["18-34", "35-54", "35-54", "55+"])[who % 4],
            "region": np.array(["a", "b", "b", "c", "d", "d", "d"])[who % 7],
        },
    )


def _features(random: np.random.Generator, n: int) -> Floats:
    """(n, 7) as counted of texts: longer ones have more of everything."""
    words = random.lognormal(5, 0.8, n).round() + 1
    counts = [random.poisson(rate * np.sqrt(words)) for rate in (0.3, 0.1, 0.2, 0.05)]
    is_refusal = random.random(n) < 0.08
    return np.column_stack([words * 6, words, *counts, is_refusal]).astype(float)
