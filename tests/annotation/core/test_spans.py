"""Marked passages: the text that a browser shows, and the way back to the Markdown behind it."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.core.errors import Invalid
from annotation.core.rendering import render_markdown
from annotation.core.spans import Alignment, find_passage, text_of

WORDS = st.from_regex(r"[a-zé字]{1,8}", fullmatch=True)


def source_of(markdown: str, quote: str) -> str:
    shown = text_of(render_markdown(markdown))
    passage = find_passage(shown, shown.find(quote), shown.find(quote) + len(quote), quote)
    start, end = Alignment(markdown, shown).in_source(passage.start, passage.end)
    return markdown[start:end]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a &amp; b&nbsp;c</p>\n", "a & b\N{NO-BREAK SPACE}c\n"),
        ("<pre>\n\nx</pre>", "\nx"),
        ("<pre><code>\nx</code></pre>", "\nx"),
        ("<p>a<br>\nb</p>", "a\nb"),
        ("a\r\nb", "a\nb"),
        ("<math><mi>x</mi><mn>2</mn></math>", "x2"),
        ("1 &lt; 2 &#x1F600;", "1 < 2 \U0001f600"),
        ("", ""),
    ],
)
def test_text_is_what_a_browser_calls_text_content(html: str, text: str) -> None:
    assert text_of(html) == text


def test_a_quote_is_found_where_it_was_seen_or_at_its_nearest_occurrence() -> None:
    shown = "one two one two one"
    assert find_passage(shown, 8, 11, "one").start == 8
    assert find_passage(shown, 7, 12, " one ").start == 8
    assert find_passage(shown, 13, 16, "one").start == 16
    assert find_passage(shown, 500, 503, "one").start == 16
    assert find_passage(shown, -4, 1, "two").start == 4
    for nothing in ("", "  \n", "three"):
        with pytest.raises(Invalid) as refused:
            find_passage(shown, 0, 3, nothing)
        assert refused.value.field == "spans"


@pytest.mark.parametrize(
    ("markdown", "quote", "written"),
    [
        ("It is **very** hot.", "very", "very"),
        ("It is **very** hot.", "is very hot", "is **very** hot"),
        ("See [the map](https://example.org/the/map) now", "map now",
         "map](https://example.org/the/map) now"),
        ("- one\n- two\n- three", "one\ntwo", "one\n- two"),
        ("# Title\n\nText", "Title\nText", "Title\n\nText"),
        ("a `b * c` d", "b * c", "b * c"),
        ("fish &amp; chips", "fish & chips", "fish &amp; chips"),
        ("| a | b |\n|---|---|\n| c | d |", "d", "d"),
        ("```python\nprint('x')\n```\ndone", "print('x')", "print('x')"),
        ("we get $\\alpha + 1$ here", "get", "get"),
        ("we get $\\alpha + 1$ here", "here", "here"),
        ("x ![a cat](https://example.org/c.png) y", "y", "y"),
        ("1. first\n2. second", "second", "second"),
        ("مرحبا **بالعالم** اليوم", "بالعالم", "بالعالم"),
        ("很**好**的答案", "好的", "好**的"),
    ],
)  # fmt: skip
def test_a_passage_is_traced_to_the_source(markdown: str, quote: str, written: str) -> None:
    assert source_of(markdown, quote) == written


def test_what_was_not_written_as_such_is_moved_outward() -> None:
    assert "$\\alpha" in source_of("we get $\\alpha + 1$ here", "α")
    assert "a cat" in source_of("x ![a cat](https://example.org/c.png) y", "[image: a cat]")


@given(st.text(alphabet="ab cé字*_`\n", min_size=1), st.data())
def test_of_plain_text_the_source_is_the_same(text: str, data: st.DataObject) -> None:
    kept = [at for at, character in enumerate(text) if not character.isspace()]
    if not kept:
        return
    start = data.draw(st.sampled_from(kept))
    last = data.draw(st.sampled_from([at for at in kept if at >= start]))
    assert Alignment(text, text).in_source(start, last + 1) == (start, last + 1)
    assert Alignment(text, f"{text}\n").in_source(start, last + 1) == (start, last + 1)


STYLES = ("{}", "**{}**", "*{}*", "`{}`", "[{}](https://example.org/x)", "~~{}~~")
BLOCKS = ("{}", "- {}", "> {}", "## {}", "1. {}")


@st.composite
def marked_down(draw: st.DrawFn) -> str:
    paragraphs = draw(st.lists(st.lists(st.tuples(WORDS, st.sampled_from(STYLES)), min_size=1,
                                        max_size=12), min_size=1, max_size=5))  # fmt: skip
    return "\n\n".join(
        draw(st.sampled_from(BLOCKS)).format(" ".join(style.format(word) for word, style in words))
        for words in paragraphs
    )


@settings(max_examples=150)
@given(marked_down(), st.data())
def test_the_source_of_a_passage_holds_its_words(markdown: str, data: st.DataObject) -> None:
    shown = text_of(render_markdown(markdown))
    words = [(found.start(), found.end()) for found in re.finditer(r"\S+", shown)]
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    begin, end = words[first][0], words[last][1]
    passage = find_passage(shown, begin, end, shown[begin:end])
    start, stop = Alignment(markdown, shown).in_source(passage.start, passage.end)
    written = iter(re.findall(r"\w+", markdown[start:stop]))
    assert all(word in written for word in re.findall(r"\w+", passage.quote)), "in their order"


def test_a_long_answer_is_traced_quickly() -> None:
    markdown = "\n\n".join(f"{n}. **word{n}** and [a link](https://example.org/{n}) $x^{n}$"
                           for n in range(1500))  # fmt: skip
    shown = text_of(render_markdown(markdown))
    at = shown.index("word1400")
    began = time.perf_counter()
    start, end = Alignment(markdown, shown).in_source(at, at + len("word1400"))
    assert time.perf_counter() - began < 1.5
    assert markdown[start:end] == "word1400"
