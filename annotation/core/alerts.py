"""When does a rule hold? Where even the end of the interval that speaks against an alarm says so.

An alarm goes when the figure itself is back on the right side. In between, where the interval lies
across the threshold, nothing changes: a figure that wavers there raises no alarm twice.
"""

from dataclasses import dataclass
from typing import Literal

from annotation.core.errors import Invalid

State = Literal["alarm", "clear", "unclear"]

AGREEMENT, BIAS, PERSON, DIVISION = "agreement", "bias", "person", "division"
HIGHEST = {AGREEMENT: 1.0, BIAS: 0.5, PERSON: 1_000_000.0, DIVISION: 1.0}
LOWEST = {AGREEMENT: -1.0, BIAS: 0.0, PERSON: 1.0, DIVISION: 0.0}


@dataclass(frozen=True, slots=True)
class Reading:
    """The newest figure of one subject.

    name: what people call the subject. is_found: of a bias, whether the audits call it found.
    """

    subject: str
    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    is_found: bool = True


def check_rule(signal: str, threshold: float) -> None:
    """Raises Invalid where a threshold can never, or always, be passed."""
    if signal not in HIGHEST:
        raise Invalid("Choose what to look out for.", field="signal")
    low, high = LOWEST[signal], HIGHEST[signal]
    if not low <= threshold <= high or (signal == BIAS and threshold == 0):
        raise Invalid(_range_words(signal), field="threshold")
    if signal == PERSON and threshold != int(threshold):
        raise Invalid("Give a whole number of people.", field="threshold")


def state_of(signal: str, threshold: float, reading: Reading) -> State:
    """Whether the rule surely holds, surely does not any more, or neither."""
    value = reading.value
    if value is None:
        return "unclear"
    if signal == PERSON:
        return "alarm" if value >= threshold else "clear"
    if reading.low is None or reading.high is None:
        return "unclear"
    if signal == AGREEMENT:
        is_sure, is_over = reading.high < threshold, value >= threshold
    elif signal == BIAS:
        is_sure = reading.is_found and near_end(reading) >= threshold
        is_over = abs(value) < threshold
    else:
        is_sure, is_over = reading.low > threshold, value <= threshold
    return "alarm" if is_sure else "clear" if is_over else "unclear"


def near_end(reading: Reading) -> float:
    """How far from nought the nearer end of the interval is; nought where it holds it."""
    low, high = reading.low or 0.0, reading.high or 0.0
    return 0.0 if low <= 0 <= high else min(abs(low), abs(high))


def statement(signal: str, threshold: float, reading: Reading, state: State) -> str:
    """What is the matter, with figure, interval and n, or that it is over."""
    if signal == PERSON:
        return _people_words(threshold, reading, state)
    figures = _figures(signal, reading)
    bound = _written(signal, threshold)
    what = {
        AGREEMENT: f"Agreement on “{reading.name}”",
        BIAS: f"The bias by {reading.name}",
        DIVISION: f"The share of divided pairs on “{reading.name}”",
    }[signal]
    wrong, right = ("below", "back at") if signal == AGREEMENT else ("beyond", "back within")
    if state == "alarm":
        return f"{what} is surely {wrong} {bound}: {figures}."
    if state == "clear":
        return f"{what} is {right} {bound}: {figures}."
    return f"{what} was surely {wrong} {bound} and may be still: {figures}."


def _people_words(threshold: float, reading: Reading, state: State) -> str:
    n = int(reading.value or 0)
    are = "is" if n == 1 else "are"
    rest = f"{n:,} of {reading.n:,} people {are} recommended to re-qualify or to be quarantined"
    bound = f"{threshold:,.0f}"
    if state == "clear":
        return f"{rest} on “{reading.name}”: fewer than {bound} again."
    return f"{rest} on “{reading.name}”; the rule asks for {bound} or more."


def _figures(signal: str, reading: Reading) -> str:
    value, low, high = (_written(signal, x) for x in (reading.value, reading.low, reading.high))
    unit = {AGREEMENT: "items", BIAS: "judgments", DIVISION: "compared pairs"}[signal]
    name = "alpha " if signal == AGREEMENT else ""
    return f"{name}{value} [{low}, {high}] on {reading.n:,} {unit}"


def _written(signal: str, value: float | None) -> str:
    if value is None:
        return "–"
    if signal == AGREEMENT:
        text = f"{value:.2f}"
    elif signal == BIAS:
        text = f"{100 * value:.1f} points"
    else:
        text = f"{100 * value:.1f}%"
    return text.replace("-", "\N{MINUS SIGN}")


def _range_words(signal: str) -> str:
    return {
        AGREEMENT: "Alpha lies between -1 and 1.",
        BIAS: "A shift lies above 0 and within 0.5, which is 50 points.",
        PERSON: "Give a number of people, 1 or more.",
        DIVISION: "A share lies between 0 and 1.",
    }[signal]
