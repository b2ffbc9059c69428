"""What of a response catches the eye, as columns that a reward may weigh; they can be left out.

Unlike a language model's states these can be named, so that a lead sees what a reward leans on.
Counts enter by their logarithm, because the second list item tells more than the twentieth.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from annotation.core.text_features import text_features
from rewardmodel.core.pairs import Floats
from rewardmodel.core.reward_model import Text

NAMES = (
    "log_characters", "log_words", "list_items", "headings", "bold", "code", "is_refusal",
    "repetition", "from_prompt", "of_prompt", "is_copy", "is_unfinished", "starts_low", "lines",
    "variety", "word_length", "asks", "has_link",
)  # fmt: skip
ABOUT_LENGTH = ("log_characters", "log_words")

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_ENDS = tuple(".!?…)\"”'’`*}]|:;。！？؟")
_LINK = re.compile(r"https?://\S")
LONGER_WORD = 4


def text_columns(texts: Sequence[Text]) -> Floats:
    """(N, 18), columns as in NAMES; an empty response has nothing of anything."""
    rows = [_row(text) for text in texts]
    return np.array(rows, dtype=float).reshape(-1, len(NAMES))


def last_question(text: Text) -> str:
    """What the user said last."""
    asked = [message["content"] for message in text.messages if message["role"] == "user"]
    return asked[-1] if asked else ""


def _row(text: Text) -> tuple[float, ...]:
    facts, written = text_features(text.text), text.text.strip()
    asked = last_question(text).lower()
    words, known = _words(written), set(_words(asked))
    long_known = {word for word in known if len(word) > LONGER_WORD}
    triples = Counter(zip(words, words[1:], words[2:], strict=False))
    logs = (facts.characters, facts.words, facts.list_items, facts.headings, facts.bold, facts.code)
    return (
        *(float(np.log1p(count)) for count in logs),
        float(facts.is_refusal),
        1 - len(triples) / triples.total() if triples else 0.0,
        sum(word in known for word in words) / len(words) if words else 0.0,
        len(long_known & set(words)) / len(long_known) if long_known else 0.0,
        float(bool(written) and written.lower() in asked),
        float(bool(written) and not written.endswith(_ENDS)),
        float(written[:1].islower()),
        float(np.log1p(written.count("\n"))),
        len(set(words)) / len(words) if words else 0.0,
        sum(map(len, words)) / len(words) if words else 0.0,
        float("?" in written or "؟" in written),
        float(_LINK.search(written) is not None),
    )


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
