"""How the page on who prefers what says it: names of groups, rows of charts, tables for files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotation.core.figures import Interval, Point, Table
from annotation.models import Completion, PluralismReport, Project
from annotation.selectors.self_descriptions import OTHERS
from annotation.templatetags.figures import written

Row = Mapping[str, Any]

ATTRIBUTES: Mapping[str, Promise] = {
    "age_band": gettext_lazy("Age"),
    "gender": gettext_lazy("Gender"),
    "region": gettext_lazy("Region"),
    "first_languages": gettext_lazy("First language"),
    "expertise": gettext_lazy("Expertise"),
    "pools": gettext_lazy("Pool"),
    "languages": gettext_lazy("Reads"),
    "camp": gettext_lazy("Camp"),
}
EXCERPT = 140


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair of responses as a lead knows it, and the way to the judgments behind it."""

    prompt: str
    first: str
    second: str
    prompt_id: int
    comparison_id: int
    href: str

    @property
    def preferred(self) -> tuple[str, str]:
        return self.first, self.second


@dataclass(frozen=True, slots=True)
class DividedPair:
    pair: Pair
    row: Row
    shares: tuple[Interval, ...]
    words: str


@dataclass(frozen=True, slots=True)
class AgreedPair:
    pair: Pair
    preferred: str
    other: str
    lowest: Sequence[float]
    group: str


def key_of(grouping: Row) -> str:
    return f"{grouping['attribute']}:{grouping['value']}".rstrip(":")


def grouping_name(row: Row) -> str:
    """“Region”, or “Pool: Cooks” where people may be in several."""
    name = str(ATTRIBUTES.get(row["attribute"], row["attribute"]))
    return f"{name}: {row['value']}" if row["value"] else name


def group_name(name: str) -> str:
    return _("all others") if name == OTHERS else name


def choice_name(row: Row) -> str:
    if not row["attribute"]:
        return _("Everybody")
    named = str(ATTRIBUTES.get(row["attribute"], row["attribute"]))
    return f"{named}: {row['group']}"


def pair_of(row: Row, completions: Mapping[int, Completion], project: Project) -> Pair | None:
    """None of a pair that is there no more."""
    first, second = completions.get(row["first"]), completions.get(row["second"])
    if first is None or second is None:
        return None
    names = _told_apart(first, second)
    text = " ".join(first.prompt.last_turn.split())
    return Pair(
        prompt=text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1]}…",
        first=names[0],
        second=names[1],
        prompt_id=first.prompt_id,
        comparison_id=row["comparison"],
        href=reverse("annotation:comparison", args=[project.slug, row["comparison"]]),
    )


def divided(row: Row, pair: Pair) -> DividedPair:
    shares = tuple(
        Interval(
            label=group_name(each["group"]),
            value=each["value"],
            low=each["low"],
            high=each["high"],
            n=each["n"],
            tone="first" if each["group"] == row["group"] else "third",
        )
        for each in row["shares"]
    )
    how = (
        _("%(group)s: %(first)s is preferred more often than by the others, by %(points)s points.")
        if row["difference"] >= 0
        else _(
            "%(group)s: %(first)s is preferred less often than by the others, by %(points)s points."
        )
    )
    words = how % {
        "group": group_name(row["group"]),
        "first": pair.first,
        "points": _points(row),
    }
    return DividedPair(pair, row, shares, words)


def agreed(row: Row, pair: Pair) -> AgreedPair:
    preferred, other = pair.preferred if row["side"] > 0 else reversed(pair.preferred)
    return AgreedPair(pair, preferred, other, row["lowest"], group_name(row["lowest_group"]))


def sentence(report: PluralismReport | None) -> str:
    if report is None:
        return _("Who prefers what? Nobody has looked yet.")
    if report.estimate is None:
        return _("Who prefers what? Groups cannot be compared yet.")
    n_found = round(report.estimate * report.n_compared)
    total = {"n": f"{n_found:,}", "all": f"{report.n_compared:,}"}
    interval = f"[{written(report.low, 'share')},\N{NO-BREAK SPACE}{written(report.high, 'share')}]"
    if not n_found:
        words = ngettext(
            "Groups of people want the same on the one pair compared, or too few were asked to"
            " tell.",
            "On none of %(all)s compared pairs do groups of people differ by more than chance"
            " (at most %(high)s of such pairs).",
            report.n_compared,
        )
        return words % {**total, "high": written(report.high, "share")}
    words = ngettext(
        "On %(n)s of %(all)s compared pairs groups of people reliably want different things",
        "On %(n)s of %(all)s compared pairs groups of people reliably want different things",
        n_found,
    )
    what = written(report.estimate, "share")
    return f"{words % total}: {what}\N{NO-BREAK SPACE}{interval}{_most_by(report)}."


def conflicts(choices: Sequence[Row]) -> list[str]:
    """A sentence for each group whose methods part, and for each that another policy wins."""
    found = [
        f"{choice_name(each)}: {each['verdict']}{_how_sure(each)}"
        for each in choices
        if each["is_split"]
    ]
    everybody = next((each for each in choices if not each["attribute"]), None)
    if everybody is None or not everybody["standings"]:
        return found
    for each in choices:
        if each is everybody or not each["standings"] or _may_want(each, everybody["borda"]):
            continue
        found.append(
            _("%(group)s would rather have %(winner)s than %(common)s, which wins over all.")
            % {
                "group": choice_name(each),
                "winner": winners(each, "borda"),
                "common": winners(everybody, "borda"),
            }
        )
    return found


