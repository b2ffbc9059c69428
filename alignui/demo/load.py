"""Loading the demo into a running installation; a second time there is nothing left to do."""

from collections.abc import Callable

from alignui.demo import live, projects
from alignui.demo.people import Cast

Say = Callable[[str], None]


def load(cast: Cast, *, say: Say, is_generating: bool = True) -> None:
    """First what can be judged soonest, then the study that fills the lead's pages.

    Stays until the live project has enough open comparisons.
    """
    live_project = projects.live_load(cast)
    if is_generating:
        live.generation_ask(cast, live_project)
    projects.ranking_load(cast)
    say("Ranking: recorded responses are open to be put in order.")
    crowd_project = projects.crowd_load(cast)
    say("Crowd study: 8,931 judgments of 124 annotators are in; agreement is being measured.")
    if is_generating:
        live.first_batch_await(cast, live_project, say)
    projects.crowd_train(cast, crowd_project)
    if is_generating:
        live.generation_follow(cast, live_project, say)
