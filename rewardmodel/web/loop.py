"""The loop as a picture: where each step stands, and the ways between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from annotation.models import Project
from annotation.selectors.overview import DONE, DUE, EMPTY, FAILED, IDLE, RUNNING, LoopStep

COLUMNS = 5
WIDTH, HEIGHT, GAP, ROW_GAP = 206, 112, 40, 56
NARROW_WIDTH, NARROW_HEIGHT, NARROW_GAP = 316, 70, 18
SIGNS = {DONE: "✓", RUNNING: "●", DUE: "!", FAILED: "✕", IDLE: "○", EMPTY: "○"}


@dataclass(frozen=True, slots=True)
class Node:
    """A step with its place in the picture."""

    step: LoopStep
    href: str
    sign: str
    state_words: str
    x: int
    y: int
    width: int
    height: int

    @property
    def detail(self) -> str:
        """As much of the step's detail as the node has room for."""
        return Truncator(self.step.detail).chars(29)

    @property
    def right(self) -> int:
        """Where its right edge is."""
        return self.x + self.width

    @property
    def middle(self) -> int:
        """Half way down."""
        return self.y + self.height // 2

    @property
    def centre(self) -> int:
        """Half way across."""
        return self.x + self.width // 2


@dataclass(frozen=True, slots=True)
class Picture:
    """One rendition: `name` keeps the ids of two renditions on one page apart."""

    name: str
    width: int
    height: int
    nodes: tuple[Node, ...]
    ways: tuple[str, ...]


def state_words(state: str) -> str:
    """A step's state as people say it."""
    return {
        DONE: _("up to date"),
        RUNNING: _("at work"),
        DUE: _("due"),
        FAILED: _("failed"),
        IDLE: _("idle"),
        EMPTY: _("nothing yet"),
    }[state]


def pictures(project: Project, steps: Sequence[LoopStep]) -> tuple[Picture, Picture]:
    """The loop for a wide page, and for a narrow one."""
    return _wide(project, steps), _narrow(project, steps)


def _wide(project: Project, steps: Sequence[LoopStep]) -> Picture:
    """Two rows: the first goes to the right, the second comes back, and closes the loop."""
    nodes = []
    for number, step in enumerate(steps):
        row, place = divmod(number, COLUMNS)
        column = place if row == 0 else COLUMNS - 1 - place
        x, y = 1 + column * (WIDTH + GAP), 1 + row * (HEIGHT + ROW_GAP)
        nodes.append(_node(project, step, x, y, WIDTH, HEIGHT))
    ways = [_sideways(a, b) for a, b in pairwise(nodes) if a.y == b.y]
    ways += [f"M{a.centre} {a.y + a.height} V{b.y - 4}" for a, b in pairwise(nodes) if a.y != b.y]
    ways.append(_closing(_by_key(nodes, "batch"), _by_key(nodes, "comparisons")))
    return Picture(
        "wide", COLUMNS * WIDTH + (COLUMNS - 1) * GAP + 2, 2 * HEIGHT + ROW_GAP + 2,
        tuple(nodes), tuple(ways),
    )  # fmt: skip


def _narrow(project: Project, steps: Sequence[LoopStep]) -> Picture:
    """One column; the loop closes along its right side."""
    step_height = NARROW_HEIGHT + NARROW_GAP
    nodes = [
        _node(project, step, 1, 1 + number * step_height, NARROW_WIDTH, NARROW_HEIGHT)
        for number, step in enumerate(steps)
    ]
    ways = [f"M28 {a.y + a.height} V{b.y - 4}" for a, b in pairwise(nodes)]
    start, end = _by_key(nodes, "batch"), _by_key(nodes, "comparisons")
    side = start.right + 22
    ways.append(f"M{start.right} {start.middle} H{side} V{end.middle} H{end.right + 4}")
    height = len(nodes) * step_height - NARROW_GAP + 2
    return Picture("narrow", NARROW_WIDTH + 26, height, tuple(nodes), tuple(ways))


def _node(project: Project, step: LoopStep, x: int, y: int, width: int, height: int) -> Node:
    return Node(
        step=step,
        href=reverse(step.url_name, args=[project.slug]),
        sign=SIGNS[step.state],
        state_words=state_words(step.state),
        x=x,
        y=y,
        width=width,
        height=height,
    )


def _by_key(nodes: Sequence[Node], key: str) -> Node:
    return next(node for node in nodes if node.step.key == key)


def _sideways(a: Node, b: Node) -> str:
    if a.x < b.x:
        return f"M{a.right} {a.middle} H{b.x - 4}"
    return f"M{a.x} {a.middle} H{b.right + 4}"


def _closing(start: Node, end: Node) -> str:
    """From the next batch up and over to the comparisons that it opens."""
    between = (end.y + end.height + start.y) // 2
    return f"M{start.centre} {start.y} V{between} H{end.centre} V{end.y + end.height + 4}"
