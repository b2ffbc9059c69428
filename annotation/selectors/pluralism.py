"""Who could be compared with whom: what people say of themselves, their pools and languages."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from annotation.models import Completion, Membership, PluralismReport, Project
from annotation.selectors.self_descriptions import annotator_groups, named_or_not

BY_MEMBERSHIP = ("pools", "languages")


@dataclass(frozen=True, slots=True)
class Grouping:
    """One way to group annotators; `label_of` holds only people whose group may be shown.

    value: of an attribute of which people name several, the one that this grouping asks for: those
        who name it, against the others who name any.
    groups: name and size, largest first.
    """

    attribute: str
    value: str
    label_of: Mapping[int, str]
    groups: tuple[tuple[str, int], ...]

    @property
    def is_private(self) -> bool:
        """Whether people said it of themselves; pools and languages are known to their leads."""
        return self.attribute not in BY_MEMBERSHIP


def groupings(project: Project, people: Sequence[int]) -> list[Grouping]:
    """Every grouping of these annotators that has two groups of five people or more.

    Someone who names two languages is not in one group more than in the other, so each value of
    such an attribute is asked for by itself. Pools and languages that people read are of this
    project, and told like what they said of themselves: no group of fewer than five.
    """
    found = annotator_groups(people) | _by_membership(project, people)
    return [_grouping(name, label_of) for name, label_of in found.items()]


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


def _by_membership(project: Project, people: Sequence[int]) -> dict[str, Mapping[int, str]]:
    pools: dict[int, list[str]] = {}
    languages: dict[int, list[str]] = {}
    memberships = Membership.objects.filter(user__in=people, pool__projects=project)
    for member in memberships.select_related("pool").order_by("pk"):
        pools.setdefault(member.user_id, []).append(member.pool.name)
        reads = member.languages or member.pool.languages
        languages.setdefault(member.user_id, []).extend(reads)
    told = zip(BY_MEMBERSHIP, (pools, languages), strict=True)
    return {name: group for key, said in told for name, group in named_or_not(key, said).items()}


def _grouping(name: str, label_of: Mapping[int, str]) -> Grouping:
    attribute, _, value = name.partition(": ")
    sizes = Counter(label_of.values())
    ranked = sorted(sizes.items(), key=lambda each: (-each[1], each[0].casefold()))
    return Grouping(attribute, value, label_of, tuple(ranked))
