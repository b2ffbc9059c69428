import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.core.errors import Invalid
from annotation.core.messages import (
    LONGEST_TEXT,
    checked_messages,
    checked_text,
    content_hash,
    split_conversation,
)


def turns(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in pairs]


ASKED = turns(("system", "Be brief."), ("user", "Hi"), ("assistant", ""), ("user", "Again"))


def test_a_prompt_ends_with_the_user() -> None:
    assert checked_messages(ASKED) == tuple(ASKED)
    assert checked_messages([{"role": "user", "content": "x", "name": "kept out"}]) == (
        {"role": "user", "content": "x"},
    )


@pytest.mark.parametrize(
    ("value", "field", "says"),
    [
        (None, "messages", "no conversation"),
        ([], "messages", "no conversation"),
        ("Hi", "messages", "no conversation"),
        (["Hi"], "messages[0]", "role and a content"),
        ([{"role": "user"}], "messages[0]", "role and a content"),
        (turns(("human", "Hi")), "messages[0].role", "'human'"),
        (turns(("user", "Hi"), ("system", "x"), ("user", "y")), "messages[1].role", "comes first"),
        (turns(("user", " ")), "messages[0].content", "empty"),
        (turns(("user", "Hi"), ("assistant", "Ho")), "messages", "ends with the assistant's"),
        ([{"role": "user", "content": ["Hi"]}], "messages[0].content", "a list, not text"),
        ([{"role": "user", "content": True}], "messages[0].content", "true or false, not text"),
    ],
)
def test_anything_else_is_refused_by_turn(value: object, field: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refused:
        checked_messages(value)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a\0b", "NUL"),
        ("a\ud800", "Character 2 is half"),
        ("é" * (LONGEST_TEXT // 2 + 1), "262,146"),
    ],
)
def test_what_the_database_cannot_keep_is_refused(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refused:
        checked_text(text, field="prompt")
    assert refused.value.field == "prompt"


def test_the_longest_text_is_accepted() -> None:
    text = "é" * (LONGEST_TEXT // 2)
    assert checked_text(text, field="prompt") == text
    assert checked_text("", field="completion", allow_empty=True) == ""


def test_the_hash_sees_the_same_text_in_any_normal_form() -> None:
    composed, decomposed = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert content_hash(turns(("user", composed))) == content_hash(turns(("user", decomposed)))


def test_the_hash_is_fixed_for_all_time() -> None:
    # printf '[["user","Hi"]]' | sha256sum
    expected = "8b1450277179b15b70831cee0e0ec563f04eb6c717d27070114931cba4b59d4e"
    assert content_hash(turns(("user", "Hi"))) == expected


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text(max_size=5)), min_size=1))
def test_the_hash_tells_turns_apart(pairs: list[tuple[str, str]]) -> None:
    base = content_hash(turns(*pairs))
    assert base != content_hash(turns(*pairs, ("user", "")))
    assert base != content_hash(turns(("system", ""), *pairs))
    joined = turns((pairs[0][0], "\n".join(content for _, content in pairs)))
    assert (base == content_hash(joined)) == (len(pairs) == 1)


def test_a_conversation_splits_into_prompt_and_answer() -> None:
    prompt, answer = split_conversation(
        (*checked_messages(ASKED), {"role": "assistant", "content": "Yes"}), field="chosen"
    )
    assert (prompt, answer) == (tuple(ASKED), "Yes")
    with pytest.raises(Invalid, match="does not end with the assistant"):
        split_conversation(checked_messages(ASKED), field="chosen")
