"""Which policy do people prefer, and how sure is that?"""

from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotation.core.figures import Interval, Table
from annotation.models import Project
from rewardmodel import selectors
from rewardmodel.models import Checkpoint
from rewardmodel.web.doors import looked_at, page, signed_in


@signed_in
@require_safe
def leaderboard(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest standings, computed by every training from the judgments that it froze."""
    project = looked_at(request, slug)
    checkpoint = _newest(project)
    board = checkpoint.metrics["leaderboard"] if checkpoint else {"standings": []}
    standings = board["standings"]
    islands = [
        [_row(standing) for standing in group]
        for _island, group in groupby(standings, key=lambda s: s["island"])
    ]
    return page(
        request,
        "rewardmodel/leaderboard.html",
        project,
        tables=[_table(standings)],
        checkpoint=checkpoint,
        board=board,
        islands=islands,
        standings=standings,
        sentence=_sentence(standings),
    )


def _newest(project: Project) -> Checkpoint | None:
    return selectors.checkpoints(project).filter(metrics__has_key="leaderboard").first()


def _row(standing: dict[str, Any]) -> Interval:
    return Interval(
        label=standing["name"],
        value=standing["strength"],
        low=standing["low"],
        high=standing["high"],
        n=standing["n_votes"],
    )


def _table(standings: list[dict[str, Any]]) -> Table:
    columns = ("policy", "strength", "low", "high", "votes", "wins", "ties", "group")
    rows = tuple(
        (
            s["name"], s["strength"], s["low"], s["high"], s["n_votes"], s["wins"], s["ties"],
            s["island"] + 1,
        )
        for s in standings
    )  # fmt: skip
    return Table("leaderboard", _("Leaderboard"), columns, rows)


def _sentence(standings: list[dict[str, Any]]) -> str:
    if not standings:
        return _("Which policy do people prefer? That has not been computed yet.")
    first = [s for s in standings if s["island"] == standings[0]["island"]]
    best = first[0]
    figures = {
        "name": best["name"],
        "strength": f"{best['strength']:+.2f}",
        "low": f"{best['low']:+.2f}",
        "high": f"{best['high']:+.2f}",
    }
    if len(first) < 2:
        return _("“%(name)s” has been compared with no other policy.") % {"name": best["name"]}
    rivals = [s["name"] for s in first[1:] if s["high"] >= best["low"]]
    if not rivals:
        return (
            _(
                "People prefer “%(name)s”, %(strength)s [%(low)s, %(high)s] against the average: "
                "its interval lies above every other's."
            )
            % figures
        )
    if len(rivals) > 2:
        return _(
            "“%(name)s” stands first at %(strength)s [%(low)s, %(high)s], but %(n)s others "
            "reach into its interval."
        ) % (figures | {"n": len(rivals)})
    return _(
        "“%(name)s” stands first at %(strength)s [%(low)s, %(high)s], but cannot be told apart "
        "from %(others)s."
    ) % (figures | {"others": _(" or ").join(f"“{name}”" for name in rivals)})
