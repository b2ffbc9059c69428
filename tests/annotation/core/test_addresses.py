"""Pasted addresses: what people paste is read, what they mistype is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.core.addresses import MOST, addresses
from annotation.core.errors import Invalid


def test_lists_of_all_shapes_are_read_each_address_once() -> None:
    pasted = "nora@example.org\r\n\n Nils N. <nils@sub.example.org>; NORA@example.org,\nx+y@ex.co"
    assert addresses(pasted) == ["nora@example.org", "nils@sub.example.org", "x+y@ex.co"]
    assert addresses(" \n") == []


@pytest.mark.parametrize(
    "wrong",
    ["nora", "nora@", "@example.org", "a b@example.org", "nora@example", "nora@.org", "n@e..org",
     "nora@exa mple.org", "a@b@c.org", "nora@example.org>", "n" * 65 + "@example.org",
     "x@" + "a" * 250 + ".org"],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(wrong: str) -> None:
    with pytest.raises(Invalid, match=r"^Line 3: “.*no e-mail address") as refused:
        addresses(f"ana@example.org\n\n{wrong}\nben@example.org")
    assert refused.value.field == "emails"


def test_too_many_at_once_are_refused() -> None:
    with pytest.raises(Invalid, match="501 addresses"):
        addresses("\n".join(f"p{i}@example.org" for i in range(MOST + 1)))


def read(text: str) -> list[str] | None:
    try:
        return addresses(text)
    except Invalid as refused:
        return None if "no e-mail address" in refused.message else []


@given(st.lists(st.emails(domains=st.sampled_from(["example.org", "a-b.example.com"])), max_size=9))
def test_plain_addresses_are_taken_once_or_named(written: list[str]) -> None:
    once = {one.casefold() for one in written}
    found = read("\n".join(written))
    assert found is None or sorted(one.casefold() for one in found) == sorted(once)


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    assert all("@" in one for one in read(text) or [])
