"""Planted biases are found, nothing else is, and what cannot be told is said in a sentence."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from math import isfinite

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from annotation.core.bias_model import BiasModel, Rules, bias_model
from annotation.core.covariates import Covariate, position, presence_difference
from annotation.core.vote_facts import VoteFacts, covariates_of
from benchmarks.planted_votes import ATTENUATION, PUBLISHED, planted_votes
from tests.annotation.core.conftest import golden_rows


def of_lengths(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Feature tables that know only characters."""
    none = np.zeros((len(first), 6))
    return np.column_stack([first, none]), np.column_stack([second, none])


def crowd(votes: list[dict[str, str]]) -> VoteFacts:
    decided = [vote for vote in votes if vote["winner"] != "tie"]

    def column(name: str) -> np.ndarray:
        return np.array([int(vote[name]) for vote in decided])

    first, second = of_lengths(column("left_length"), column("right_length"))
    return VoteFacts(
        first_won=np.array([vote["winner"] == "left" for vote in decided]),
        annotators=column("worker"),
        items=column("pair"),
        first_features=first,
        second_features=second,
    )


def panel() -> VoteFacts:
    lengths = {row["pair"]: row for row in golden_rows("pandalm-lengths.csv")}
    rows = [
        (row[f"annotator{k}"] == "1", k, int(row["pair"]),
         int(lengths[row["pair"]]["first_length"]), int(lengths[row["pair"]]["second_length"]))
        for row in golden_rows("pandalm-labels.csv")
        for k in (1, 2, 3)
        if row[f"annotator{k}"] != "0" and all(lengths[row["pair"]].values())
    ]  # fmt: skip
    won, who, pair, a, b = (np.array(column) for column in zip(*rows, strict=True))
    first, second = of_lengths(a, b)
    return VoteFacts(won, who, pair, first_features=first, second_features=second)


def simple(
    seed: int,
    *,
    people: int = 40,
    each: int = 50,
    truth: Mapping[str, float] | None = None,
    side_sd: float = 0.5,
) -> tuple[VoteFacts, list[Covariate]]:
    """Votes with a position, a presence "code" and a continuous "length"."""
    random = np.random.default_rng(seed)
    n = people * each
    who = np.repeat(np.arange(people), each)
    columns = [
        position(n),
        Covariate("length", "length", "the longer", "the shorter", "", random.normal(size=n)),
        presence_difference("code", random.random(n) < 0.4, random.random(n) < 0.4,
                            favours="code", opposes="no code"),
    ]  # fmt: skip
    logits = random.normal(0, side_sd, people)[who] if side_sd else np.zeros(n)
    for column in columns:
        logits = logits + (truth or {}).get(column.key, 0.0) * column.values
    return VoteFacts(random.random(n) < expit(logits), who), columns


def sentences_only(model: BiasModel) -> bool:
    return all(
        effect.estimate is None and effect.status == "untold" and len(effect.verdict) > 20
        for effect in model.effects
    )


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [x for each in value.values() for x in numbers(each)]
    if isinstance(value, list | tuple):
        return [x for each in value for x in numbers(each)]
    return [float(value)] if isinstance(value, int | float) else []


@pytest.fixture(scope="module")
def planted() -> list[tuple[BiasModel, Mapping[str, float]]]:
    sets = [planted_votes(seed, truth=PUBLISHED) for seed in range(8)]
    return [(bias_model(each.facts, each.covariates), each.truth) for each in sets]


def test_there_are_twenty_seven_audits_of_fifteen_planted_kinds(planted: list) -> None:
    model, truth = planted[0]
    assert len(model.effects) == 27
    assert len(truth) == 15
    assert set(truth) <= {effect.key for effect in model.effects}
    assert (model.n, model.n_annotators, model.n_policies) == (20_000, 200, 12)


def test_what_the_detectable_effect_promises_is_found(planted: list) -> None:
    kept = [
        model[key].status == "found"
        for model, truth in planted
        for key, size in truth.items()
        if abs(size) * ATTENUATION >= model[key].estimate.detectable
    ]
    assert len(kept) > 55
    assert np.mean(kept) >= 0.95


