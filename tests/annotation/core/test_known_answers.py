"""Rows of known answers: orders as they are read, and problems by field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.core.errors import Invalid
from annotation.core.known_answers import order_in_words, parse_known_answer, parse_order

ROW = {"prompt": "Why?", "completions": ["Because.", "Who knows."], "order": "A > B"}


def test_an_order_reads_as_it_is_written() -> None:
    assert parse_order("b > a = c", 3) == ((1,), (0, 2))
    assert order_in_words(((1,), (0, 2))) == "B > A = C"


@given(st.permutations(range(5)), st.lists(st.booleans(), min_size=4, max_size=4))
def test_words_and_groups_are_the_same(order: list[int], ties: list[bool]) -> None:
    groups: list[list[int]] = [[order[0]]]
    for position, is_tied in zip(order[1:], ties, strict=True):
        if is_tied:
            groups[-1].append(position)
        else:
            groups.append([position])
    canonical = tuple(tuple(sorted(group)) for group in groups)
    assert parse_order(order_in_words(canonical), 5) == canonical


@pytest.mark.parametrize("written", ["", "A", "A > A", "A > C", "A >", "A < B", "AB"])
def test_what_is_no_order_is_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_order(written, 2)
    assert refused.value.field == "order"


def test_a_row_may_name_policies_phase_and_groups() -> None:
    known = parse_known_answer(
        ROW
        | {
            "completions": [{"policy": "p", "text": "x"}, {"text": "y"}],
            "order": [[1], [0]],
            "phase": "Training",
            "explanation": " Look. ",
        }
    )
    assert known.groups == ((1,), (0,))
    assert [c.policy for c in known.completions] == ["p", "unknown"]
    assert (known.phase, known.explanation) == ("training", "Look.")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"order": None}, "order"),
        ({"order": [[0]]}, "order"),
        ({"completions": ["one"]}, "completions"),
        ({"completions": None}, "completions"),
        ({"completions": ["one", 2]}, "completions[1]"),
        ({"phase": "exam"}, "phase"),
        ({"prompt": ""}, "prompt"),
        ({"explanation": 3}, "explanation"),
    ],
)
def test_a_problem_names_its_field(changed: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_known_answer(ROW | changed)
    assert (refused.value.field or "").startswith(field)
