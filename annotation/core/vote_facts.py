"""What a project knows of its votes, and the covariates that follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.core.bias_verdicts import Cluster
from annotation.core.covariates import (
    Context,
    Covariate,
    Kind,
    carried_over,
    context,
    group_interactions,
    interaction,
    own_family,
    position,
    presence_difference,
    relative_difference,
)
from annotation.core.text_features import TextFeatures

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class VoteFacts:
    """What is known of n decided votes (no ties) on pairs; arrays of shape (n,) unless told.

    What a project does not know stays None; what is unknown of one vote is NaN (or "" of a group).

    annotators, items, policies: ids; items are comparisons or prompts, whose votes are alike too.
    cluster: what `annotators` are: of one judge's votes prompts or comparisons stand in for them.
    order_known: False where any order stands in for the one shown; such a vote says nothing of
        position, and all that it says of the rest.
    first_features, second_features: (n, 7), rows of `text_features.features_table`.
    first_agrees, second_agrees: does the response take the user's stated side? 1 or 0.
    seconds: active reading time. session_place: judgments since the sitting began. hours: local
        time of day, 0 to 24. days: since the project's first vote.
    suggested: 1 where a suggestion named the first, -1 the second, 0 none; known also where it was
        hidden. suggestion_shown: whether the annotator saw it.
    other_criterion: 1 where the first won on another criterion, -1 the second, 0 a tie.
        other_asked_before: whether that criterion was asked before this one.
    first_leaks, second_leaks: whether the response says who wrote it.
    judge_families: a model's family where a model judged, "" where a person did; with
        first_families and second_families, of the policies.
    groups: attribute to (n,) labels of the annotators, "" where they gave none.
    """

    first_won: Flags
    annotators: Ints
    items: Ints | None = None
    order_known: Flags | None = None
    first_policies: Ints | None = None
    second_policies: Ints | None = None
    first_features: Floats | None = None
    second_features: Floats | None = None
    first_agrees: Floats | None = None
    second_agrees: Floats | None = None
    seconds: Floats | None = None
    session_place: Floats | None = None
    hours: Floats | None = None
    days: Floats | None = None
    suggested: Floats | None = None
    suggestion_shown: Flags | None = None
    other_criterion: Floats | None = None
    other_asked_before: Flags | None = None
    first_leaks: Flags | None = None
    second_leaks: Flags | None = None
    judge_families: Labels | None = None
    first_families: Labels | None = None
    second_families: Labels | None = None
    groups: Mapping[str, Labels] | None = None
    cluster: Cluster = "annotator"


def covariates_of(
    facts: VoteFacts, *, group_features: Sequence[str] = ("position", "length")
) -> tuple[Covariate, ...]:
    """Every covariate that these facts allow, position first.

    Contexts (time, fatigue) and annotator groups are asked whether they change what position
    and length do: by themselves they cannot favour a response.
    """
    first = position(len(facts.first_won), facts.order_known)
    plain = [first, *_of_texts(facts), *_of_answers(facts)]
    by_key = {covariate.key: covariate for covariate in plain}
    changed = [by_key[key] for key in ("position", "length") if key in by_key]
    fatigue = [interaction(each, context) for context in contexts_of(facts) for each in changed]
    grouped = [by_key[key] for key in group_features if key in by_key]
    groups = [
        column
        for attribute, labels in (facts.groups or {}).items()
        for each in grouped
        for column in group_interactions(each, attribute, labels, facts.annotators)
    ]
    return (*plain, *fatigue, *groups)


_RELATIVE: tuple[tuple[Kind, str, str, str], ...] = (
    ("length", "characters", "the longer response", "the shorter response"),
    ("lists", "list_items", "the response with more list items", "the one with fewer list items"),
    ("headings", "headings", "the response with more headings", "the one with fewer headings"),
    ("bold", "bold", "the response with more in bold", "the one with less in bold"),
    ("code", "code", "the response with more code", "the one with less code"),
)


def _of_texts(facts: VoteFacts) -> list[Covariate]:
    first, second = facts.first_features, facts.second_features
    if first is None or second is None:
        return []
    at = {name: column for column, name in enumerate(TextFeatures._fields)}
    relative = [
        relative_difference(
            kind, first[:, at[name]], second[:, at[name]], favours=favours, opposes=opposes
        )
        for kind, name, favours, opposes in _RELATIVE
    ]
    refusal = presence_difference(
        "refusal",
        first[:, at["is_refusal"]],
        second[:, at["is_refusal"]],
        favours="the response that refuses",
        opposes="the response that does not refuse",
    )
    return [*relative, refusal]


def _of_answers(facts: VoteFacts) -> list[Covariate]:
    found: list[Covariate] = []
    if facts.first_agrees is not None and facts.second_agrees is not None:
        sides = ("the response that takes the user's side", "the one that does not take it")
        found.append(_presence("sycophancy", facts.first_agrees, facts.second_agrees, sides))
    if facts.first_leaks is not None and facts.second_leaks is not None:
        sides = ("the response that says who wrote it", "the one that does not say it")
        found.append(_presence("identity", facts.first_leaks, facts.second_leaks, sides))
    families = (facts.judge_families, facts.first_families, facts.second_families)
    if families[0] is not None and families[1] is not None and families[2] is not None:
        found.append(own_family(families[0], families[1], families[2]))
    if facts.suggested is not None and facts.suggestion_shown is not None:
        favours, opposes = "what a shown suggestion names", "the opposite of a shown suggestion"
        found += carried_over(
            "anchoring", facts.suggested, facts.suggestion_shown, favours=favours, opposes=opposes
        )
    if facts.other_criterion is not None and facts.other_asked_before is not None:
        favours = "what won on a criterion asked just before"
        found += carried_over(
            "criteria_order",
            facts.other_criterion,
            facts.other_asked_before,
            favours=favours,
            opposes="what lost on a criterion asked just before",
        )
    return found


def _presence(
    kind: Kind, first: Floats | Flags, second: Floats | Flags, sides: tuple[str, str]
) -> Covariate:
    return presence_difference(
        kind,
        np.asarray(first, dtype=np.float64),
        np.asarray(second, dtype=np.float64),
        favours=sides[0],
        opposes=sides[1],
    )


def contexts_of(facts: VoteFacts) -> list[Context]:
    """The moments that these facts tell of: reading time and speed, fatigue, hour, and trend."""
    found: list[Context] = []
    if facts.seconds is not None:
        log_seconds = _log(facts.seconds)
        found.append(context("reading time", "reading_time", "when they take longer", log_seconds))
        if facts.first_features is not None and facts.second_features is not None:
            words = (facts.first_features + facts.second_features)[:, 1]
            speed = _log(words) - log_seconds
            found.append(context("reading speed", "reading_speed", "when they read faster", speed))
    if facts.session_place is not None:
        place = _log(facts.session_place + 1)
        found.append(context("session", "session", "later in a sitting", place))
    if facts.hours is not None:
        night = np.cos(2 * np.pi * (facts.hours - 3) / 24)
        found.append(context("time of day", "time_of_day", "at night", night))
    if facts.days is not None:
        found.append(context("trend", "trend", "as the project goes on", facts.days))
    return found


def _log(values: Floats) -> Floats:
    """Natural logarithms; NaN where there is none."""
    known = np.isfinite(values) & (values > 0)
    return np.asarray(np.log(values, out=np.full(len(values), np.nan), where=known))
