"""Reports on annotators' quality: the newest of a project, and its people found, sorted and cut."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Expression, F, FloatField, OrderBy, Q, QuerySet, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Lower, NullIf
from django.utils.translation import gettext as _

from annotation.core.errors import NotFound
from annotation.core.rankings import Groups
from annotation.models import Comparison, Criterion, PeopleReport, PersonReport, Project, User
from annotation.selectors.access import projects_led
from annotation.selectors.judgments import live, verdicts


def _figure(path: str) -> Expression:
    """A figure of the JSON columns as a number; nothing where there is none."""
    return Cast(KT(path), FloatField())


# What each column is sorted by, and whether the largest comes first at the first click.
SORTS: Mapping[str, tuple[Expression | F, bool]] = {
    "action": (F("severity"), True),
    "person": (Lower(Coalesce(NullIf("annotator__name", Value("")), "annotator__username")), False),
    "reliability": (F("reliability"), False),
    "agreement": (F("agreement"), False),
    "gold": (_figure("figures__gold__value"), False),
    "repeats": (_figure("figures__repeats__value"), False),
    "judged": (F("n"), True),
    "seconds": (_figure("figures__seconds"), False),
    "weight": (F("weight"), False),
    "influence": (_figure("influence__largest"), True),
}


@dataclass(frozen=True, slots=True)
class PeopleWanted:
    """Which people of a report, in which order; empty values ask for all."""

    search: str = ""
    action: str = ""
    sort: str = "action"
    is_reversed: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """One person's place in the picture of everybody."""

    label: str
    value: float
    low: float
    high: float
    action: PersonReport.Action
    severity: int


@dataclass(frozen=True, slots=True)
class SharedAnswer:
    """A comparison that several of a group have answered, and what everybody said.

    `answers` are the group's, by annotator; `others` how many other people gave each answer.
    """

    comparison_id: int
    prompt: str
    answers: Mapping[int, Groups]
    others: Sequence[tuple[Groups, int]]

    @property
    def is_same(self) -> bool:
        return len(set(self.answers.values())) == 1

    @property
    def is_against(self) -> bool:
        """Whether the group says one thing, and more of the others something else than that."""
        own = next(iter(self.answers.values()))
        return self.is_same and bool(self.others) and self.others[0][0] != own


def people_reports(project: Project) -> QuerySet[PeopleReport]:
    """Newest first."""
    return PeopleReport.objects.filter(project=project).select_related("criterion")


def latest_people_report(
    project: Project, *, criterion: str = Criterion.OVERALL, with_quarantined: bool = False
) -> PeopleReport | None:
    found = people_reports(project).filter(
        criterion__key=criterion, includes_quarantined=with_quarantined
    )
    return found.first()


def people_report_for_lead(*, user: User, report_id: int) -> PeopleReport:
    report = (
        PeopleReport.objects.select_related("project", "criterion")
        .filter(pk=report_id, project__in=projects_led(user))
        .first()
    )
    if report is None:
        raise NotFound(_("There is no such report for you."))
    return report


def person_report(project: Project, user_id: int) -> PersonReport | None:
    """What the newest report says of somebody."""
    newest = latest_people_report(project)
    if newest is None:
        return None
    return newest.people.filter(annotator=user_id).select_related("report", "annotator").first()


def person_reports(report: PeopleReport, wanted: PeopleWanted) -> QuerySet[PersonReport]:
    """The people of a report who are wanted, in their order."""
    expression, falls = SORTS[wanted.sort]
    is_falling = falls != wanted.is_reversed
    order = OrderBy(expression, descending=is_falling, nulls_last=True)
    found = report.people.select_related("annotator").order_by(order, "-severity", "annotator_id")
    if wanted.action:
        found = found.filter(action=wanted.action)
    if wanted.search:
        found = found.filter(
            Q(annotator__name__icontains=wanted.search)
            | Q(annotator__username__icontains=wanted.search)
        )
    return found


def standings(report: PeopleReport) -> list[Standing]:
    """Everybody whose reliability can be told, the least reliable first."""
    rows = (
        report.people.filter(reliability__isnull=False)
        .order_by("reliability", "annotator_id")
        .values_list(
            "annotator__name", "annotator__username", "reliability", "reliability_low",
            "reliability_high", "action", "severity",
        )
    )  # fmt: skip
    return [
        Standing(name or username, value, low, high, PersonReport.Action(action), severity)
        for name, username, value, low, high, action, severity in rows
        if value is not None and low is not None and high is not None
    ]


def names_of(people: Sequence[int]) -> dict[int, str]:
    """What people are called, by id."""
    return {user.pk: str(user) for user in User.objects.filter(pk__in=people)}


def shared_answers(report: PeopleReport, people: Sequence[int]) -> list[SharedAnswer]:
    """The comparisons that at least two of them judged, as the report saw them: first those where
    they stand together against the others, then where they say the same at all."""
    as_of = report.detail.get("as_of")
    judgments = live(
        report.project,
        cutoff_id=report.cutoff_judgment_id,
        include_simulated=report.includes_simulated,
        with_quarantined=report.includes_quarantined,
        as_of=datetime.fromisoformat(as_of) if as_of else report.created_at,
    ).filter(annotator__judge_model="")
    own: defaultdict[int, dict[int, Groups]] = defaultdict(dict)
    for verdict in verdicts(judgments.filter(annotator__in=people), criterion=report.criterion.key):
        own[verdict.comparison_id][verdict.annotator_id] = verdict.groups
    shared = {key: answers for key, answers in own.items() if len(answers) > 1}
    others: defaultdict[int, Counter[Groups]] = defaultdict(Counter)
    rest = judgments.filter(comparison__in=list(shared)).exclude(annotator__in=people)
    for verdict in verdicts(rest, criterion=report.criterion.key):
        others[verdict.comparison_id][verdict.groups] += 1
    comparisons = Comparison.objects.filter(pk__in=list(shared)).select_related("prompt")
    found = [
        SharedAnswer(each.pk, str(each.prompt), shared[each.pk], others[each.pk].most_common())
        for each in comparisons.order_by("pk")
    ]
    return sorted(found, key=lambda each: (not each.is_against, not each.is_same))
