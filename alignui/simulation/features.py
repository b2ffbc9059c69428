"""What a synthetic annotator can see in a response: plain facts of its text, each from 0 to 1."""

import math
import re
from collections import Counter
from collections.abc import Mapping

Features = Mapping[str, float]

NAMES = ("length", "rambling", "list", "repetition", "on_topic", "finished", "empty")

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_LIST_LINE = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+\S", re.MULTILINE)
_ENDS = tuple(".!?…)\"”'`*}]:")

SATURATION_WORDS = 60
RAMBLING_WORDS = 220
SHORTEST_TOPIC_WORD = 5


def features(prompt: str, response: str) -> Features:
    """The response's features; `prompt` is the text of the user's last turn.

    - length: rises steeply at first and saturates, 1 - exp(-words / 60);
    - rambling: how far it goes beyond 220 words, in units of its whole length;
    - list: lines that begin like those of a list, up to five;
    - repetition: the share of three-word sequences that occurred before;
    - on_topic: the share of the prompt's longer words that occur in the response;
    - finished: whether it ends like a sentence, 0 where it was cut;
    - empty: 1 where there is nothing to read.
    """
    words = _words(response)
    n = len(words)
    triples = Counter(zip(words, words[1:], words[2:], strict=False))
    topic = {word for word in _words(prompt) if len(word) >= SHORTEST_TOPIC_WORD}
    return {
        "length": 1 - math.exp(-n / SATURATION_WORDS),
        "rambling": max(0.0, n - RAMBLING_WORDS) / n if n else 0.0,
        "list": min(len(_LIST_LINE.findall(response)), 5) / 5,
        "repetition": 1 - len(triples) / triples.total() if triples else 0.0,
        "on_topic": len(topic & set(words)) / len(topic) if topic else 0.0,
        "finished": float(response.rstrip().endswith(_ENDS)),
        "empty": float(not words),
    }


def word_count(text: str) -> int:
    return len(_words(text))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
