"""Which words differ between two responses, and where these stand in their rendered HTML.

Words are compared, not characters, so that a mark says something; scripts that write no spaces are
compared by character. The alignment is a longest common subsequence.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser

from rapidfuzz.distance import Indel

from annotation.core.errors import Invalid
from annotation.core.rendering import sanitise

# The alignment takes time and memory in proportion to the product of the two lengths: at this many
# words a tenth of a second and some 80 MB.
MOST_WORDS = 25_000
LONGEST_ISLAND = 3

# A word of a script with spaces and its marks; or any other single character.
_WORD = re.compile(
    r"(?:(?![،؛؟۔।॥])[0-9A-Za-z_\u00aa\u00b5\u00ba\u00c0-\u1fff\u200c\u200d\u2c00-\u2dff"
    r"\ua640-\uabff\uac00-\ud7a3\ufb00-\ufdff\ufe70-\ufefc\U00010000-\U00016fff]|(?<=\w)['’](?=\w))+|\S"
)


@dataclass(frozen=True, slots=True)
class Operation:
    """`a[a_start:a_end]` stands where `b[b_start:b_end]` does; they are equal if `is_same`."""

    is_same: bool
    a_start: int
    a_end: int
    b_start: int
    b_end: int

    @property
    def size(self) -> int:
        return max(self.a_end - self.a_start, self.b_end - self.b_start)


@dataclass(frozen=True, slots=True)
class Differences:
    """Both texts as HTML, what only `a` says in ``<del>``, what only `b` says in ``<ins>``.

    `share` is the part of all words, signs left out, that both have in common wherever they stand,
    from 0 to 1; `places` counts where they differ.
    """

    a: str
    b: str
    share: float
    places: int


def words(text: str) -> list[str]:
    """The words and signs of a text, in order, without white space."""
    return _WORD.findall(text)


def operations(a: Sequence[str], b: Sequence[str]) -> list[Operation]:
    """How to get from one sequence of words to another: alternately the same and not.

    A few words in common between two longer differences are taken as chance and join them. Raises
    Invalid over `MOST_WORDS` words.
    """
    if max(len(a), len(b)) > MOST_WORDS:
        raise Invalid(
            f"Differences are shown for responses of up to {MOST_WORDS:,} words.",
            hint="These are longer. Read them side by side.",
        )
    numbers: dict[str, int] = {}
    aligned = Indel.opcodes(
        [numbers.setdefault(word, len(numbers)) for word in a],
        [numbers.setdefault(word, len(numbers)) for word in b],
    )
    kept: list[Operation] = []
    for code in aligned:
        is_same = code.tag == "equal"
        _push(
            kept,
            Operation(is_same, code.src_start, code.src_end, code.dest_start, code.dest_end),
        )
    return kept


def applied(found: Sequence[Operation], a: Sequence[str], b: Sequence[str]) -> list[str]:
    """What the operations make of `a`, with the words of `b` where they differ."""
    made: list[str] = []
    for each in found:
        made += a[each.a_start : each.a_end] if each.is_same else b[each.b_start : each.b_end]
    return made


def differences(a_html: str, b_html: str) -> Differences:
    """Two renderings with the words marked that only one of them has. Raises Invalid if too long.

    Formatting is left alone and not compared; a formula counts as one word.
    """
    a, b = _Marked(a_html), _Marked(b_html)
    found = operations(a.words, b.words)
    places = sum(not each.is_same for each in found)
    return Differences(
        a=a.html("del", [(each.a_start, each.a_end) for each in found if not each.is_same]),
        b=b.html("ins", [(each.b_start, each.b_end) for each in found if not each.is_same]),
        share=_share(a.words, b.words) if places else 1.0,
        places=places,
    )


def _share(a: Sequence[str], b: Sequence[str]) -> float:
    """Which part of the words of both, wherever they stand, has its like in the other."""
    said, other = (
        Counter(word.casefold() for word in each if word[0].isalnum() or len(word) > 1)
        for each in (a, b)
    )
    total = said.total() + other.total()
    return 2 * (said & other).total() / total if total else 0.0


def _push(kept: list[Operation], new: Operation) -> None:
    """Adds an operation, joined with a difference before it over at most a small island."""
    while not new.is_same and kept:
        last = kept[-1]
        if not last.is_same:
            kept.pop()
            new = _joined(last, new)
        elif len(kept) > 1 and last.size <= min(LONGEST_ISLAND, kept[-2].size, new.size):
            kept.pop()
            new = _joined(kept.pop(), new)
        else:
            break
    kept.append(new)


def _joined(first: Operation, last: Operation) -> Operation:
    return Operation(False, first.a_start, last.a_end, first.b_start, last.b_end)


@dataclass(slots=True)
class _Piece:
    """A tag, a whole formula, or the text between two of these; `says` is what is compared."""

    raw: str
    says: str = ""
    is_atom: bool = False


class _Marked(HTMLParser):
    """A sanitised fragment as its words, to be written again with some of them marked."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[_Piece] = []
        self._is_in_formula = False
        self.feed(html)
        self.close()
        self._places = list(self._find())
        self.words = [
            piece.says if piece.is_atom else piece.says[start:end]
            for piece, start, end in ((self._pieces[k], s, e) for k, s, e in self._places)
        ]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raw = self.get_starttag_text() or ""
        if self._is_in_formula:
            self._pieces[-1].raw += raw
        elif tag == "math":
            self._is_in_formula = True
            self._pieces.append(_Piece(raw, f"${dict(attrs).get('alttext')}$", is_atom=True))
        else:
            self._pieces.append(_Piece(raw))

    def handle_endtag(self, tag: str) -> None:
        if self._is_in_formula:
            self._pieces[-1].raw += f"</{tag}>"
            self._is_in_formula = tag != "math"
        else:
            self._pieces.append(_Piece(f"</{tag}>"))

    def handle_data(self, data: str) -> None:
        if self._is_in_formula:
            self._pieces[-1].raw += escape(data)
        else:
            self._pieces.append(_Piece(escape(data), data))

    def html(self, tag: str, marked: Sequence[tuple[int, int]]) -> str:
        """The fragment with the words of each range in `tag`, within their blocks."""
        runs: dict[int, list[tuple[int, int]]] = {}
        for first, end in marked:
            of_range: dict[int, tuple[int, int]] = {}
            for k, start, stop in self._places[first:end]:
                of_range[k] = (of_range.get(k, (start, stop))[0], stop)
            for k, run in of_range.items():
                runs.setdefault(k, []).append(run)
        written = (_write(piece, tag, runs.get(k, [])) for k, piece in enumerate(self._pieces))
        return sanitise("".join(written))

    def _find(self) -> Iterator[tuple[int, int, int]]:
        """Each word as (piece, start, end)."""
        for k, piece in enumerate(self._pieces):
            if piece.is_atom:
                yield k, 0, len(piece.says)
            else:
                yield from ((k, *found.span()) for found in _WORD.finditer(piece.says))


def _write(piece: _Piece, tag: str, runs: Sequence[tuple[int, int]]) -> str:
    if not runs:
        return piece.raw
    if piece.is_atom:
        return f"<{tag}>{piece.raw}</{tag}>"
    written, at = "", 0
    for start, end in runs:
        written += escape(piece.says[at:start])
        written += f"<{tag}>{escape(piece.says[start:end])}</{tag}>"
        at = end
    return written + escape(piece.says[at:])
