"""What of a response catches the eye whatever it says: length, lists, bold, code, a refusal.

Counts are of Markdown as it is written, in one pass over the lines; text is hostile, so no pattern
here can be made to backtrack.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OPENING = 400
"""A refusal is said at the beginning: so many characters are searched for one."""


class TextFeatures(NamedTuple):
    """Counts of one response; `code` counts fenced blocks and spans, `is_refusal` is 0 or 1."""

    characters: int
    words: int
    list_items: int
    headings: int
    bold: int
    code: int
    is_refusal: int


_FENCE = re.compile(r" {0,3}(```|~~~)")
_LIST_ITEM = re.compile(r"\s{0,12}(?:[-*+•]|\d{1,3}[.)])\s+\S")
_HEADING = re.compile(r" {0,3}#{1,6}\s+\S")
_BOLD = re.compile(r"\*\*[^\s*][^*\n]*\*\*|__[^\s_][^_\n]*__")
_CODE_SPAN = re.compile(r"`[^`\n]+`")

_UNABLE = r"(?:not able|unable|not going|not comfortable)"
_CANNOT = (
    rf"(?:can ?not|can't|could not|couldn't|will not|won't|would not|wouldn't|must not|am {_UNABLE}"
    r"|(?:do not|don't) feel comfortable|(?:must|have to) (?:respectfully )?decline)"
)
_WHAT = (
    r"(?:help|assist|provide|answer|offer|give|fulfil|fulfill|comply|create|write|generate|engage"
    r"|support|discuss|participate|satisfy|suggest|recommend|encourage|advise|share|do that|do this"
    r"|continue|respond|condone|promote|endorse|tell you|speculate|teach|guide|instruct)"
)
_WRONG = (
    r"(?:not|never|neither|in|un) ?(?:legal or |safe or |healthy or |accurate or )?"
    r"(?:appropriate|ethical|acceptable|okay|ok)"
)
_NEAR = r"[^.!?\n]{0,60}?"
_PHRASES = [
    rf"\bi (?:[a-z]+ )?{_CANNOT}\b{_NEAR}\b{_WHAT}",
    rf"\bi'm (?:[a-z]+ )?{_UNABLE}\b{_NEAR}\b{_WHAT}",
    r"\bi (?:must|have to) (?:[a-z]+ ){0,2}decline\b",
    r"\bi(?:'m| am) (?:really |very |so |deeply )?sorry,? (?:but |that )?(?:i|you're|you are)\b",
    r"\bsorry,? (?:but )?i (?:cannot|can not|can't|won't|am unable|am not able)\b",
    rf"\b(?:is|it's|it would be) {_WRONG}\b{_NEAR}\bto (?:ask|make|seek|spread|use|joke|{_WHAT})",
    r"\bi (?:do not|don't|cannot|can't) (?:condone|support|promote|endorse)\b",
    r"\band (?:do not|don't) condone\b|\bi strongly condemn\b",
    rf"\bes tut mir leid\b{_NEAR}\b(?:kann|darf|werde)\b{_NEAR}\bnicht\b",
    rf"\b(?:ich kann|ich darf|ich werde|dabei kann ich)\b{_NEAR}\bnicht (?:helfen|weiterhelfen"
    r"|behilflich|beantworten|unterstützen|bereitstellen)",
    r"(?:آسف|عذر[اً]+|أعتذر)[^.!؟\n]{0,40}(?:لا أستطيع|لا يمكنني|لن أ)",
]
_REFUSAL = re.compile("|".join(_PHRASES))


def text_features(text: str, *, reads_refusal: bool = True) -> TextFeatures:
    """The counts of one response, in Markdown; an empty response has none of anything.

    reads_refusal: whether to look for one, which takes most of the time; 0 where not.
    """
    list_items = headings = bold = code = 0
    fence = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1] == fence else fence
        elif mark:
            fence, code = mark[1], code + 1
        else:
            spans = _CODE_SPAN.findall(line)
            code += len(spans)
            bold += len(_BOLD.findall(_CODE_SPAN.sub(" ", line) if spans else line))
            list_items += _LIST_ITEM.match(line) is not None
            headings += _HEADING.match(line) is not None
    return TextFeatures(
        characters=len(text),
        words=len(text.split()),
        list_items=list_items,
        headings=headings,
        bold=bold,
        code=code,
        is_refusal=int(reads_refusal and is_refusal(text)),
    )


def is_refusal(text: str) -> bool:
    """Whether the response opens by declining, in English, German or Arabic.

    A pattern of words, not a judgment: it reads only the opening, so that "I can't recommend the
    second hotel" deep in an answer is none.
    """
    opening = text.lstrip()[:OPENING].lower().replace("’", "'").replace("ʼ", "'")
    return _REFUSAL.search(opening) is not None


def features_table(texts: Iterable[str]) -> NDArray[np.float64]:
    """(m, 7), a row for each text, columns as named in `TextFeatures._fields`."""
    rows = [text_features(text) for text in texts]
    return np.array(rows, dtype=np.float64).reshape(-1, len(TextFeatures._fields))
