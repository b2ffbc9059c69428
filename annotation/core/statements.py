"""What people did and earned in a period: one line for each person, project and currency."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from annotation.core.errors import Invalid
from annotation.core.figures import Table

MOST_DAYS = 3_660
HOUR_MS = 3_600_000
CENT, FINE = Decimal("0.01"), Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Period:
    """Both days belong to it."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise Invalid("The period ends before it begins.", field="until")
        if (self.last - self.first).days > MOST_DAYS:
            raise Invalid("A statement covers at most ten years.", field="since")


@dataclass(frozen=True, slots=True)
class Line:
    """One person's work in one project. `earned` is in `currency`; "" where nothing is paid."""

    user_id: int
    person: str
    username: str
    external_id: str
    project: str
    currency: str
    days: int
    judged: int
    active_ms: int
    earned: Decimal

    @property
    def hours(self) -> float:
        return self.active_ms / HOUR_MS

    @property
    def per_judgment(self) -> Decimal | None:
        """What one judgment earned on average, whatever rates held when."""
        return (self.earned / self.judged).quantize(FINE) if self.judged and self.paid else None

    @property
    def per_hour(self) -> Decimal | None:
        """What an hour of active time earned on average."""
        if not self.active_ms or not self.paid:
            return None
        return (self.earned * HOUR_MS / self.active_ms).quantize(CENT)

    @property
    def paid(self) -> bool:
        return bool(self.currency) or self.earned > 0


@dataclass(frozen=True, slots=True)
class Total:
    """What all lines of one currency come to; sums in different currencies are never added."""

    currency: str
    people: int
    judged: int
    active_ms: int
    earned: Decimal

    @property
    def hours(self) -> float:
        return self.active_ms / HOUR_MS


def totals(lines: Iterable[Line]) -> list[Total]:
    """One for each currency, in the order of their codes; unpaid work comes last."""
    grouped: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        grouped[line.currency].append(line)
    return [
        Total(
            currency=currency,
            people=len({line.user_id for line in group}),
            judged=sum(line.judged for line in group),
            active_ms=sum(line.active_ms for line in group),
            earned=sum((line.earned for line in group), Decimal()),
        )
        for currency, group in sorted(grouped.items(), key=lambda pair: (not pair[0], pair[0]))
    ]


def statement_table(lines: Iterable[Line]) -> Table:
    """The lines as a file for payroll: plain numbers with a point, money with all its digits."""
    return Table(
        "statement",
        "Statement",
        (
            "person", "username", "external_id", "project", "days", "judgments", "active_hours",
            "per_judgment", "per_hour", "earned", "currency",
        ),
        tuple(
            (
                each.person, each.username, each.external_id, each.project, each.days, each.judged,
                round(each.hours, 4), _plain(each.per_judgment), _plain(each.per_hour),
                _plain(each.earned), each.currency,
            )
            for each in lines
        ),
    )  # fmt: skip


def rate_words(amount: Decimal | None) -> str:
    """A rate without zeros that say nothing: 0.15, 12; "" for none."""
    return "" if amount is None else f"{amount.normalize():f}"


def _plain(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
