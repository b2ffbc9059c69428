"""Characters that cannot be seen but change what is seen: made visible where they mislead.

Bidirectional embeddings, overrides and isolates reorder what stands around them; zero-width
characters, fillers and tags hide words or split them; control characters belong to terminals.
What a script needs stays: joiners in Arabic, Indic and emoji, break opportunities in scripts
without spaces, variation selectors behind what they vary, and the marks LRM, RLM and ALM.
"""

import re

_CONTROLS = "\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"
_DIRECTIONS = "\u202a-\u202e\u2066-\u2069"
_ZERO_WIDTH = "\u034f\u180b-\u180f\u200b-\u200d\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff"
_FILLERS = "\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a"
_VARIATIONS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS = "\U000e0000-\U000e007f"
_NON_CHARACTERS = "\ufdd0-\ufdef\ufffe\uffff"

LONGEST_SPELLED = 3
INVISIBLE = f"{_CONTROLS}{_DIRECTIONS}{_ZERO_WIDTH}{_FILLERS}{_VARIATIONS}{_TAGS}{_NON_CHARACTERS}"

_JOINED = (
    r"\u0600-\u0dff\u1000-\u109f\u1780-\u18af\ua840-\ua87f\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
)
_UNSPACED = r"\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_EMOJI = r"\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff"
_HAN = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"

# What is left alone comes first; what misleads is taken in runs, so that a page stays small.
_FOUND = re.compile(
    rf"(?P<kept>(?<=[{_JOINED}])[\u200c\u200d](?![\u200c\u200d])"
    rf"|(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])"
    rf"|(?<=[{_UNSPACED}])\u200b(?=[{_UNSPACED}])"
    r"|(?<=[\u1800-\u18af])[\u180b-\u180f]"
    rf"|(?<=[0-9#*{_EMOJI}])[\ufe0e\ufe0f]"
    rf"|(?<=[{_HAN}])[\ufe00-\ufe02\U000e0100-\U000e01ef]"
    r"|(?<=\U0001f3f4)[\U000e0030-\U000e007a]{1,7}\U000e007f)"
    rf"|(?P<misleads>[{INVISIBLE}]+)"
)


def names_of_invisible(text: str) -> str:
    """The text with misleading characters as code points: ``U+202E``, ``U+200B×3``.

    A longer run of different ones names the first: ``U+E0061…×12``.
    """
    return _FOUND.sub(_name, text)


def marks_of_invisible(html: str) -> str:
    """HTML with misleading characters of its text as ``<span class="invisible">U+202E</span>``.

    Expects HTML whose tags and attributes hold none of them. Linear in its length.
    """
    return _FOUND.sub(_mark, html)


def _name(found: re.Match[str]) -> str:
    run = found["misleads"]
    if run is None:
        return found[0]
    points = [f"U+{ord(character):04X}" for character in run[:LONGEST_SPELLED]]
    if len(run) == 1 or (len(run) <= LONGEST_SPELLED and len(set(run)) > 1):
        return " ".join(points)
    return f"{points[0]}{'' if len(set(run)) == 1 else '…'}×{len(run)}"


def _mark(found: re.Match[str]) -> str:
    if found["misleads"] is None:
        return found[0]
    return f'<span class="invisible">{_name(found)}</span>'
