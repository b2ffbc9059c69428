"""Typed reading of one row, whatever file it came from: CSV gives only text, Parquet and JSON more.

Each reader takes the names under which a value may stand and uses the first that is filled.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from annotation.core.errors import Invalid
from annotation.core.messages import checked_text

Row = Mapping[str, Any]

TRUE, FALSE = {"true", "yes", "1"}, {"false", "no", "0"}
LONGEST_METADATA = 64 * 1024


def find(row: Row, *names: str) -> tuple[str, Any]:
    """The first filled value and its name; (first name, None) if none is."""
    for name in names:
        if row.get(name) is not None and row[name] != "":
            return name, row[name]
    return names[0], None


def has(row: Row, *names: str) -> bool:
    """Whether the row has one of the columns, filled or not."""
    return any(name in row for name in names)


def required(row: Row, *names: str) -> tuple[str, Any]:
    """Like `find`, but refuses a row without a value."""
    name, value = find(row, *names)
    if value is None:
        raise absent(row, *names)
    return name, value


def absent(row: Row, *names: str) -> Invalid:
    """The refusal of a row that lacks a value, naming the columns that it has."""
    if has(row, *names):
        return Invalid("This is empty; leave the row out or fill it in.", field=names[0])
    wanted = " or ".join(f'"{name}"' for name in names)
    there = ", ".join(f'"{name}"' for name in list(row)[:12]) or "none"
    return Invalid(f"There is no column {wanted}; the columns are {there}.", field=names[0])


def label(row: Row, *names: str, limit: int, default: str | None = None) -> str:
    """A short text such as a name or an id; numbers are taken as their digits."""
    name, value = find(row, *names) if default is not None else required(row, *names)
    if value is None:
        return default or ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = checked_text(value, field=name).strip()
    if len(text) > limit:
        raise Invalid(f"This has {len(text)} characters; the limit is {limit}.", field=name)
    return text


def whole(row: Row, *names: str, low: int, high: int) -> int | None:
    """A whole number in low..high, if one is given."""
    name, value = find(row, *names)
    if value is None:
        return None
    number = _number(value, name)
    if not number.is_integer() or not low <= number <= high:
        raise Invalid(
            f"This is a whole number from {low} to {high}, not {value!r:.40}.", field=name
        )
    return int(number)


def decimal(row: Row, *names: str) -> float | None:
    """A finite number, if one is given."""
    name, value = find(row, *names)
    return None if value is None else _number(value, name)


def flag(row: Row, *names: str) -> bool:
    """True or false; false if nothing is given."""
    name, value = find(row, *names)
    text = str(value).strip().lower()
    if value is None or text in FALSE:
        return False
    if text in TRUE:
        return True
    raise Invalid(f"This is true or false, not {value!r:.40}.", field=name)


def moment(row: Row, *names: str) -> datetime | None:
    """A point in time: ISO 8601 or seconds since 1970; without a time zone, UTC is meant."""
    name, value = find(row, *names)
    if value is None:
        return None
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = datetime.fromtimestamp(value, tz=UTC)
    except (ValueError, OverflowError, OSError):
        pass
    if not isinstance(value, datetime):
        raise Invalid(
            f"This is no time; write 2026-01-31T12:00:00Z, not {value!r:.40}.", field=name
        )
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def structure(row: Row, *names: str) -> tuple[str, Any]:
    """A list or an object, if one is given; in CSV it stands as JSON."""
    name, value = find(row, *names)
    if isinstance(value, str) and value.lstrip()[:1] in {"[", "{"}:
        try:
            return name, json.loads(value)
        except (ValueError, RecursionError):
            raise Invalid("This begins like JSON but is not valid JSON.", field=name) from None
    return name, value


def words(row: Row, *names: str, limit: int) -> tuple[str, ...]:
    """A list of short texts; in CSV also separated by commas."""
    name, value = structure(row, *names)
    if value is None:
        return ()
    if isinstance(value, str):
        value = [part for part in value.split(",") if part.strip()]
    if not isinstance(value, list):
        raise Invalid("This is a list of short texts.", field=name)
    return tuple(dict.fromkeys(label({name: word}, name, limit=limit) for word in value))


def metadata(row: Row, *names: str) -> dict[str, Any]:
    """An object of any JSON that the database can keep, up to 64 KiB."""
    name, value = structure(row, *names)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid('This is an object such as {"topic": "law"}.', field=name)
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        texts = _texts(value)
    except (TypeError, ValueError, RecursionError):
        raise Invalid("This holds something that JSON cannot write.", field=name) from None
    if len(written.encode("utf-8", "replace")) > LONGEST_METADATA:
        raise Invalid(f"This takes more than {LONGEST_METADATA:,} bytes.", field=name)
    for text in texts:
        checked_text(text, field=name, allow_empty=True)
    return value


def _texts(value: object) -> Sequence[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return []


def _number(value: object, name: str) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        raise Invalid(f"This is no number: {value!r:.40}.", field=name) from None
    if number - number != 0:
        raise Invalid("This is not a finite number.", field=name)
    return number
