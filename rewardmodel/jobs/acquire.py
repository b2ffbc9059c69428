"""Acquisition: weigh the pairs nobody was asked about, and open the next batch."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from annotation.core.errors import Invalid
from annotation.core.scheduling import derive_seed
from annotation.models import Project
from annotation.services.runs import RunHandle
from rewardmodel import selectors, services
from rewardmodel.core.beliefs import entropy
from rewardmodel.core.errors import RewardModelError
from rewardmodel.core.function_names import FUNCTION_NAMES, RANDOM
from rewardmodel.core.maps import flat_map
from rewardmodel.core.portfolio import (
    PORTFOLIO,
    Shares,
    known_share,
    portfolio_shares,
    prior_shares,
    reward_spread,
)
from rewardmodel.core.selection import Limits, Plan, Selection, select
from rewardmodel.jobs import reading
from rewardmodel.jobs.foresight import with_standings
from rewardmodel.jobs.pool import Ground, ground
from rewardmodel.models import AcquisitionRound, Checkpoint, Considered
from rewardmodel.selectors import Pair

# A pool that is larger is too large to weigh and to keep a record of.
MOST_CONSIDERED = 20_000
LIMITS = Limits(per_prompt=3)
NOTHING_LEFT = (
    "Every pair of responses has been shown already. Generate or import more, and the next round "
    "is opened."
)
SEED_LIMIT = 2**31
NARROWING = "leaderboard_narrowing"
# What can be weighed from means and deviations alone.
FROM_SCORES = {RANDOM, "uncertainty", "bald", "delta_ucb", NARROWING}


@dataclass(frozen=True, slots=True)
class _Weighed:
    """What a round decided before anything is opened."""

    function: str
    ground: Ground
    selection: Selection
    shares: Shares


def acquisition_work(handle: RunHandle) -> Mapping[str, object]:
    """Opens one round: the pairs of most utility, and a control arm drawn at random.

    Without a checkpoint everything is drawn at random, and the round says so. Where nothing is left
    to ask, none is opened. A run that is delivered again finds its round and opens nothing.
    """
    if earlier := AcquisitionRound.objects.filter(run=handle.run).first():
        return _told(earlier)
    project, started = handle.project, time.monotonic()
    size = _size(project)
    checkpoint = selectors.checkpoint_in_use(project)
    uncompared = _uncompared(handle, checkpoint)
    if not len(uncompared):
        handle.progress(3, 3, NOTHING_LEFT)
        return {"considered": 0, "opened": 0}
    seed = derive_seed(project.seed, "round", handle.run.pk) % SEED_LIMIT
    tested = selectors.pairs_to_test_on(project, _share_of(project, size), seed=seed)
    considered = uncompared.draw(MOST_CONSIDERED, seed=seed)
    handle.progress(1, 3, f"Weighing {len(considered):,} of {len(uncompared):,} pairs")
    weighed = _weigh(project, checkpoint, considered, size - len(tested), seed)
    handle.progress(2, 3, "Opening the batch")
    opened = services.round_open(
        run=handle.run,
        checkpoint=checkpoint,
        function=weighed.function,
        unit=project.acquisition_unit,
        reason=weighed.shares.reason,
        detail=_detail(weighed, considered, project, len(tested)),
        seed=seed,
        choices=_choices(weighed, considered),
        tested=tested,
        n_considered=len(uncompared),
        seconds=time.monotonic() - started,
    )
    handle.progress(3, 3, f"Opened {opened.size} comparisons.")
    return _told(opened)


def _uncompared(handle: RunHandle, checkpoint: Checkpoint | None) -> selectors.Uncompared:
    """The pairs that can be weighed. Raises Invalid where others are left, and cannot be.

    Completions that come while the others are read wait for the next round.
    """
    project, among = handle.project, None
    if checkpoint is not None:
        is_embedded = checkpoint.kind == Checkpoint.Kind.EMBEDDED
        if is_embedded:
            reading.read_missing(handle, project)
        if not is_embedded or checkpoint.extractor == reading.extractor_id():
            among = selectors.completions_weighable(checkpoint)
    found = selectors.Uncompared(project, among=among)
    if found.passed_over:
        handle.log(
            f"{found.passed_over:,} responses are not weighed: they are newer than what the reward "
            "model has read, or it could not read them."
        )
    if not len(found) and found.passed_over and checkpoint is not None:
        what = "features" if checkpoint.kind == Checkpoint.Kind.EMBEDDED else "score"
        raise Invalid(
            f"{found.passed_over:,} responses have no {what} by the reward model in use, and every "
            "pair of the others has been shown already.",
            hint="Train again, then open the next batch.",
        )
    return found


def _told(opened: AcquisitionRound) -> Mapping[str, object]:
    return {"round": opened.pk, "considered": opened.n_considered, "opened": opened.size}


def _size(project: Project) -> int:
    """Pairs that this round may open. Raises Invalid where the budget is used up, or for an
    unknown function."""
    if project.acquisition_function not in FUNCTION_NAMES:
        raise Invalid(
            f"There is no acquisition function “{project.acquisition_function}”.",
            hint=f"Choose one of {', '.join(FUNCTION_NAMES)} in the project's settings.",
        )
    left = selectors.budget_left(project)
    if left is None:
        return project.acquisition_size
    affordable = min(project.acquisition_size, left // max(project.overlap, 1))
    if affordable < 1:
        asked = selectors.judgments_asked_for(project)
        raise Invalid(
            f"The budget is used up: rounds have asked for {asked:,} of "
            f"{project.acquisition_budget:,} judgments.",
            hint="Raise the budget in the project's settings to go on.",
        )
    return affordable


def _share_of(project: Project, size: int) -> int:
    """How many of a round's pairs are of held-out prompts: one at least where any are wanted, and
    never all."""
    wanted = round(project.evaluation_share * size)
    return min(max(wanted, 1 if project.evaluation_share else 0), size - 1)


def _weigh(
    project: Project, checkpoint: Checkpoint | None, pairs: Sequence[Pair], size: int, seed: int
) -> _Weighed:
    found = ground(project, checkpoint, pairs)
    if not project.acquisition_weighs_cost:
        found = replace(found, pool=replace(found.pool, seconds=None))
    function, shares = _shares(project, checkpoint, found, seed)
    if NARROWING in shares.shares:
        found = replace(found, pool=with_standings(project, found.pool, pairs))
    plan = Plan(
        size=size,
        control_share=project.control_share,
        shares=shares.shares,
        seed=seed,
        limits=LIMITS,
        unit=project.acquisition_unit,
        asked=None if found.asked is None else found.asked.differences,
    )
    try:
        selection = select(found.pool, found.beliefs, plan)
    except RewardModelError as error:
        raise Invalid(error.message, hint=error.hint) from error
    return _Weighed(function, found, selection, _with_note(shares, found, selection, size))


def _shares(
    project: Project, checkpoint: Checkpoint | None, found: Ground, seed: int
) -> tuple[str, Shares]:
    """The function that the round is recorded under, and how it divides the batch, with reason."""
    function = project.acquisition_function
    if checkpoint is None:
        return RANDOM, Shares({RANDOM: 1.0}, {}, found.note)
    if found.asked is None and function not in FROM_SCORES:
        return "bald", Shares({"bald": 1.0}, {}, found.note)
    if function != PORTFOLIO or found.asked is None:
        return function, Shares({function: 1.0}, {}, FUNCTION_NAMES[function])
    moments = found.pool.moments(found.beliefs)
    known, spread = known_share(*moments), reward_spread(*moments)
    return PORTFOLIO, portfolio_shares(
        found.beliefs, found.asked, known=known, spread=spread, seed=seed
    )


def _with_note(shares: Shares, found: Ground, selection: Selection, size: int) -> Shares:
    """The reason, with what else a lead should know of this round."""
    notes = [shares.reason]
    utilities = selection.utilities
    if set(shares.shares) != {RANDOM} and len(utilities) > 1 and np.ptp(utilities) == 0:
        notes.append("All pairs were worth the same, so chance decided among them.")
    opened = len(selection.acquired) + len(selection.control)
    if opened < size:
        notes.append(
            f"Only {opened} of {size} were opened: the rest are near to what was asked already, or "
            "too many of one prompt."
        )
    return replace(shares, reason=" ".join(note for note in notes if note))


def _choices(weighed: _Weighed, pairs: Sequence[Pair]) -> list[services.Choice]:
    """Every pair that was looked at, with what explains its utility."""
    details = _details(weighed.ground)
    arms = dict.fromkeys(range(len(pairs)), Considered.Arm.PASSED)
    for chosen in weighed.selection.acquired:
        arms[chosen.index] = Considered.Arm.ACQUIRED
        details[chosen.index] |= {
            "function": chosen.function, "nearest": round(chosen.similarity, 3),
            "utility_then": float(f"{chosen.utility:.4g}"),
        }  # fmt: skip
    for chosen in weighed.selection.control:
        arms[chosen.index] = Considered.Arm.CONTROL
    utilities = weighed.selection.utilities.tolist()
    return [
        services.Choice(pair, utilities[index], arms[index], details[index])
        for index, pair in enumerate(pairs)
    ]


def _details(found: Ground) -> list[dict[str, object]]:
    """Of each pair: entropy at the posterior mean, sd of the difference, the chance that two people
    disagree, and seconds; nothing that is not known."""
    pool = found.pool
    if found.asked is None and pool.known is None:
        return [{} for _ in range(len(pool))]
    mean, variance = pool.moments(found.beliefs)
    chances = found.beliefs.probabilities(np.asarray(mean, dtype=float))
    columns = {
        "entropy": entropy(chances),
        "sd": np.sqrt(variance),
        "disagreement": 1 - (chances**2).sum(axis=1),
    }
    if found.seconds is not None:
        columns["seconds"] = found.seconds
    rounded = {name: np.round(values.astype(float), 3).tolist() for name, values in columns.items()}
    return [{name: values[row] for name, values in rounded.items()} for row in range(len(pool))]


def _detail(
    weighed: _Weighed, pairs: Sequence[Pair], project: Project, n_tested: int
) -> dict[str, object]:
    """The round's own record: the portfolio's shares and credits, the map, the cost; pairs of
    held-out prompts are taken to need as long as the others do."""
    found = weighed.ground
    rows = [chosen.index for chosen in (*weighed.selection.acquired, *weighed.selection.control)]
    detail: dict[str, object] = {"map": _map(found, pairs)}
    if weighed.function == PORTFOLIO:
        moments = found.pool.moments(found.beliefs)
        known = known_share(*moments)
        detail |= {
            "known": round(known, 4),
            "spread": round(reward_spread(*moments), 4),
            "prior": dict(prior_shares(known)),
        }
        detail["weights"] = {name: round(s, 4) for name, s in weighed.shares.shares.items()}
        detail["credits"] = {
            name: {"value": c.value, "low": c.low, "high": c.high, "n": c.n}
            for name, c in weighed.shares.credits.items()
        }
    if found.flips is not None:
        detail["flips"] = found.flips.to_dict()
    if found.seconds is not None:
        each = float(found.seconds[rows].mean())
        seconds = each * (len(rows) + n_tested) * project.overlap
        detail["cost"] = {"seconds": round(seconds, 1)}
    return detail


def _map(found: Ground, pairs: Sequence[Pair]) -> dict[str, list[float]]:
    """Each prompt's place, by the mean of its responses' coordinates; none without coordinates."""
    if not found.coordinates.shape[1] or found.pool.first is None:
        return {}
    prompt_of = np.zeros(len(found.coordinates), dtype=np.int64)
    for pair, row in zip(pairs, found.pool.first.tolist(), strict=True):
        prompt_of[row] = pair.prompt_id
    prompt_of[found.pool.second] = found.pool.prompts
    prompts, number = np.unique(prompt_of, return_inverse=True)
    places = flat_map(found.coordinates, number)
    return {
        str(prompt): [round(float(x), 3), round(float(y), 3)]
        for prompt, (x, y) in zip(prompts.tolist(), places.tolist(), strict=True)
    }
