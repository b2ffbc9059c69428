"""Labels saved on the project itself: the acquired arm against the control arm.

Both arms were asked in the same rounds. From the labels that neither arm asked for, each arm's
labels are added in their order, equally many of both, and the log-loss on held-out prompts is
followed. What is saved is the share of the control arm's labels that the acquired arm would have
done without. Null: the arms' names dealt out at random among the same labels.
"""

from dataclasses import dataclass, replace

import numpy as np

from rewardmodel.core.beliefs import Beliefs
from rewardmodel.core.curves import share_saved
from rewardmodel.core.pairs import Floats, Ints
from rewardmodel.core.quick_fit import quick_fit

POINTS = 5
ORDERS = 8
RESAMPLES = 400
FEWEST_LABELS, FEWEST_PROMPTS = 30, 8


@dataclass(frozen=True, slots=True)
class Labels:
    """n votes on differences (n, k) with outcomes and prompts (n,)."""

    differences: Floats
    outcomes: Ints
    prompts: Ints

    def __len__(self) -> int:
        return len(self.outcomes)

    def at(self, rows: Ints) -> "Labels":
        """The votes in these rows."""
        return Labels(self.differences[rows], self.outcomes[rows], self.prompts[rows])


@dataclass(frozen=True, slots=True)
class Savings:
    """Shares of labels, None where `verdict` says why; curves of the mean log-loss by arm.

    null_high: the 95th percentile between arms that chance made. labels: (b,), of each arm.
    """

    saved: float | None
    low: float | None
    high: float | None
    null_high: float | None
    verdict: str
    n_acquired: int
    n_control: int
    labels: tuple[int, ...] = ()
    acquired: tuple[float, ...] = ()
    control: tuple[float, ...] = ()

    @property
    def helps(self) -> bool | None:
        """As of `whether_it_helps`."""
        return whether_it_helps(self.saved, self.low, self.high, self.null_high)


def whether_it_helps(
    saved: float | None, low: float | None, high: float | None, null_high: float | None
) -> bool | None:
    """True where surely something is saved, and more than chance seems to save; False where as
    much is lost; None where neither can be told."""
    if saved is None or low is None or high is None or null_high is None:
        return None
    if low > 0 and saved > null_high:
        return True
    return False if high < 0 and saved < -null_high else None


def labels_saved(
    base: Labels, acquired: Labels, control: Labels, held_out: Labels, *, precision: float | Floats,
    seed: int,
) -> Savings:  # fmt: skip
    """The share of labels that acquisition saved, its 95 % interval, the null and a verdict.

    base: what was asked outside rounds. The interval is a bootstrap over held-out prompts and over
    orders of the labels; prior precision as in the reward head.
    """
    n = min(len(acquired), len(control))
    if refusal := _refusal(n, held_out):
        return Savings(None, None, None, None, refusal, len(acquired), len(control))
    sizes = np.unique(np.linspace(n / POINTS, n, POINTS).round().astype(np.int64))
    random = np.random.default_rng([seed, 11])
    prompts, of_prompt = np.unique(held_out.prompts, return_inverse=True)
    frame = _Frame(base, held_out, of_prompt, len(prompts), sizes, precision)
    one = np.array([frame.curve(_some(acquired, n, random)) for _ in range(ORDERS)])
    other = np.array([frame.curve(_some(control, n, random)) for _ in range(ORDERS)])
    drawn = _bootstrap(one, other, frame, random)
    null = _null(acquired, control, n, frame, random)
    mean = [frame.mean(each.mean(axis=0)) for each in (one, other)]
    value = share_saved(sizes, *mean)
    low, high = (float(q) for q in np.quantile(drawn, [0.025, 0.975]))
    found = Savings(
        value, min(low, value), max(high, value), float(np.quantile(null, 0.95)), "",
        len(acquired), len(control), tuple(sizes.tolist()), tuple(mean[0].tolist()),
        tuple(mean[1].tolist()),
    )  # fmt: skip
    return _with_verdict(found)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every curve has in common; of_prompt: (t,) numbers of the held-out votes' prompts."""

    base: Labels
    held_out: Labels
    of_prompt: Ints
    n_prompts: int
    sizes: Ints
    precision: float | Floats

    def curve(self, labels: Labels) -> Floats:
        """(b, p) summed log-loss on each held-out prompt after so many labels of an arm."""
        start: Floats | None = None
        rows = []
        for size in self.sizes:
            x = np.vstack([self.base.differences, labels.differences[:size]])
            outcomes = np.append(self.base.outcomes, labels.outcomes[:size])
            found = quick_fit(x, outcomes, self.precision, start)
            start = np.append(found.weights, found.eta)
            rows.append(self._losses(found))
        return np.array(rows)

    def _losses(self, beliefs: Beliefs) -> Floats:
        chances = beliefs.probabilities(self.held_out.differences @ beliefs.weights)
        seen = chances[np.arange(len(self.held_out)), self.held_out.outcomes]
        losses = -np.log(np.maximum(seen, 1e-12))
        sums = np.bincount(self.of_prompt, weights=losses, minlength=self.n_prompts)
        return np.asarray(sums, dtype=np.float64)

    def mean(self, sums: Floats, times: Floats | None = None) -> Floats:
        """(b,) mean loss over held-out votes, each prompt drawn so many `times` (p,)."""
        counts = np.bincount(self.of_prompt, minlength=self.n_prompts).astype(float)
        weight = np.ones(self.n_prompts) if times is None else times
        return np.asarray(sums @ weight / (counts @ weight))