def winners(choice: Row, method: str) -> str:
    name_of = {each["policy"]: each["name"] for each in choice["standings"]}
    return ", ".join(name_of.get(key, "…") for key in choice[method])


def winning_share(choice: Row, method: str) -> float | None:
    """In what share of draws of other annotators the first of the winners wins too."""
    for each in choice["standings"]:
        if each["policy"] in choice[method][:1]:
            return each[f"wins_{method}"]  # type: ignore[no-any-return]
    return None


def history_points(history: Iterable[PluralismReport]) -> list[Point]:
    return [
        Point(
            x=each.created_at.timestamp(),
            value=each.estimate or 0.0,
            low=each.low,
            high=each.high,
            n=each.n_compared,
            label=f"{each.created_at:%Y-%m-%d %H:%M}",
        )
        for each in history
    ]


def history_table(points: Sequence[Point]) -> Table:
    rows = tuple((p.label, p.value, p.low, p.high, p.n) for p in reversed(points))
    columns = (_("measured"), _("share"), _("low"), _("high"), _("compared pairs"))
    return Table("pluralism-history", _("Divided pairs over time"), columns, rows)


def places_table(places: Iterable[Sequence[Any]]) -> Table:
    rows = tuple((camp or _("none"), x, y) for x, y, camp in places)
    return Table("map", _("Opinion map"), ("camp", "first direction", "second direction"), rows)


def standings_table(choices: Sequence[Row]) -> Table:
    columns = (
        "group", "people", "policy", "borda", "low", "high", "copeland", "wins by borda",
        "wins by copeland", "votes",
    )  # fmt: skip
    rows = tuple(
        (
            choice_name(choice), choice["n_annotators"], each["name"], each["borda"], each["low"],
            each["high"], each["copeland"], each["wins_borda"], each["wins_copeland"], each["n"],
        )
        for choice in choices
        for each in choice["standings"]
    )  # fmt: skip
    return Table("choices", _("Who wins for whom"), columns, rows)


def divisions_table(found: Iterable[tuple[str, Row, Pair]]) -> Table:
    """One row for each group on each pair."""
    columns = (
        "grouping", "prompt_id", "prompt", "first", "second", "comparison", "group",
        "share for the first", "low", "high", "n", "stands apart", "difference",
        "difference low", "difference high", "p", "p adjusted", "reliably",
    )  # fmt: skip
    return Table("divided", _("Pairs that divide"), columns, tuple(_division_cells(found)))


def agreed_table(found: Iterable[tuple[str, Row, Pair]]) -> Table:
    columns = (
        "grouping", "prompt_id", "prompt", "preferred", "other", "comparison", "lowest group",
        "its share", "low", "high", "n", "consensus",
    )  # fmt: skip
    rows = tuple(
        (
            grouping, pair.prompt_id, pair.prompt, shown.preferred, shown.other,
            pair.comparison_id, shown.group, *row["lowest"], row["consensus"],
        )
        for grouping, row, pair in found
        for shown in [agreed(row, pair)]
    )  # fmt: skip
    return Table("agreed", _("What all groups agree on"), columns, rows)


def _division_cells(
    found: Iterable[tuple[str, Row, Pair]],
) -> Iterator[tuple[str | int | float | None, ...]]:
    for grouping, row, pair in found:
        for share in row["shares"]:
            yield (
                grouping, pair.prompt_id, pair.prompt, pair.first, pair.second,
                pair.comparison_id, group_name(share["group"]), share["value"], share["low"],
                share["high"], share["n"], _yes(share["group"] == row["group"]),
                row["difference"], row["low"], row["high"], row["p"], row["p_adjusted"],
                _yes(row["is_found"]),
            )  # fmt: skip


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _told_apart(first: Completion, second: Completion) -> tuple[str, str]:
    """Policies, with the sample's number where both are of one policy."""
    names = str(first.policy), str(second.policy)
    if names[0] != names[1]:
        return names
    return f"{names[0]} #{first.sample_index + 1}", f"{names[1]} #{second.sample_index + 1}"


def _may_want(choice: Row, common: Sequence[int]) -> bool:
    """Whether a common winner may be the group's too: not unless five draws in a hundred say so."""
    shares = [each["wins_borda"] for each in choice["standings"] if each["policy"] in common]
    return any(share is None or share >= 0.05 for share in shares)


def _points(row: Row) -> str:
    """The difference in points, as much more or less as the words say."""
    sign = 100 if row["difference"] >= 0 else -100
    low, high = sorted((sign * row["low"], sign * row["high"]))
    interval = f"[{low:.0f},\N{NO-BREAK SPACE}{high:.0f}]".replace("-", "\N{MINUS SIGN}")
    return f"{sign * row['difference']:.0f}\N{NO-BREAK SPACE}{interval}"


def _how_sure(choice: Row) -> str:
    share = choice["split_share"]
    if share is None:
        return ""
    return " " + _("Of 200 draws of other annotators they part in %(share)s.") % {
        "share": written(share, "percent")
    }


def _most_by(report: PluralismReport) -> str:
    most = max(report.detail["groupings"], key=lambda each: each["n_found"], default=None)
    if most is None or not most["n_found"]:
        return ""
    return _(", most by “%(what)s”") % {"what": grouping_name(most)}
