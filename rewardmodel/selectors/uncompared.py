"""Pairs that nobody has been asked about: counted and drawn without making each."""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass

import numpy as np

from annotation.models import Comparison, Project
from annotation.selectors.work import compared_pairs, completions_by_prompt
from rewardmodel.core.pair_numbers import PairNumbers, left_over
from rewardmodel.core.pairs import Ints

# Of the pairs of held-out prompts so many are looked at, where there are more.
MOST_TESTED = 20_000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two completions of one prompt that nobody has been asked to compare yet."""

    prompt_id: int
    first_id: int
    second_id: int

    @property
    def completion_ids(self) -> frozenset[int]:
        """Both, whichever stands first."""
        return frozenset((self.first_id, self.second_id))


class Uncompared:
    """Every pair of one prompt's completions not shown together yet, by default of prompts that
    are not held out.

    There may be millions, so they are counted and drawn by number, in the order of prompts and
    completions, and none is made before it is drawn. `among`: ids of the only completions to look
    at, where not all can be weighed yet; `passed_over` is how many others there were.
    """

    def __init__(
        self, project: Project, *, among: Set[int] | None = None, is_held_out: bool = False
    ) -> None:
        every = completions_by_prompt(project, is_held_out=is_held_out)
        open_to = {
            prompt: [each.pk for each in own if among is None or each.pk in among]
            for prompt, own in every.items()
        }
        rows = [(key, prompt) for prompt, own in open_to.items() for key in own]
        self.passed_over = sum(map(len, every.values())) - len(rows)
        self._completions, self._prompts = np.array(rows, dtype=np.int64).reshape(-1, 2).T
        sizes = [len(own) for own in open_to.values()]
        self._numbers = PairNumbers(np.array(sizes, dtype=np.int64))
        place = {key: row for row, (key, _prompt) in enumerate(rows)}
        shown = [
            sorted(place[key] for key in pair)
            for pair in compared_pairs(project, is_held_out=is_held_out)
            if all(key in place for key in pair)
        ]
        first, second = np.array(shown, dtype=np.int64).reshape(-1, 2).T
        self._taken = np.sort(self._numbers.of(first, second))

    def __len__(self) -> int:
        return len(self._numbers) - len(self._taken)

    def all(self) -> list[Pair]:
        """Each of them; many, where there are many completions."""
        return self._at(np.arange(len(self)))

    def draw(self, most: int, *, seed: int) -> list[Pair]:
        """All of them, or so many with equal chances; the same for a seed."""
        if len(self) <= most:
            return self.all()
        drawn = np.random.default_rng(seed).choice(len(self), most, replace=False)
        return self._at(np.sort(drawn))

    def _at(self, places: Ints) -> list[Pair]:
        first, second = self._numbers.at(left_over(places, self._taken))
        columns = self._prompts[first], self._completions[first], self._completions[second]
        return [Pair(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def uncompared_pairs(project: Project) -> list[Pair]:
    """All of `Uncompared`, made."""
    return Uncompared(project).all()


def uncompared_count(project: Project) -> int:
    """How many there are, without making each of what may be millions."""
    return len(Uncompared(project))


def pairs_to_test_on(project: Project, most: int, *, seed: int) -> list[Pair]:
    """So many uncompared pairs of held-out prompts, drawn by chance.

    Prompts of which the fewest comparisons have been opened come first: votes on one prompt are
    alike, so that what is measured is surer with many prompts than with many votes.
    """
    if most < 1:
        return []
    pairs = Uncompared(project, is_held_out=True).draw(MOST_TESTED, seed=seed)
    waiting: dict[int, list[Pair]] = {}
    for place in np.random.default_rng([seed, 3]).permutation(len(pairs)).tolist():
        waiting.setdefault(pairs[place].prompt_id, []).append(pairs[place])
    opened = Comparison.objects.filter(project=project, prompt__is_held_out=True)
    times = Counter(opened.values_list("prompt_id", flat=True))
    found: list[Pair] = []
    while waiting and len(found) < most:
        prompt = min(waiting, key=times.__getitem__)
        found.append(waiting[prompt].pop())
        times[prompt] += 1
        if not waiting[prompt]:
            del waiting[prompt]
    return found