def test_what_is_found_was_planted(planted: list) -> None:
    false = [
        np.mean([effect.key not in truth for effect in model.found]) for model, truth in planted
    ]
    assert np.mean(false) <= 0.05


def test_estimates_are_what_was_planted_less_what_averaging_takes(planted: list) -> None:
    outside = 0
    for key, size in PUBLISHED.items():
        mean = np.mean([model[key].estimate.log_odds for model, _ in planted])
        error = np.mean([m[key].estimate.high - m[key].estimate.low for m, _ in planted]) / 3.92
        outside += abs(mean - size * ATTENUATION) > 3 * error / np.sqrt(8)
    assert outside == 0


def test_nothing_planted_nothing_found() -> None:
    sets = [planted_votes(50 + seed, truth={}) for seed in range(6)]
    found = [bias_model(each.facts, each.covariates).found for each in sets]
    assert sum(map(bool, found)) <= 1


def test_the_crowd_goes_left_and_for_the_shorter(crowd_votes: list[dict[str, str]]) -> None:
    model = bias_model(crowd(crowd_votes))
    side, length = model["position"], model["length"]
    assert side.share.value == pytest.approx(2911 / 5460)
    assert 0.5 < side.share.low < 0.51
    assert length.share.value == pytest.approx(0.41, abs=0.005)
    assert length.share.high < 0.5
    assert (side.status, length.status) == ("found", "found")
    assert "favour the response shown first" in side.verdict
    assert "favour the shorter response" in length.verdict
    assert length.estimate.high < 0
    # A few people gave most votes: 124 of them inform like about forty.
    assert 30 < side.estimate.df < 60
    assert model["bold"].verdict.startswith("In no vote")


def test_the_panel_prefers_the_longer() -> None:
    model = bias_model(panel())
    length = model["length"]
    assert length.share.value == pytest.approx(0.67, abs=0.005)
    assert 0.5 < length.share.low < 0.64 < 0.7 < length.share.high
    assert "the longer response" in length.verdict
    assert "Only 3 annotators" in model.note


def test_the_fit_is_the_joint_maximum_of_the_likelihood() -> None:
    facts, columns = simple(1, truth={"position": 0.2, "length": 0.4, "code": -0.3})
    x = np.column_stack([column.values for column in columns])
    signs = np.where(facts.first_won, 1.0, -1.0)
    best = minimize(lambda w: np.logaddexp(0, -signs * (x @ w)).sum(), np.zeros(3), tol=1e-12)
    model = bias_model(facts, columns)
    found = [effect.estimate.log_odds for effect in model.effects]
    assert found == pytest.approx(best.x, abs=1e-5)
    # The average marginal effect is the slope of the mean chance, here by finite differences.
    step = 1e-5
    for k, effect in enumerate(model.effects):
        moved = expit(x @ best.x + step * best.x[k]).mean() - expit(x @ best.x).mean()
        assert effect.estimate.shift == pytest.approx(moved / step, abs=1e-5)


def test_strengths_of_policies_stand_beside_what_they_would_pass_for() -> None:
    random = np.random.default_rng(2)
    n = 6000
    first, second = random.integers(0, 6, n), random.integers(0, 6, n)
    length = random.normal(size=n) + 0.6 * (first - second)  # better policies write more
    facts = VoteFacts(
        random.random(n) < expit(0.7 * (first - second)), np.repeat(np.arange(60), 100)
    )
    columns = [position(n), Covariate("length", "length", "longer", "shorter", "", length)]
    assert bias_model(facts, columns)["length"].status == "found"
    beside = bias_model(replace(facts, first_policies=first, second_policies=second), columns)
    assert abs(beside["length"].estimate.log_odds) < 0.1
    assert "6 policies" in beside.method


