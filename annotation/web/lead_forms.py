"""Forms of the leads' pages: fields as data, read with one plain sentence for what is wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from annotation.core.errors import AlignUIError, Invalid

Words = str | Promise
Kind = Literal["text", "whole", "number", "share", "yes_no"]


@dataclass(frozen=True, slots=True)
class Field:
    """One control. A `share` is stored as 0..1 and shown in per cent.

    A number that need not be given is None where it is not.
    """

    name: str
    label: Words
    kind: Kind = "text"
    hint: Words = ""
    choices: tuple[tuple[str, Words], ...] = ()
    rows: int = 0
    min: float | None = None
    max: float | None = None
    step: str = ""
    required: bool = False
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A field with what stands in it and what is wrong with it."""

    field: Field
    value: object
    error: str

    @property
    def type(self) -> str:
        return "text" if self.field.kind == "text" else "number"

    @property
    def is_checked(self) -> bool:
        return self.value in {True, "on", "1", "True"}


def shown(
    fields: Iterable[Field], values: Mapping[str, object], error: AlignUIError | None = None
) -> list[Shown]:
    """The fields, filled with what was sent or is stored, the error at its place."""
    wrong = error.field if error else None
    return [
        Shown(field, _in_form(field, values.get(field.name)), _message(error, field.name, wrong))
        for field in fields
    ]


def unplaced(error: AlignUIError | None, fields: Iterable[Field]) -> AlignUIError | None:
    """The error, where no field of the form can show it."""
    names = {field.name for field in fields}
    return error if error is not None and error.field not in names else None


def read(fields: Sequence[Field], post: QueryDict) -> dict[str, Any]:
    """The values that were sent. Raises Invalid naming the field that cannot be read."""
    return {field.name: _read(field, post) for field in fields}


def _read(field: Field, post: QueryDict) -> object:
    written = post.get(field.name, "").strip()
    if field.kind == "yes_no":
        return field.name in post
    if field.required and not written:
        raise Invalid(_("“%(label)s” is missing.") % {"label": field.label}, field=field.name)
    if field.choices and written not in dict(field.choices):
        raise Invalid(_("Choose one of the list."), field=field.name)
    if field.kind == "text":
        return written.replace("\r\n", "\n")
    if field.may_be_empty and not written:
        return None
    return _number(field, written)


def _number(field: Field, written: str) -> float | int:
    try:
        value = float(written)
    except ValueError:
        problem = _("“%(text)s” is not a number.") % {"text": written[:40]}
        raise Invalid(problem, field=field.name) from None
    is_whole = field.kind == "whole"
    if value != value or (is_whole and not value.is_integer()):  # noqa: PLR0124
        raise Invalid(_("A whole number is wanted here."), field=field.name)
    if not (field.min is None or value >= field.min) or not (
        field.max is None or value <= field.max
    ):
        raise Invalid(_range_words(field), field=field.name)
    return int(value) if is_whole else value / 100 if field.kind == "share" else value


def _range_words(field: Field) -> str:
    if field.max is None:
        return _("At least %(low)g is wanted here.") % {"low": field.min}
    return _("A number from %(low)g to %(high)g is wanted here.") % {
        "low": field.min or 0,
        "high": field.max,
    }


def _in_form(field: Field, value: object) -> object:
    if field.kind == "share" and isinstance(value, float):
        return f"{100 * value:g}"
    return value


def _message(error: AlignUIError | None, name: str, wrong: str | None) -> str:
    return str(error) if error is not None and wrong == name else ""
