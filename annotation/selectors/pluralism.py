"""Who could be compared with whom: what people say of themselves, their pools and languages."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from annotation.models import (
    Completion,
    Membership,
    PluralismReport,
    Project,
    SelfDescription,
)
from annotation.selectors.self_descriptions import LEAST

OTHERS = "others"
MOST_VALUES = 12
SINGLE = ("age_band", "gender", "region")
SEVERAL = ("first_languages", "expertise", "pools", "languages")


@dataclass(frozen=True, slots=True)
class Grouping:
    """One way to group annotators; `label_of` holds only people whose group may be shown.

    value: of an attribute of which people name several, the one that this grouping asks for: those
        who name it, against the others who name any.
    groups: name and size, largest first. n_hidden: people in groups too small to be shown.
    """

    attribute: str
    value: str
    label_of: Mapping[int, str]
    groups: tuple[tuple[str, int], ...]
    n_hidden: int


def groupings(project: Project, people: Sequence[int]) -> list[Grouping]:
    """Every grouping of these annotators that has two groups of five people or more.

    Someone who names two languages is not in one group more than in the other, so each value of
    such an attribute is asked for by itself.
    """
    said = _said(project, people)
    found = [_one_each(key, {p: v[0] for p, v in said[key].items() if v}) for key in SINGLE]
    for key in SEVERAL:
        found += _value_by_value(key, said[key])
    return [each for each in found if len(each.groups) > 1]


def pluralism_history(
    project: Project, criterion: str, *, with_quarantined: bool = False
) -> QuerySet[PluralismReport]:
    return PluralismReport.objects.filter(
        project=project, criterion__key=criterion, includes_quarantined=with_quarantined
    ).select_related("criterion")


def latest_pluralism(
    project: Project, criterion: str, *, with_quarantined: bool = False
) -> PluralismReport | None:
    return pluralism_history(project, criterion, with_quarantined=with_quarantined).first()


def completions_by_id(ids: Iterable[int]) -> dict[int, Completion]:
    """With prompt and policy, but without the text: what a list of pairs names them by."""
    found = Completion.objects.filter(pk__in=set(ids)).select_related("prompt", "policy")
    return {each.pk: each for each in found.defer("text", "html", "prompt__rendered")}


def _said(project: Project, people: Sequence[int]) -> dict[str, dict[int, list[str]]]:
    """By attribute and person; what differs in capitals alone is the same."""
    said: dict[str, dict[int, list[str]]] = {key: {} for key in (*SINGLE, *SEVERAL)}
    for each in SelfDescription.objects.filter(user__in=people).order_by("pk"):
        for key in SINGLE:
            said[key][each.user_id] = [getattr(each, key)]
        said["first_languages"][each.user_id] = each.first_languages
        said["expertise"][each.user_id] = each.expertise
    memberships = (
        Membership.objects.filter(user__in=people, pool__projects=project)
        .select_related("pool")
        .order_by("pk")
    )
    for member in memberships:
        said["pools"].setdefault(member.user_id, []).append(member.pool.name)
        reads = member.languages or member.pool.languages
        said["languages"].setdefault(member.user_id, []).extend(reads)
    return {key: _spelt_alike(by_person) for key, by_person in said.items()}


def _spelt_alike(by_person: Mapping[int, list[str]]) -> dict[int, list[str]]:
    spelling: dict[str, str] = {}
    for values in by_person.values():
        for value in values:
            spelling.setdefault(value.casefold(), value)
    return {
        person: list(dict.fromkeys(spelling[value.casefold()] for value in values if value))
        for person, values in by_person.items()
    }


def _one_each(attribute: str, value_of: Mapping[int, str], value: str = "") -> Grouping:
    """Groups of fewer than five are hidden, and one more where those hidden would be fewer."""
    sizes = Counter(each for each in value_of.values() if each)
    ranked = sorted(sizes.items(), key=lambda each: (-each[1], each[0].casefold()))
    shown = [each for each in ranked if each[1] >= LEAST]
    n_hidden = sum(sizes.values()) - sum(n for _, n in shown)
    if 0 < n_hidden < LEAST and shown:
        n_hidden += shown.pop()[1]
    names = {name for name, _ in shown}
    return Grouping(
        attribute=attribute,
        value=value,
        label_of={person: name for person, name in value_of.items() if name in names},
        groups=tuple(shown),
        n_hidden=n_hidden,
    )


def _value_by_value(attribute: str, values_of: Mapping[int, list[str]]) -> list[Grouping]:
    """The commonest values, each against everybody else who named any."""
    told = {person: values for person, values in values_of.items() if values}
    sizes = Counter(value for values in told.values() for value in values)
    ranked = sorted(sizes.items(), key=lambda each: (-each[1], each[0].casefold()))
    return [
        _one_each(attribute, {p: value if value in v else OTHERS for p, v in told.items()}, value)
        for value, n in ranked[:MOST_VALUES]
        if LEAST <= n <= len(told) - LEAST
    ]
