"""Whatever a model writes is shown safely, legibly and quickly.

The allow-list is written out once more here and read by another parser than the one that cleans.
"""

import re
import time
from html.parser import HTMLParser

import pytest

from annotation.core.rendering import render_markdown, render_written
from annotation.core.spans import text_of
from tests.annotation.core.hostile_text import CORPUS, Hostile

PLAIN = {"blockquote", "br", "code", "em", "hr", "li", "s", "strong", "tbody", "thead", "tr", "ul"}
WITH_ATTRIBUTES = {
    "a": {"href", "rel", "target"},
    "div": {"class"},
    "ol": {"start"},
    "pre": {"class", "tabindex"},
    "span": {"class"},
    "td": {"class"},
    "th": {"class"},
}
BLOCKS = {"p", "h3", "h4", "h5", "h6", "table"}
MATHML = {
    "math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom",
    "mprescripts", "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup",
    "mtable", "mtd", "mtext", "mtr", "munder", "munderover",
}  # fmt: skip
NOT_IN_MATHML = re.compile(r"on|href|src|style|class|id$|name$|action|xlink|xmlns", re.IGNORECASE)
VOID = {"br", "hr"}
SECONDS = 5


class Reader(HTMLParser):
    """Refuses what is not on the list, and tags that do not close in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in PLAIN | BLOCKS | MATHML | WITH_ATTRIBUTES.keys()
        for name, value in attrs:
            if name == "dir":
                assert value in {"auto", "ltr"}
            elif tag in MATHML:
                assert not NOT_IN_MATHML.match(name)
            else:
                assert name in WITH_ATTRIBUTES.get(tag, set())
                self._check(name, value or "")
        if tag not in VOID:
            self.open.append(tag)

    def _check(self, name: str, value: str) -> None:
        if name == "href":
            assert re.match(r"(https?://|mailto:)[\x21-\x7e]*$", value, re.IGNORECASE)
        elif name == "class":
            assert re.fullmatch(r"[a-z][a-z0-9-]{0,11}", value)
        elif name in {"tabindex", "start"}:
            assert value.isdecimal()
        else:
            assert value in {"_blank", "noopener noreferrer nofollow"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def assert_safe(html: str) -> None:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    # Nothing that reorders or hides, outside of the scripts that need it.
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x9b\u202a-\u202e\u2066-\u2069]", html)


def assert_legible(html: str, case: Hostile) -> None:
    shown = text_of(html)
    for words in case.visible:
        assert words in shown
    for mark in case.named:
        assert f'<span class="invisible">{mark}</span>' in html


def test_there_are_enough_cases() -> None:
    assert len(CORPUS) >= 150


@pytest.mark.parametrize("name", CORPUS)
def test_it_is_safe_legible_and_quick(name: str) -> None:
    case = CORPUS[name]
    began = time.process_time()
    html = render_markdown(case.text)
    assert time.process_time() - began < SECONDS
    assert_safe(html)
    assert_legible(html, case)
    assert bool(html) == bool(case.text.strip())


@pytest.mark.parametrize("name", CORPUS)
def test_as_written_it_is_all_there(name: str) -> None:
    text = CORPUS[name].text
    began = time.process_time()
    html = render_written(text)
    assert time.process_time() - began < SECONDS
    assert_safe(html)
    spelled = text_of(re.sub(r'<span class="invisible">.*?</span>', "", html))
    written = text.encode("utf-8", "replace").decode().translate({0: "\ufffd", 0x3164: ""})
    assert "".join(re.findall(r"\w", spelled)) == "".join(re.findall(r"\w", written))
