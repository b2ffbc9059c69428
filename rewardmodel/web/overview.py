"""A project at a glance: what is going on, what to do next, and the loop with live counts."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation.models import Batch, Comparison, Project, Run
from annotation.selectors import overview as people_half
from annotation.selectors import reports
from annotation.selectors.overview import DONE, DUE, EMPTY, FAILED, IDLE, RUNNING, LoopStep
from rewardmodel import selectors, services
from rewardmodel.web.doors import led, looked_at, page, person, signed_in
from rewardmodel.web.loop import pictures
from rewardmodel.web.quality import quality_of
from rewardmodel.web.turn import Turn, turn_of

ORDER = (
    "prompts", "completions", "comparisons", "assignments", "judgments",
    "agreement", "training", "acquisition", "batch", "export",
)  # fmt: skip
RECENT_RUNS = 5


@dataclass(frozen=True, slots=True)
class Headline:
    """The one sentence, and the one thing to do next."""

    sentence: str
    advice: str
    href: str
    action: str


@signed_in
@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """The page; its fragment `loop` for the poll, or 204 where nothing has changed since."""
    project = looked_at(request, slug)
    steps = loop_steps(project)
    runs = list(reports.runs(project)[:RECENT_RUNS])
    headline = headline_of(project, steps)
    turn = turn_of(project)
    seen = _digest(steps, runs, headline, turn)
    is_poll = bool(getattr(request, "htmx", False))
    if is_poll and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    template = "rewardmodel/overview.html#loop" if is_poll else "rewardmodel/overview.html"
    return page(
        request,
        template,
        project,
        steps=steps,
        pictures=pictures(project, steps),
        headline=headline,
        runs=runs,
        seen=seen,
        turn=turn,
    )


@signed_in
@require_POST
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    """Stops all that the project does by itself, or lets it go on."""
    project = led(request, slug)
    is_paused = request.POST.get("paused") == "yes"
    services.loop_pause(actor=person(request), project=project, is_paused=is_paused)
    told = _("The loop is paused.") if is_paused else _("The loop goes on.")
    messages.success(request, told)
    return redirect("rewardmodel:overview", slug)


def loop_steps(project: Project) -> list[LoopStep]:
    """All ten steps of both halves, in the order of the loop."""
    steps = [*people_half.loop_state(project), *machine_steps(project)]
    by_key = {step.key: step for step in steps}
    return [by_key[key] for key in ORDER]


def machine_steps(project: Project) -> list[LoopStep]:
    """The machine's half of the loop: training, acquisition, and the batch that is next."""
    runs = people_half.latest_runs(project)
    return [
        _training(project, runs.get(Run.Kind.TRAINING)),
        _acquisition(project, runs.get(Run.Kind.ACQUISITION)),
        _next_batch(project),
    ]


def headline_of(project: Project, steps: Sequence[LoopStep]) -> Headline:
    """What stands in the way first, in the order of the loop; else what would help most."""
    states = {step.key: step for step in steps}
    blocked = _failure(project, steps) or _beginning(project, states)
    return blocked or _flowing(project, states)


def _failure(project: Project, steps: Sequence[LoopStep]) -> Headline | None:
    failed = next((step for step in steps if step.state == FAILED), None)
    if failed is None:
        return None
    sentence = _("%(step)s: the last run failed.") % {"step": failed.title}
    advice = _("Its page says why, and offers to try again.")
    return _headline(project, sentence, advice, failed.url_name, _("See why"))


def _beginning(project: Project, steps: dict[str, LoopStep]) -> Headline | None:
    if steps["prompts"].state == EMPTY:
        return _headline(
            project, _("Nothing has been asked yet."),
            _("Prompts are what everything else is about."),
            "annotation:prompts", _("Import prompts"),
        )  # fmt: skip
    if steps["completions"].state == EMPTY:
        sentence = _("%(n)s prompts wait for responses.") % {"n": steps["prompts"].figure}
        advice = _("Let a policy write them, or import what was written elsewhere.")
        return _headline(project, sentence, advice, "annotation:policies", _("Generate responses"))
    if steps["completions"].state == RUNNING and steps["comparisons"].state == EMPTY:
        sentence = _("Responses are being written: %(how_far)s.") % {
            "how_far": steps["completions"].detail
        }
        advice = _("As soon as some are there, a batch can open.")
        return _headline(project, sentence, advice, "annotation:batches", _("Open a batch"))
    if steps["comparisons"].state == EMPTY:
        sentence = _("%(n)s responses are written; nobody has been shown them.") % {
            "n": steps["completions"].figure
        }
        advice = _("A batch opens them for judging.")
        return _headline(project, sentence, advice, "annotation:batches", _("Open a batch"))
    return None