def _some(labels: Labels, n: int, random: np.random.Generator) -> Labels:
    """n of the labels, in another order each time, so that no one order decides."""
    return labels.at(random.permutation(len(labels))[:n])


def _bootstrap(
    one: Floats, other: Floats, frame: _Frame, random: np.random.Generator
) -> list[float]:
    """Shares saved with held-out prompts and orders drawn with replacement."""
    found = []
    even = np.full(frame.n_prompts, 1 / frame.n_prompts)
    for _ in range(RESAMPLES):
        times = random.multinomial(frame.n_prompts, even).astype(float)
        curves = [
            frame.mean(arm[random.integers(0, ORDERS, ORDERS)].mean(axis=0), times)
            for arm in (one, other)
        ]
        found.append(share_saved(frame.sizes, *curves))
    return found


def _null(
    acquired: Labels, control: Labels, n: int, frame: _Frame, random: np.random.Generator
) -> list[float]:
    """Shares saved between two arms of n labels each that were dealt out at random."""
    both = Labels(
        np.vstack([acquired.differences, control.differences]),
        np.append(acquired.outcomes, control.outcomes),
        np.append(acquired.prompts, control.prompts),
    )
    found = []
    for _ in range(3 * ORDERS // 2):
        dealt = random.permutation(len(both))
        curves = [frame.curve(both.at(dealt[at * n : (at + 1) * n])) for at in (0, 1)]
        found.append(share_saved(frame.sizes, *[frame.mean(curve) for curve in curves]))
    return found


def _refusal(n: int, held_out: Labels) -> str:
    if n < FEWEST_LABELS:
        return (
            f"Too few labels yet: the smaller arm has {n}, and {FEWEST_LABELS} are needed before "
            "the arms can be compared."
        )
    prompts = len(np.unique(held_out.prompts))
    if prompts < FEWEST_PROMPTS:
        return (
            f"Only {prompts} held-out prompts have been judged; {FEWEST_PROMPTS} are needed before "
            "the arms can be compared."
        )
    return ""


def _with_verdict(found: Savings) -> Savings:
    if found.saved is None or found.null_high is None:
        return found
    told = f"{found.saved:.0%} [{found.low:.0%}, {found.high:.0%}] of the control arm's labels"
    chance = f"chance seems to save up to {found.null_high:.0%}"
    if found.helps:
        verdict = f"Acquisition saves labels here: {told}; {chance}."
    elif found.helps is False:
        verdict = (
            f"Acquisition needs more labels than chance here: {told}; {chance}. Draw at random."
        )
    else:
        verdict = (
            f"It cannot be told that acquisition saves labels here: {told}; {chance}. Drawing at "
            "random is as good until it can."
        )
    return replace(found, verdict=verdict)
