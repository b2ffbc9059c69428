"""A checkpoint's measured quality as the pages show it, read from its stored metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotation.core.figures import CalibrationBin, Interval, Point, Series
from rewardmodel.models import Checkpoint


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimate in 0..1 or in nats, with its interval and what it rests on."""

    value: float | None
    low: float | None
    high: float | None
    n_votes: int
    n_prompts: int
    note: str

    @property
    def words(self) -> str:
        """The interval in per cent, or why there is none."""
        if self.low is None or self.high is None:
            return _("n %(n)s") % {"n": f"{self.n_votes:,}"}
        return f"[{100 * self.low:.1f},\N{NO-BREAK SPACE}{100 * self.high:.1f}]"


NO_FIGURE = Figure(None, None, None, 0, 0, "")


@dataclass(frozen=True, slots=True)
class Tested:
    """One test: on the held-out prompts, or across folds of the others."""

    accuracy: Figure
    longer_wins: Figure
    gain: Figure
    log_loss: Figure
    log_loss_of_base_rates: float | None
    calibration_error: float | None
    bins: tuple[CalibrationBin, ...]
    method: str


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a checkpoint is: held out, across folds, and by how much it learned from."""

    held_out: Tested
    crossed: Tested
    curve: tuple[Series, ...]
    metrics: Mapping[str, Any]

    @property
    def is_held_out(self) -> bool:
        """Whether the held-out test is the one to quote: it has an interval, or no other has."""
        held_out, crossed = self.held_out.accuracy, self.crossed.accuracy
        if held_out.value is None:
            return False
        return held_out.low is not None or crossed.low is None

    @property
    def tested(self) -> Tested:
        """The test to quote: on held-out prompts, else across folds of the others."""
        return self.held_out if self.is_held_out else self.crossed

    @property
    def best(self) -> Figure | None:
        """The accuracy to quote; None where nothing has tested it."""
        figure = self.tested.accuracy
        return figure if figure.value is not None else None

    @property
    def rows(self) -> list[Interval]:
        """Model and baseline, on each of the tests that could be made, for one axis."""
        tests = ((self.held_out, _("held-out prompts")), (self.crossed, _("across folds")))
        found = []
        for test, where in tests:
            figures = (
                (_("Reward model"), test.accuracy, "first"),
                (_("“The longer one wins”"), test.longer_wins, "second"),
            )
            for name, figure, tone in figures:
                label = f"{name}, {where}"
                found.append(interval_of(label, figure, tone))
        return found


def quality_of(checkpoint: Checkpoint) -> Quality:
    """What training stored; a part that is missing reads as not measured."""
    metrics = checkpoint.metrics
    return Quality(
        held_out=_tested(metrics.get("held_out") or {}),
        crossed=_tested(metrics.get("cross_validation") or {}),
        curve=_curve(metrics.get("learning_curve") or []),
        metrics=metrics,
    )


def _tested(stored: Mapping[str, Any]) -> Tested:
    return Tested(
        accuracy=figure_of(stored.get("accuracy")),
        longer_wins=figure_of(stored.get("longer_wins")),
        gain=figure_of(stored.get("gain")),
        log_loss=figure_of(stored.get("log_loss")),
        log_loss_of_base_rates=stored.get("log_loss_of_base_rates"),
        calibration_error=stored.get("calibration_error"),
        bins=tuple(
            CalibrationBin(b["predicted"], b["won"], b["won_low"], b["won_high"], b["n"])
            for b in stored.get("bins") or []
        ),
        method=stored.get("method", ""),
    )


def figure_of(stored: Mapping[str, Any] | None) -> Figure:
    """A stored figure; one without a value where nothing was stored."""
    if not stored:
        return NO_FIGURE
    return Figure(
        value=stored.get("value"),
        low=stored.get("low"),
        high=stored.get("high"),
        n_votes=stored.get("n_votes", 0),
        n_prompts=stored.get("n_prompts", 0),
        note=stored.get("note", ""),
    )


def _curve(stored: list[Mapping[str, Any]]) -> tuple[Series, ...]:
    points = []
    for each in stored:
        figure = figure_of(each.get("accuracy"))
        if figure.value is not None:
            points.append(
                Point(
                    x=each["n_votes"], value=figure.value, low=figure.low, high=figure.high,
                    n=figure.n_votes, label=_("after %(n)s votes") % {"n": f"{each['n_votes']:,}"},
                )
            )  # fmt: skip
    return (Series(_("reward model"), tuple(points)),) if points else ()


def interval_of(label: str, figure: Figure, tone: str) -> Interval:
    """A figure as a row of a forest; what is said of rough intervals stands below it once."""
    return Interval(
        label=label,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        n=figure.n_votes,
        note="" if figure.low is not None else figure.note or _("Not measured."),
        tone=tone,
    )


def sentence_of(quality: Quality | None) -> str:
    """What is known of the model, in one sentence."""
    if quality is None:
        return _("There is no reward model yet.")
    figure, longer = quality.tested.accuracy, quality.tested.longer_wins
    if figure.value is None:
        return _("The reward model is in use, but nothing has tested it yet.")
    where = (
        _("on prompts held out from it")
        if quality.is_held_out
        else _("on prompts that it did not learn from")
    )
    facts = {
        "model": f"{100 * figure.value:.1f}%",
        "interval": figure.words,
        "where": where,
        "longer": f"{100 * (longer.value or 0):.1f}%",
        "longer_interval": longer.words,
    }
    return (
        _(
            "The reward model finds the preferred response %(model)s of the time %(interval)s "
            "%(where)s; “the longer one wins” does %(longer)s %(longer_interval)s."
        )
        % facts
    )