def test_a_policy_that_always_stands_first_hides_what_position_does() -> None:
    random = np.random.default_rng(4)
    n = 400
    first, second = np.zeros(n, dtype=np.int64), random.integers(1, 3, n)
    facts = VoteFacts(
        random.random(n) < 0.7, np.repeat(np.arange(20), 20),
        first_policies=first, second_policies=second,
    )  # fmt: skip
    columns = [position(n), Covariate("length", "length", "a", "b", "", random.normal(size=n))]
    model = bias_model(facts, columns)
    assert model["position"].status == "untold"
    assert "which policy wrote" in model["position"].verdict
    assert model["position"].share.value == pytest.approx(facts.first_won.mean())
    assert model["length"].estimate is not None


def test_an_unknown_order_informs_all_but_position() -> None:
    facts, columns = simple(6, truth={"position": 0.3, "length": 0.4})
    known = np.arange(len(facts.first_won)) % 2 == 0
    some = [position(len(known), known), *columns[1:]]
    turned = [some[0], *(replace(c, values=np.where(known, c.values, -c.values)) for c in some[1:])]
    mirrored = replace(facts, first_won=facts.first_won ^ ~known)
    one, other = bias_model(facts, some), bias_model(mirrored, turned)
    assert one["position"].n == known.sum()
    assert one["position"].n_unknown == (~known).sum()
    for a, b in zip(one.effects, other.effects, strict=True):
        assert a.estimate.log_odds == pytest.approx(b.estimate.log_odds, abs=1e-8)
        assert a.estimate.high == pytest.approx(b.estimate.high, abs=1e-8)


def test_swapping_sides_turns_signs_of_nothing_but_position() -> None:
    facts, columns = simple(3, truth={"position": 0.2, "length": 0.4})
    swapped = [columns[0], *(replace(c, values=-c.values) for c in columns[1:])]
    one = bias_model(facts, columns)
    other = bias_model(replace(facts, first_won=~facts.first_won), swapped)
    assert other["position"].estimate.log_odds == pytest.approx(-one["position"].estimate.log_odds)
    for key in ("length", "code"):
        assert other[key].estimate.log_odds == pytest.approx(one[key].estimate.log_odds)
        assert other[key].p_value == pytest.approx(one[key].p_value)


@pytest.mark.parametrize("people", [4, 9])
def test_few_people_are_seldom_wrong(people: int) -> None:
    sets = [simple(seed, people=people, each=60) for seed in range(120)]
    models = [bias_model(facts, columns) for facts, columns in sets]
    wrong = np.mean([[each.p_value <= 0.05 for each in model.effects] for model in models], axis=0)
    assert np.all(wrong <= 0.1)


def test_so_few_signs_can_be_turned_that_nothing_could_be_found() -> None:
    facts, columns = simple(1, people=6, each=400, truth={"length": 1.0})
    model = bias_model(facts, columns)
    assert "turned" in model.method
    assert model["length"].p_value == pytest.approx(2 / 64)
    assert model["code"].estimate.detectable is None
    assert "no effect, however large" in model["code"].verdict


def test_few_people_get_the_same_answer_from_the_same_seed() -> None:
    facts, columns = simple(1, people=14)
    once, again = (bias_model(facts, columns, rules=Rules(seed=4)) for _ in range(2))
    assert asdict(once) == asdict(again)


def test_none_found_says_what_would_have_been() -> None:
    facts, columns = simple(5, people=100, each=100, side_sd=0)
    verdict = bias_model(facts, columns)["length"].verdict
    assert verdict.startswith("No sign that votes favour the longer or the shorter")
    assert "would have been found with 95% probability" in verdict
    facts, columns = simple(5, people=8, each=10)
    assert bias_model(facts, columns)["length"].verdict.startswith("Too little to tell")


def test_a_covariate_that_decides_every_vote_leaves_the_others_as_they_are() -> None:
    facts, columns = simple(7, truth={"length": 0.5})
    code = columns[2].values
    facts = replace(facts, first_won=np.where(code != 0, code < 0, facts.first_won))
    model = bias_model(facts, columns)
    assert model["code"].status == "found"
    assert model["code"].estimate is None
    assert model["code"].share.value == 0
    assert "go to no code, so no odds can be given" in model["code"].verdict
    rest = code == 0
    alone = bias_model(
        VoteFacts(facts.first_won[rest], facts.annotators[rest]),
        [replace(c, values=c.values[rest]) for c in columns[:2]],
    )
    assert model["length"].estimate.log_odds == pytest.approx(alone["length"].estimate.log_odds)


