"""Passages that a reader marked: found in what was shown, and traced to what was written.

Offsets count characters (code points). What is shown is the text of the rendered HTML, as a
browser's `textContent` gives it; what was written is the Markdown source.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser

from annotation.core.errors import Invalid, gettext_noop

# How the walk finds its place again where the two differ: behind markup that is never shown, behind
# marks, or else by (characters that must agree, how far to look): many may lie far ahead.
UNSHOWN = re.compile(
    r"\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)"  # a link's address
    r"|^[ \t>]*(?:\d{1,9}[.)]|[-*+])(?=\s)"  # the sign of a list item
    r"|^[ \t>]*(?:```+|~~~+)[^\n]*$"  # the fences of code
    r"|^[ \t>]*\|?[ \t]*:?-+[-:| \t]*$",  # the rule of a table
    re.MULTILINE,
)
MARKS = re.compile(r"[^\w]+|_+")
LONGEST_MARKS = 12
RESUMPTIONS = ((12, 4_000), (5, 120), (2, 12), (1, 4))
LONGEST_UNWRITTEN = 60


@dataclass(frozen=True, slots=True)
class Passage:
    """Where a quote stands, `start` included, `end` not; `quote` is the text between them."""

    start: int
    end: int
    quote: str


def text_of(html: str) -> str:
    """The text of an HTML fragment, character for character as a browser's `textContent`."""
    reader = _TextReader()
    reader.feed(html.replace("\r\n", "\n").replace("\r", "\n"))
    reader.close()
    return "".join(reader.parts)


def find_passage(shown: str, start: int, end: int, quote: str) -> Passage:
    """The quote where the reader saw it, without white space at its ends.

    Where the text between the offsets is another one, the nearest occurrence of the quote counts.
    Raises Invalid when the quote says nothing or stands nowhere in the text.
    """
    wanted = quote.strip()
    if not wanted:
        raise Invalid(gettext_noop("Mark at least one word."), field="spans")
    if 0 <= start < end <= len(shown) and shown[start:end].strip() == wanted:
        start += len(shown[start:end]) - len(shown[start:end].lstrip())
    else:
        start = _nearest(shown, wanted, start)
    return Passage(start, start + len(wanted), wanted)


class _TextReader(HTMLParser):
    """Collects character data. A line break right after <pre> is no text, as in browsers."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._opens_pre = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._opens_pre = tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        self._opens_pre = False

    def handle_data(self, data: str) -> None:
        self.parts.append(data.removeprefix("\n") if self._opens_pre else data)
        self._opens_pre = False


def _nearest(shown: str, quote: str, start: int) -> int:
    start = min(max(start, 0), len(shown))
    before = shown.rfind(quote, 0, start + len(quote))
    after = shown.find(quote, start)
    found = [at for at in (before, after) if at >= 0]
    if not found:
        raise Invalid(
            gettext_noop("A passage that you marked is not in the response."),
            field="spans",
            hint=gettext_noop("Remove that mark and mark the passage again."),
        )
    return min(found, key=lambda at: abs(at - start))


class Alignment:
    """The way from what is shown back to the source that it was rendered from.

    The rendering keeps nearly all characters of the source, in their order, and drops markup
    between them. White space counts for nothing. Linear in the texts' lengths.
    """

    def __init__(self, source: str, shown: str) -> None:
        self._length = len(source)
        written = [at for at, character in enumerate(source) if not character.isspace()]
        seen = [at for at, character in enumerate(shown) if not character.isspace()]
        unshown = {
            bisect_left(written, found.start()): bisect_left(written, found.end())
            for found in UNSHOWN.finditer(source)
        }
        pairs = _walk(_picked(source, written), _picked(shown, seen), unshown)
        self._seen = [seen[i] for i, _ in pairs]
        self._written = [written[j] for _, j in pairs]

    def in_source(self, start: int, end: int) -> tuple[int, int]:
        """The offsets in the source of a passage of what is shown.

        A boundary that was not written as such (a formula's symbol, the words of an image) is
        moved outward to the nearest character that was.
        """
        return self._start(start), self._end(end)

    def _start(self, at: int) -> int:
        """The source offset of a passage that begins at `at`."""
        found = bisect_left(self._seen, at)
        if found < len(self._seen) and self._seen[found] == at:
            return self._written[found]
        return self._written[found - 1] + 1 if found else 0

    def _end(self, at: int) -> int:
        """The source offset behind a passage whose last character is the one before `at`."""
        found = bisect_right(self._seen, at - 1)
        if found and self._seen[found - 1] == at - 1:
            return self._written[found - 1] + 1
        return self._written[found] if found < len(self._written) else self._length


def _picked(text: str, kept: list[int]) -> str:
    return "".join([text[at] for at in kept])


def _walk(source: str, shown: str, unshown: Mapping[int, int]) -> list[tuple[int, int]]:
    """Pairs (i, j) with shown[i] == source[j], rising in both."""
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(shown) and j < len(source):
        if shown[i] == source[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif unshown.get(j, j) > j:
            j = unshown[j]
        else:
            i, j = _resume(source, shown, i, j)
    return pairs


def _resume(source: str, shown: str, i: int, j: int) -> tuple[int, int]:
    """Where the two agree again: usually at `i` itself, behind marks that are not shown."""
    marks = MARKS.match(source, j, j + LONGEST_MARKS)
    if marks and source.startswith(shown[i], marks.end()):
        return i, marks.end()
    for length, reach in RESUMPTIONS:
        found = source.find(shown[i : i + length], j, j + length + reach)
        if found >= 0:
            return i, found
    for skipped in range(i + 1, min(i + LONGEST_UNWRITTEN, len(shown))):
        found = source.find(shown[skipped : skipped + 5], j, j + 300)
        if found >= 0:
            return skipped, found
    return i + 1, j
