"""The one error tree. Edges (HTTP, form, command line) turn it into text in one place each."""

from collections.abc import Sequence
from dataclasses import dataclass


def gettext_noop(message: str) -> str:
    """The message itself, marked for translators: whoever shows it looks for its translation."""
    return message


class AlignUIError(Exception):
    """Something a person can act on: what is wrong, where, and what to do next."""

    status = 400

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class Invalid(AlignUIError):
    """The input cannot be accepted as it is."""

    status = 422


class Forbidden(AlignUIError):
    """This person may not do this."""

    status = 403


class NotFound(AlignUIError):
    """There is no such thing, or this person may not know of it."""

    status = 404


class Conflict(AlignUIError):
    """It was possible a moment ago; the state has changed since."""

    status = 409


class Unavailable(AlignUIError):
    """A part that is needed (model, broker, disk) does not answer now."""

    status = 503


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One row that cannot be read; rows count from 1 as a text editor shows them."""

    row: int
    field: str | None
    message: str

    def __str__(self) -> str:
        where = f"row {self.row}" + (f", field {self.field}" if self.field else "")
        return f"{where}: {self.message}"


class FileInvalid(Invalid):
    """A file was refused whole; nothing of it was kept."""

    def __init__(
        self, file: str, problems: Sequence[RowProblem], *, hint: str | None = None
    ) -> None:
        self.file = file
        self.problems = tuple(problems)
        shown = "; ".join(str(problem) for problem in self.problems[:5])
        more = f" (and {len(self.problems) - 5} more)" if len(self.problems) > 5 else ""
        super().__init__(
            f"{file}: {shown}{more}.",
            field=self.problems[0].field if self.problems else None,
            hint=hint or "Nothing was imported. Correct the file and import it again.",
        )