def _flowing(project: Project, steps: dict[str, LoopStep]) -> Headline:
    wanted = people_half.judgments_wanted(project)
    judged = steps["judgments"].figure
    if wanted:
        sentence = _("%(judged)s judgments are in and %(wanted)s are still wanted.") % {
            "judged": judged,
            "wanted": f"{wanted:,}",
        }
        if steps["assignments"].state == RUNNING:
            advice = _("People are judging now; see who, and how far each batch is.")
            return _headline(project, sentence, advice, "annotation:batches", _("See batches"))
        advice = _("Nobody is judging at this moment.")
        return _headline(project, sentence, advice, "annotation:people", _("Invite people"))
    paused = people_half.judgments_wanted(project, state=Batch.State.PAUSED)
    if paused:
        sentence = _("Nothing is open; %(n)s judgments wait in paused batches.") % {
            "n": f"{paused:,}"
        }
        advice = _("Open the batch again to go on.")
        return _headline(project, sentence, advice, "annotation:batches", _("See batches"))
    return _all_judged(project, steps, judged)


def _all_judged(project: Project, steps: dict[str, LoopStep], judged: str) -> Headline:
    sentence = _("All that was opened is judged: %(judged)s judgments.") % {"judged": judged}
    working = next((s for s in steps.values() if s.state == RUNNING), None)
    if working is not None:
        sentence = _("%(step)s is at work: %(how_far)s.") % {
            "step": working.title,
            "how_far": working.detail,
        }
        advice = _("All that was opened is judged.")
        return _headline(project, sentence, advice, working.url_name, _("Watch it"))
    if steps["training"].state in {DUE, EMPTY}:
        advice = _("The reward model has not learned from all of them.")
        return _headline(
            project, sentence, advice, "rewardmodel:training", _("Train the reward model")
        )
    if selectors.has_nothing_left_to_ask(project):
        advice = _("Every pair of responses has been shown. Generate or import more to go on.")
        return _headline(project, sentence, advice, "annotation:policies", _("Generate responses"))
    advice = _("The reward model can choose what to ask next.")
    return _headline(project, sentence, advice, "rewardmodel:acquisition", _("Open the next batch"))


def _headline(project: Project, sentence: str, advice: str, url_name: str, action: str) -> Headline:
    return Headline(sentence, advice, reverse(url_name, args=[project.slug]), action)


def _training(project: Project, run: Run | None) -> LoopStep:
    checkpoint = selectors.checkpoint_in_use(project)
    new = selectors.judgments_since_training(project)
    is_due = new >= project.retrain_after_judgments
    otherwise = DUE if is_due else DONE if checkpoint else EMPTY
    waiting = _("%(new)s/%(wanted)s new judgments") % {
        "new": f"{new:,}",
        "wanted": f"{project.retrain_after_judgments:,}",
    }
    unit = _("no model yet")
    figure = "–"
    if checkpoint is not None:
        best = quality_of(checkpoint).best
        if best is not None and best.value is not None:
            figure = f"{100 * best.value:.1f}%"
            unit = _("right %(interval)s") % {"interval": best.words}
            waiting = _("n %(n)s · %(new)s new") % {"n": f"{best.n_votes:,}", "new": f"{new:,}"}
        else:
            unit = _("in use, not tested yet")
    return LoopStep(
        key="training",
        title=_("Reward model"),
        figure=figure,
        unit=unit,
        state=people_half.run_state(run, otherwise),
        detail=people_half.run_words(run, waiting),
        url_name="rewardmodel:training",
    )


def _acquisition(project: Project, run: Run | None) -> LoopStep:
    rounds = selectors.rounds(project)
    count, newest = rounds.count(), rounds.first()
    detail = (
        _("%(size)s of %(n)s pairs chosen")
        % {"size": f"{newest.size:,}", "n": f"{newest.n_considered:,}"}
        if newest
        else _("by itself when work runs out")
        if project.acquire_automatically
        else _("when you ask for it")
    )
    return LoopStep(
        key="acquisition",
        title=_("Acquisition"),
        figure=f"{count:,}",
        unit=ngettext("round", "rounds", count),
        state=people_half.run_state(run, DONE if count else IDLE),
        detail=people_half.run_words(run, detail),
        url_name="rewardmodel:acquisition",
    )


def _next_batch(project: Project) -> LoopStep:
    """What the loop itself has opened and people have still to judge."""
    left = selectors.acquired_judgments_left(project)
    opened = Comparison.objects.filter(
        project=project, batch__reason__in=selectors.OF_ROUNDS
    ).count()
    return LoopStep(
        key="batch",
        title=_("Next batch"),
        figure=f"{left:,}",
        unit=ngettext("judgment wanted", "judgments wanted", left),
        state=DUE if left else DONE if opened else EMPTY,
        detail=_("%(n)s opened so far") % {"n": f"{opened:,}"},
        url_name="annotation:batches",
    )


def _digest(steps: Sequence[LoopStep], runs: Sequence[Run], headline: Headline, turn: Turn) -> str:
    told = repr((steps, [(r.pk, r.state, r.done, r.message) for r in runs], headline, turn))
    return hashlib.sha256(told.encode()).hexdigest()[:16]
