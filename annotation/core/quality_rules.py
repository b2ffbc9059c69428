"""When a signal of somebody's work asks for something to be done: always in doubt for the person.

Shares and medians are compared by the end of their interval that favours the person, so that chance
alone seldom does anything; the longest run, a count, is compared as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from annotation.core.errors import Invalid

Signal = Literal["quality", "gold", "repeats", "agreement", "speed", "straight"]
Action = Literal["warn", "retrain", "pause", "quarantine"]

SHARES: tuple[str, ...] = ("quality", "gold", "repeats", "agreement")
SEVERITY: tuple[str, ...] = ("warn", "retrain", "pause", "quarantine")
FIGURE_OF: Mapping[str, str] = {"speed": "seconds"}
LONGEST_SECONDS = 3600


def check_threshold(signal: str, threshold: float, least_cases: int) -> None:
    """Raises Invalid naming the field where a rule could never, or would always, hold."""
    if signal in SHARES and not 0 < threshold <= 1:
        raise Invalid("A share lies above 0% and up to 100%.", field="threshold")
    if signal == "speed" and not 0 < threshold <= LONGEST_SECONDS:
        raise Invalid("Give seconds, above 0 and up to an hour.", field="threshold")
    if signal == "straight" and (threshold < 3 or threshold != int(threshold)):
        raise Invalid("A run is a whole number of judgments, 3 or more.", field="threshold")
    if least_cases < 1:
        raise Invalid("At least one case is needed to say anything.", field="least_cases")


def firing(
    signal: str, *, threshold: float, least_cases: int, signals: Mapping[str, Any]
) -> dict[str, object] | None:
    """The evidence where the signals are beyond the threshold; None where they are not.

    `signals` maps a figure's name to its value, low, high and n, as they are stored.
    """
    figure = signals.get(FIGURE_OF.get(signal, signal)) or {}
    value, n = figure.get("value"), int(figure.get("n") or 0)
    if value is None or n < least_cases:
        return None
    if signal == "straight":
        is_beyond = value >= threshold
    else:
        high = figure.get("high")
        is_beyond = high is not None and high < threshold
    if not is_beyond:
        return None
    return {"signal": signal, "threshold": threshold, **figure}


def state_after(actions: Sequence[str]) -> str:
    """The state of somebody to whom these things were done and are not lifted."""
    states = {"retrain": "retraining", "pause": "paused", "quarantine": "quarantined"}
    worst = max(actions, key=SEVERITY.index, default="warn")
    return states.get(worst, "active")
