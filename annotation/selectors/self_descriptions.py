"""How many annotators of a project say what of themselves, never who; and groups for audits."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from annotation.core.errors import NotFound
from annotation.models import Project, SelfDescription, User
from annotation.selectors.access import may_judge, projects_led

LEAST = 5
MOST_VALUES = 6
OTHERS = "others"


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


def annotator_groups(annotators: Iterable[int]) -> dict[str, Mapping[int, str]]:
    """By attribute, the group of each of these annotators who said something; for audits only.

    Groups that `self_descriptions` would not show are left out, as if their people had said
    nothing. Of first languages and expertise one may name several: each value that at least five
    named and five did not is an attribute of its own, with "others" as its second group.
    """
    said = list(SelfDescription.objects.filter(user__in=list(annotators)).order_by("pk"))
    found: dict[str, Mapping[int, str]] = {}
    for field in ("age_band", "gender", "region"):
        answers = {each.user_id: [str(getattr(each, field))] for each in said}
        groups = _groups(field, answers.values())
        shown = {group.value.casefold(): group.value for group in groups.shown}
        labels = {user: shown.get(value.casefold(), "") for user, (value,) in answers.items()}
        if len(shown) > 1:
            found[field] = {user: label for user, label in labels.items() if label}
    for field in ("first_languages", "expertise"):
        found |= named_or_not(field, {each.user_id: getattr(each, field) for each in said})
    return found


def named_or_not(field: str, answers: Mapping[int, list[str]]) -> dict[str, Mapping[int, str]]:
    """For each of the commonest values, who named it and who named others; the rest is in none."""
    spoke = {
        user: {value.casefold() for value in values} for user, values in answers.items() if values
    }
    found: dict[str, Mapping[int, str]] = {}
    for group in _groups(field, answers.values()).shown[:MOST_VALUES]:
        key = group.value.casefold()
        if len(spoke) - group.n >= LEAST:
            found[f"{field}: {group.value}"] = {
                user: group.value if key in named else OTHERS for user, named in spoke.items()
            }
    return found
