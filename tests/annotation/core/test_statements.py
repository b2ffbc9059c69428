"""Statements: sums that add up, currencies that are never added to each other."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.core.errors import Invalid
from annotation.core.statements import Line, Period, statement_table, totals


def line(**fields: object) -> Line:
    plain = {
        "user_id": 1, "person": "Ana", "username": "ana", "external_id": "", "project": "kitchen",
        "currency": "EUR", "days": 2, "judged": 40, "active_ms": 1_800_000,
        "earned": Decimal("6.0000"),
    }  # fmt: skip
    return Line(**{**plain, **fields})


lines = st.lists(
    st.builds(
        line,
        user_id=st.integers(1, 4),
        currency=st.sampled_from(["EUR", "USD", ""]),
        judged=st.integers(0, 500),
        active_ms=st.integers(0, 10**9),
        earned=st.decimals(0, 1000, places=4),
    ),
    max_size=12,
)


def test_rates_are_what_came_of_the_work() -> None:
    assert (line().per_judgment, line().per_hour) == (Decimal("0.1500"), Decimal("12.00"))
    unpaid = line(currency="", earned=Decimal())
    assert (unpaid.per_judgment, unpaid.per_hour) == (None, None)
    assert line(judged=0, active_ms=0).per_hour is None


@given(lines)
def test_totals_lose_nothing_and_mix_no_currencies(lines: Sequence[Line]) -> None:
    found = totals(lines)
    assert [t.currency for t in found] == sorted(
        {x.currency for x in lines}, key=lambda c: (not c, c)
    )
    assert sum(t.judged for t in found) == sum(x.judged for x in lines)
    for total in found:
        own = [x for x in lines if x.currency == total.currency]
        assert total.earned == sum(x.earned for x in own)
        assert total.people == len({x.user_id for x in own})


def test_the_file_keeps_every_digit_and_no_formula() -> None:
    written = statement_table([line(person="=1+1", earned=Decimal("0.0001"))]).csv().splitlines()
    assert written[1] == "'=1+1,ana,,kitchen,2,40,0.5,0.0000,0.00,0.0001,EUR"


def test_a_period_has_an_order_and_an_end() -> None:
    assert Period(date(2026, 1, 1), date(2026, 1, 1)).first == date(2026, 1, 1)
    with pytest.raises(Invalid, match="ends before"):
        Period(date(2026, 1, 2), date(2026, 1, 1))
    with pytest.raises(Invalid, match="ten years"):
        Period(date(2000, 1, 1), date(2026, 1, 1))
