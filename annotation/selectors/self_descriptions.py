"""How many annotators of a project say what of themselves, never who."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from annotation.core.errors import NotFound
from annotation.models import Project, SelfDescription, User
from annotation.selectors.access import may_judge, projects_led

LEAST = 5


@dataclass(frozen=True, slots=True)
class Group:
    value: str
    n: int


@dataclass(frozen=True, slots=True)
class Groups:
    """One field: its groups, largest first, and how many people are in those not shown."""

    field: str
    shown: tuple[Group, ...]
    n_hidden: int


def self_descriptions(*, lead: User, project: Project) -> tuple[Groups, ...]:
    """Counts by group for a lead of the project. Groups of fewer than 5 people are not shown.

    Nor is the smallest other group where those hidden are fewer than 5 together: the difference
    would give them away. Raises NotFound for whoever does not lead the project.
    """
    if not projects_led(lead).filter(pk=project.pk).exists():
        raise NotFound("There is no such project for you.")
    said = list(SelfDescription.objects.filter(user__in=may_judge(project)).order_by("pk"))
    return (
        _groups("age_band", ([each.age_band] for each in said)),
        _groups("gender", ([each.gender] for each in said)),
        _groups("region", ([each.region] for each in said)),
        _groups("first_languages", (each.first_languages for each in said)),
        _groups("expertise", (each.expertise for each in said)),
    )


def _groups(field: str, answers: Iterable[list[str]]) -> Groups:
    """Answers that differ in capitals alone are one group, under the first spelling."""
    spelling: dict[str, str] = {}
    counted: Counter[str] = Counter()
    for answer in answers:
        for value in {value.casefold(): value for value in answer if value}.values():
            counted[value.casefold()] += 1
            spelling.setdefault(value.casefold(), value)
    ranked = [
        Group(spelling[key], n)
        for key, n in sorted(counted.items(), key=lambda each: (-each[1], each[0]))
    ]
    shown = [group for group in ranked if group.n >= LEAST]
    n_hidden = sum(group.n for group in ranked if group.n < LEAST)
    if 0 < n_hidden < LEAST and shown:
        n_hidden += shown.pop().n
    return Groups(field, tuple(shown), n_hidden)
