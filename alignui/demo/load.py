"""Loading the demo into a running installation; a second time there is nothing left to do."""

from collections.abc import Callable

from django.db import connection

from alignui.demo import live, projects
from alignui.demo.people import Cast

Say = Callable[[str], None]


def load(cast: Cast, *, say: Say, is_generating: bool = True) -> None:
    """First what can be judged soonest, then the study that fills the lead's pages.

    Meant for a thread of its own: it stays until the live project has enough open comparisons.
    """
    try:
        live_project = projects.live_load(cast)
        if is_generating:
            live.generation_ask(cast, live_project)
        projects.ranking_load(cast)
        say("Ranking: 100 comparisons are open to be judged.")
        projects.crowd_load(cast)
        say("Crowd study: 8,931 judgments of 124 annotators are in; agreement is being measured.")
        if is_generating:
            live.generation_follow(cast, live_project, say)
    finally:
        connection.close()
