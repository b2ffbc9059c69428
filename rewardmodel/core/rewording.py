"""Harmless changes of a response, to see whether a reward minds what no reader would.

Each keeps every word in its place: other quotation marks, other bullets, white space, a last full
stop. A reward model whose preference turns by them looks at form.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from annotation.core.intervals import Proportion, wilson
from rewardmodel.core.pairs import Floats

_BULLET = re.compile(r"^(\s*)([*-])(\s+)", re.MULTILINE)
_GAP = re.compile(r"\n{2,}")
_QUOTES = {'"': ("\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}")}


def other_bullets(text: str) -> str:
    """A list with dashes instead of asterisks, and the other way round."""
    return _BULLET.sub(lambda m: m[1] + ("*" if m[2] == "-" else "-") + m[3], text)


def other_gaps(text: str) -> str:
    """One blank line more between paragraphs; Markdown reads both alike."""
    return _GAP.sub("\n\n\n", text)


def other_stop(text: str) -> str:
    """Without its last full stop, or with one."""
    bare = text.rstrip()
    return bare[:-1] if bare.endswith(".") else f"{bare}." if bare[-1:].isalnum() else bare


def other_quotes(text: str) -> str:
    """Straight double quotation marks as curved ones, opening and closing in turn."""
    parts = text.split('"')
    opening, closing = _QUOTES['"']
    marks = (opening if at % 2 == 0 else closing for at in range(len(parts) - 1))
    return "".join(a + b for a, b in zip(parts, [*marks, ""], strict=True))


def other_bold(text: str) -> str:
    """Bold by underscores instead of asterisks; Markdown shows both alike."""
    return re.sub(r"\*\*([^\s*][^*\n]*)\*\*", r"__\1__", text)


def padded(text: str) -> str:
    """White space at the end, which nobody sees."""
    return f"{text.rstrip()} \n"


CHANGES: tuple[Callable[[str], str], ...] = (
    other_bullets, other_gaps, other_quotes, other_bold, other_stop, padded,
)  # fmt: skip


def reworded(text: str) -> str:
    """All changes together; what none of them touches comes back with white space at its end."""
    for change in CHANGES:
        text = change(text)
    return text


@dataclass(frozen=True, slots=True)
class Consistency:
    """Share of pairs whose preference turned when one response was reworded, and by how much.

    moved: median change of the reward, as a share of the spread of rewards.
    """

    flipped: Proportion
    moved: float | None


def consistency(before: Floats, after: Floats, others: Floats, spread: float) -> Consistency:
    """Rewards (n,) of responses as they were, reworded, and of what each was compared with."""
    if not len(before):
        return Consistency(wilson(0, 0), None)
    turned = np.sign(before - others) != np.sign(after - others)
    moved = float(np.median(np.abs(after - before)) / spread) if spread > 0 else None
    return Consistency(wilson(int(turned.sum()), len(turned)), moved)


def swap_error(chances: Callable[[Floats], Floats], difference: Floats) -> float:
    """Greatest change of a chance when a pair is shown the other way round; 0 where it is exact."""
    if not len(difference):
        return 0.0
    one, other = chances(difference), chances(-difference)
    return float(np.abs(one - other[:, [1, 0, 2]]).max())


def sample(size: int, prompts: Sequence[int], keys: Sequence[int], seed: int) -> list[int]:
    """Up to `size` places with different keys, of different prompts as far as possible.

    Which keys are drawn hangs on the seed and on each key alone: of a project that grows mostly
    the same are drawn again, so that what was read of them serves again.
    """
    lot = {key: blake2b(f"{seed}/{key}".encode(), digest_size=8).digest() for key in set(keys)}
    first: dict[int, int] = {}
    rest, seen = [], set()
    for at in sorted(range(len(keys)), key=lambda place: lot[keys[place]]):
        if keys[at] in seen:
            continue
        seen.add(keys[at])
        if first.setdefault(prompts[at], at) != at:
            rest.append(at)
    return [*first.values(), *rest][:size]
