"""Which ratings belong together: of a batch, a pool, a language, a tag, a pair of policies, a week.

A dimension names its slices, the largest first; each is a part of the ratings. Slices of one
dimension may overlap: a prompt has several tags, and a person may be in two pools.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from annotation.core.rated_units import Rated
from annotation.core.ratings import Bools, Ints, numbered

LARGEST = 30
WEEKS_AT_MOST_DAYS = 120


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the ratings; `key` finds it again, `label` is what people call it."""

    key: str
    label: str
    kept: Bools


@dataclass(frozen=True, slots=True)
class Dimension:
    """The largest slices, and how many more there are."""

    slices: tuple[Slice, ...]
    n_more: int


def by_code(codes: Ints, labels: Mapping[int, str], *, most: int = LARGEST) -> Dimension:
    """Slices of ratings with one code each, (n,); a code without a label is in none."""
    known, places = numbered(codes)
    sizes = np.bincount(places, minlength=len(known))
    order = [at for at in np.lexsort((known, -sizes)) if int(known[at]) in labels]
    return Dimension(
        tuple(Slice(str(known[at]), labels[int(known[at])], places == at) for at in order[:most]),
        max(0, len(order) - most),
    )


def by_members(
    ids: Ints, groups: Mapping[str, tuple[str, Sequence[int]]], *, most: int = LARGEST
) -> Dimension:
    """Slices of ratings whose id, (n,), is a member; groups by key have a label and members."""
    known, places = numbered(ids)
    counts = np.bincount(places, minlength=len(known))
    place_of = {int(key): at for at, key in enumerate(known)}
    found: list[tuple[int, str, list[int]]] = []
    for key, (_label, members) in groups.items():
        own = [place_of[member] for member in members if member in place_of]
        if own:
            found.append((-int(counts[own].sum()), key, own))
    found.sort(key=lambda each: each[:2])
    slices = []
    for _size, key, own in found[:most]:
        is_member = np.zeros(len(known), dtype=bool)
        is_member[own] = True
        slices.append(Slice(key, groups[key][0], is_member[places]))
    return Dimension(tuple(slices), max(0, len(found) - most))


def by_pair(
    rated: Rated, policy_of: Mapping[int, int], names: Mapping[int, str], *, most: int = LARGEST
) -> Dimension:
    """Slices by which two policies were compared, or whose response was marked."""
    first, second = (_mapped(each, policy_of) for each in (rated.first, rated.second))
    low, high = np.minimum(first, second), np.maximum(first, second)
    base = int(high.max(initial=0)) + 1
    codes = low * base + high
    is_marked = bool((rated.first == rated.second).all())
    labels = {
        int(code): _pair_name(names, *divmod(int(code), base), is_marked=is_marked)
        for code in np.unique(codes)
    }
    found = by_code(codes, labels, most=most)
    return Dimension(
        tuple(
            Slice("-".join(map(str, divmod(int(each.key), base))), each.label, each.kept)
            for each in found.slices
        ),
        found.n_more,
    )


def by_time(rated: Rated, days: Ints, *, most: int = LARGEST) -> Dimension:
    """Slices by the week (or month) in which a comparison got its last judgment, in time's order.

    So no two ratings of one comparison are parted. `days`, (J,), are ordinals of dates. Of more
    than `most` the newest are kept.
    """
    comparisons, places = numbered(rated.comparisons)
    last = np.zeros(len(comparisons), dtype=np.int64)
    np.maximum.at(last, places, days[rated.judgment_of])
    is_weekly = len(last) > 0 and int(last.max() - last.min()) <= WEEKS_AT_MOST_DAYS
    names = {int(day): _period(date.fromordinal(int(day)), is_weekly) for day in np.unique(last)}
    periods = sorted(set(names.values()), reverse=True)
    number = {period: at for at, period in enumerate(periods)}
    codes = np.array([number[names[int(day)]] for day in last], dtype=np.int64)[places]
    slices = tuple(Slice(period, period, codes == at) for at, period in enumerate(periods[:most]))
    return Dimension(tuple(reversed(slices)), max(0, len(periods) - most))


def by_tag(prompts: Ints, tags: Mapping[int, Sequence[str]], *, most: int = LARGEST) -> Dimension:
    """Slices of ratings whose prompt, (n,), has a tag (or a language)."""
    members: dict[str, list[int]] = {}
    for prompt, own in tags.items():
        for tag in own:
            members.setdefault(tag, []).append(prompt)
    return by_members(prompts, {tag: (tag, of) for tag, of in members.items()}, most=most)


def _period(day: date, is_weekly: bool) -> str:
    if not is_weekly:
        return f"{day:%Y-%m}"
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _pair_name(names: Mapping[int, str], low: int, high: int, *, is_marked: bool) -> str:
    one, other = names.get(low, "?"), names.get(high, "?")
    return one if is_marked else f"{one} / {other}"


def _mapped(ids: Ints, values: Mapping[int, int]) -> Ints:
    known, places = numbered(ids)
    return np.array([values.get(int(key), 0) for key in known], dtype=np.int64)[places]
