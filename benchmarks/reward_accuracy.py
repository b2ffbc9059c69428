"""The embedded reward model on prompts of PandaLM that it has not seen, over splits by prompt."""

from dataclasses import dataclass, replace

import numpy as np

from benchmarks import pandalm
from benchmarks.figures import Figure
from rewardmodel.core.embedded import EmbeddedConfig
from rewardmodel.core.embedded_fit import fit_embedded
from rewardmodel.core.evaluate import calibration_bins
from rewardmodel.core.features import EXTRAS, LENGTH_COLUMNS
from rewardmodel.core.judged import Judged
from rewardmodel.core.pairs import FIRST, TIE, Floats, Votes
from rewardmodel.core.reward_model import Responses
from rewardmodel.core.text_features import NAMES

ACCURACY_GOAL, ECE_GOAL = 0.76, 0.05
SPLITS, SPLITS_SHORT = 20, 3
HELD_OUT = 0.28
CONFIG = EmbeddedConfig(extras=len(EXTRAS), texts=len(NAMES), length_columns=LENGTH_COLUMNS)


@dataclass(frozen=True, slots=True)
class Split:
    """One split: shares right of the decided majority votes held out, and the chances given."""

    accuracy: float
    longer: float
    chance: Floats
    won: Floats


def measure(*, short: bool) -> list[Figure]:
    """Accuracy beside the length rule, their difference, and calibration.

    Everything that is chosen (prior, temperature) is chosen inside the training prompts. Intervals
    are over splits, which share prompts: they tell how much a split matters, not how another
    thousand prompts would turn out.
    """
    data = pandalm.load()
    what = Responses(tuple(range(len(data.lengths))), data.features, data.lengths)
    n = SPLITS_SHORT if short else SPLITS
    full = [_split(data, what, seed, CONFIG) for seed in range(n)]
    plain = [_split(data, what, s, replace(CONFIG, uses_text=False)) for s in range(n)]
    found = [
        *_figures(full, "", has_goals=not short),
        *_figures(plain, ", without facts of the text"),
    ]
    if not short:
        config = replace(CONFIG, debiases_length=True)
        found += _figures([_split(data, what, s, config) for s in range(n)], ", length taken out")
    return found


def _split(data: pandalm.PandaLM, what: Responses, seed: int, config: EmbeddedConfig) -> Split:
    held = pandalm.held_out_prompts(data, seed=seed, share=HELD_OUT)
    train = data.votes.where(~np.isin(data.votes.prompt, held))
    test = _decided(data.majority.where(np.isin(data.majority.prompt, held)))
    model = fit_embedded({"overall": Judged(train)}, what, config)
    mean = model.predict(what).mean
    difference = mean[test.first] - mean[test.second]
    chances = model.chances(difference)
    won = test.outcome == FIRST
    longer = data.lengths[test.first] - data.lengths[test.second]
    return Split(
        accuracy=_share_right(difference, won),
        longer=_share_right(longer.astype(float), won),
        chance=chances[:, 0] / chances[:, :2].sum(axis=1),
        won=won,
    )


def _figures(splits: list[Split], what: str, *, has_goals: bool = False) -> list[Figure]:
    accuracy = np.array([split.accuracy for split in splits])
    longer = np.array([split.longer for split in splits])
    bins = calibration_bins(
        np.concatenate([s.chance for s in splits]), np.concatenate([s.won for s in splits])
    )
    total = sum(b.n for b in bins)
    error = sum(b.n * abs(b.won - b.predicted) for b in bins) / total
    n = len(splits)
    held = f"{n} splits by prompt, {HELD_OUT:.0%} held out, min and max 95 % of splits"
    goals = (ACCURACY_GOAL, 0.0, ECE_GOAL) if has_goals else (None, None, None)
    gain = accuracy - longer
    return [
        _over_splits(
            f"accuracy on unseen prompts{what}: {held}", accuracy, goal=goals[0],
            baseline=float(longer.mean()), baseline_name="the longer one wins",
        ),
        _over_splits(f"gain over the length rule{what}", gain),
        Figure(
            f"gain over the length rule{what}, low end of 95 % of splits",
            float(np.quantile(gain, 0.025)), "share", goal=goals[1], better="higher", n=n,
        ),
        Figure(
            f"calibration error after temperature{what}, {total:,} votes of all splits", error,
            "share", goal=goals[2], n=n,
        ),
    ]  # fmt: skip


def _over_splits(name: str, values: Floats, **more: object) -> Figure:
    """The mean, with the range in which 95 % of the splits lie."""
    low, high = np.quantile(values, [0.025, 0.975])
    return Figure(
        name, float(values.mean()), "share", better="higher", n=len(values), min=float(low),
        max=float(high), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def _decided(votes: Votes) -> Votes:
    return votes.where(votes.outcome != TIE)


def _share_right(favours: Floats, won: Floats) -> float:
    return float(np.where(favours == 0, 0.5, (favours > 0) == won).mean())