def test_separation_by_two_together_is_said_of_both() -> None:
    facts, columns = simple(8)
    sides = np.where(facts.first_won, 1.0, -1.0)
    columns[2] = replace(columns[2], values=4 * sides - columns[1].values)
    model = bias_model(facts, columns)
    assert model["length"].estimate is None
    assert model["code"].estimate is None
    assert "without a single error" in model["length"].verdict


def test_columns_that_cannot_be_told_apart_name_each_other() -> None:
    facts, columns = simple(9, truth={"length": 0.5})
    twin = replace(columns[1], key="bold", values=2 * columns[1].values)
    model = bias_model(facts, [*columns, twin])
    assert model["bold"].estimate is None
    assert "cannot be told apart from length" in model["bold"].verdict
    assert "stands for bold too" in model["length"].note
    assert model["length"].status == "found"


def test_a_constant_and_a_rarity_are_sentences() -> None:
    facts, columns = simple(10)
    rare = replace(columns[2], key="rare", values=np.where(np.arange(2000) < 5, 1.0, 0.0))
    model = bias_model(facts, [*columns, replace(rare, key="same", values=np.zeros(2000)), rare])
    assert "In no vote do the two responses differ" in model["same"].verdict
    assert model["rare"].verdict.startswith("Only 5 votes differ in this, by 1 annotator")
    assert model["length"].estimate is not None


def test_what_one_person_alone_tells_is_no_bias_of_all() -> None:
    facts, columns = simple(11, truth={"position": 0.3})
    values = np.where(facts.annotators == 3, columns[1].values, 0.0)
    values[np.flatnonzero(facts.annotators == 5)[0]] = 1e-4
    model = bias_model(facts, [columns[0], replace(columns[1], values=values)])
    assert model["length"].estimate is None
    assert "comes from one annotator" in model["length"].verdict


def test_no_vote_one_vote_one_annotator() -> None:
    facts, columns = simple(12)
    for rows in (np.arange(0), np.arange(1), np.arange(50)):
        few = VoteFacts(facts.first_won[rows], facts.annotators[rows])
        model = bias_model(few, [replace(c, values=c.values[rows]) for c in columns])
        assert sentences_only(model)
    assert "one annotator" in model["length"].verdict


def test_every_vote_for_one_side() -> None:
    facts, columns = simple(13)
    model = bias_model(replace(facts, first_won=np.ones(2000, dtype=bool)), columns)
    assert model["position"].share.value == 1
    assert "go to the response shown first" in model["position"].verdict
    assert model["length"].estimate is None


@pytest.mark.parametrize("seed", range(25))
def test_no_figure_is_ever_nan_or_infinite(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 90))
    labels = random.choice(["a", "b", ""], n)
    facts = VoteFacts(
        first_won=random.random(n) < random.choice([0.02, 0.5]),
        annotators=random.integers(0, random.integers(1, 12), n),
        items=random.integers(0, 5, n) if seed % 2 else None,
        first_policies=random.integers(0, 3, n),
        second_policies=random.integers(0, 3, n),
        first_features=random.poisson(0.4, (n, 7)).astype(float),
        second_features=random.poisson(0.4, (n, 7)).astype(float),
        seconds=random.choice([np.nan, 0.0, 3.0, 60.0], n),
        hours=random.choice([np.nan, 3.0, 15.0], n),
        suggested=random.choice([np.nan, -1.0, 0.0, 1.0], n),
        suggestion_shown=random.random(n) < 0.5,
        groups={"region": labels},
    )
    model = bias_model(facts, covariates_of(facts))
    assert all(isfinite(x) for x in numbers(asdict(model)))
    assert all(effect.verdict for effect in model.effects)
    assert not any(word in effect.verdict for effect in model.effects for word in ("nan", "inf "))
