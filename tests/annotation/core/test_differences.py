import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.core.differences import (
    LONGEST_ISLAND,
    MOST_WORDS,
    applied,
    differences,
    operations,
    words,
)
from annotation.core.errors import Invalid
from annotation.core.rendering import render_markdown
from annotation.core.spans import text_of
from tests.annotation.core.hostile_text import CORPUS
from tests.annotation.core.test_hostile_text import Reader

vocabulary = st.lists(st.sampled_from(["the", "a", "cat", "dog", ",", "sat", "ran"]), max_size=40)


@given(vocabulary, vocabulary)
def test_the_operations_make_the_one_of_the_other(a: list[str], b: list[str]) -> None:
    found = operations(a, b)
    assert applied(found, a, b) == b
    for before, after in pairwise(found):
        assert (before.a_end, before.b_end) == (after.a_start, after.b_start)
        assert before.is_same != after.is_same
    for each in found:
        same = a[each.a_start : each.a_end] == b[each.b_start : each.b_end]
        assert each.size > 0
        assert same or not each.is_same


@given(vocabulary)
def test_a_text_does_not_differ_from_itself(a: list[str]) -> None:
    assert all(each.is_same for each in operations(a, a))


@given(vocabulary, vocabulary)
def test_small_islands_between_longer_differences_are_gone(a: list[str], b: list[str]) -> None:
    found = operations(a, b)
    for before, island, after in zip(found, found[1:], found[2:], strict=False):
        if island.is_same:
            assert island.size > min(LONGEST_ISLAND, before.size, after.size)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's 3.5 cats, e.g.", ["It's", "3", ".", "5", "cats", ",", "e", ".", "g", "."]),
        ("naïve café", ["naïve", "café"]),
        ("cafe\u0301 nai\u0308ve", ["cafe\u0301", "nai\u0308ve"]),
        ("猫が好き。", ["猫", "が", "好", "き", "。"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("مرحبا، يا عالم؟", ["مرحبا", "،", "يا", "عالم", "؟"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा", "।"]),
        ("a  \n\tb", ["a", "b"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_what_differs_is_marked_within_its_formatting() -> None:
    found = differences(
        render_markdown("# Boil\n\nTake **two** eggs & `salt < 1`."),
        render_markdown("# Boil\n\nTake **three** eggs & `salt < 2`."),
    )
    assert found.a == (
        '<h3 dir="auto">Boil</h3>\n<p dir="auto">Take <strong><del>two</del></strong> eggs &amp; '
        "<code>salt &lt; <del>1</del></code>.</p>\n"
    )
    assert "<strong><ins>three</ins></strong>" in found.b
    assert "&lt; <ins>2</ins>" in found.b
    assert found.places == 2
    assert found.share == 8 / 12


def test_words_in_common_count_wherever_they_stand() -> None:
    found = differences("<p>Six minutes.</p>", "<p>Wait, boil, then six minutes</p>")
    assert found.share == 4 / 7
    assert differences("<p>red fox</p>", "<p>fox, red</p>").share == 1


def test_a_passage_over_blocks_is_marked_in_each_of_them() -> None:
    found = differences(render_markdown("Same."), render_markdown("Same.\n\n- one\n- two words\n"))
    assert found.a == '<p dir="auto">Same.</p>\n'
    assert found.b.count("<ins>") == 2
    assert "<li><ins>two words</ins></li>" in found.b


def test_a_formula_is_one_word() -> None:
    found = differences(render_markdown("So $x^2$ it is"), render_markdown("So $x^3$ it is"))
    assert '<del><math display="inline" alttext="x^2">' in found.a
    assert "</math></ins> it is" in found.b


def test_code_and_tables_keep_their_form() -> None:
    a = "```python\nx = 1\n```\n\n|a|b|\n|-|-|\n|1|2|"
    found = differences(render_markdown(a), render_markdown(a.replace("2", "3")))
    assert '<pre class="highlight" dir="ltr" tabindex="0"><code><span class="n">x</span>' in found.a
    assert "<td><del>2</del></td>" in found.a
    assert "<td>1</td>" in found.a


def test_nothing_in_common_and_nothing_at_all() -> None:
    other = differences("<p>red fox</p>", "<p>blue whale swims</p>")
    assert (other.a, other.share) == ("<p><del>red fox</del></p>", 0)
    nothing = differences("", "")
    assert (nothing.a, nothing.b, nothing.share, nothing.places) == ("", "", 1, 0)


HTML = [render_markdown(case.text) for case in CORPUS.values() if len(case.text) < 20_000]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(HTML), st.sampled_from(HTML))
def test_hostile_text_stays_as_it_was(a: str, b: str) -> None:
    found = differences(a, b)
    for before, after in ((a, found.a), (b, found.b)):
        assert text_of(after) == text_of(before)
        plain = re.sub(r"</?(ins|del)>", "", after)
        assert re.findall(r"<[^>]*>", plain) == re.findall(r"<[^>]*>", before)
        reader = Reader()
        reader.feed(plain)
        assert not reader.open


def test_twenty_thousand_words_take_a_moment_and_more_are_refused() -> None:
    a = [f"w{(k * k) % 4001}" for k in range(20_000)]
    b = [f"w{(k * k * k) % 3989}" for k in range(20_000)]
    began = time.process_time()
    assert applied(operations(a, b), a, b) == b
    assert time.process_time() - began < 2
    with pytest.raises(Invalid, match="25,000 words"):
        operations(["x"] * (MOST_WORDS + 1), ["x"])
