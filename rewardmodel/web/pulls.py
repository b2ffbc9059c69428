"""Whose votes move the reward model most, by name, for who leads the project."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from annotation.core.figures import Table
from annotation.models import Project, User
from rewardmodel.web.quality import Figure, figure_of

SHOWN = 10


@dataclass(frozen=True, slots=True)
class PullTold:
    """One person: shares by which the model moves without them, and the rise of its log-loss as
    text, with its interval."""

    name: str
    href: str
    n_votes: int
    moved: float
    turned: float
    log_loss: Figure
    rise: str
    interval: str
    is_better_without: bool


@dataclass(frozen=True, slots=True)
class PullsTold:
    """A sentence, the people with the greatest pull, how many more there are, and the table."""

    sentence: str
    people: tuple[PullTold, ...]
    n_more: int
    method: str
    table: Table


def pulls_told(project: Project, metrics: Mapping[str, Any]) -> PullsTold | None:
    """What the training measured of people's pull; None where it did not."""
    found = metrics.get("people")
    if not found or not found["pulls"]:
        return None
    names = {
        user.pk: str(user)
        for user in User.objects.filter(pk__in=[each["annotator"] for each in found["pulls"]])
    }
    told = tuple(_pull(project, names, each) for each in found["pulls"])
    return PullsTold(
        sentence=_sentence(told),
        people=told[:SHOWN],
        n_more=max(0, found["n_people"] - SHOWN),
        method=found["method"],
        table=Table(
            "people", _("The model without one person"),
            ("annotator", "votes", "moved", "turned", "log-loss change", "low", "high"),
            tuple(
                (p.name, p.n_votes, p.moved, p.turned, p.log_loss.value, p.log_loss.low,
                 p.log_loss.high)
                for p in told
            ),
        ),
    )  # fmt: skip


def _pull(project: Project, names: Mapping[int, str], stored: Mapping[str, Any]) -> PullTold:
    figure = figure_of(stored["log_loss"])
    return PullTold(
        name=names.get(stored["annotator"], _("somebody")),
        href=reverse("annotation:person", args=[project.slug, stored["annotator"]]),
        n_votes=stored["n_votes"],
        moved=stored["moved"],
        turned=stored["turned"],
        log_loss=figure,
        rise=_signed(figure.value),
        interval="" if figure.low is None else f"[{_signed(figure.low)}, {_signed(figure.high)}]",
        is_better_without=figure.high is not None and figure.high < 0,
    )


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _sentence(told: tuple[PullTold, ...]) -> str:
    first = told[0]
    words = _(
        "Without %(name)s the model would prefer the other response in %(turned)s of the held-out "
        "pairs; nobody else moves its rewards more."
    ) % {"name": first.name, "turned": f"{100 * first.turned:.1f}%"}
    harm = [each.name for each in told if each.is_better_without]
    if not harm:
        return words
    return f"{words} " + _("It would surely be better without %(names)s, each looked at alone.") % {
        "names": ", ".join(harm)
    }
