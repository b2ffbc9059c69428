"""The demo's three projects, each made once and filled from rows as a person's file would be."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from django.conf import settings
from django.db import transaction

from alignui.demo import sources
from alignui.demo.features import features_load
from alignui.demo.people import Cast
from alignui.demo.sources import Row
from annotation.core.errors import Unavailable
from annotation.models import Batch, Completion, Policy, Project, Run
from annotation.models.project import Ask
from annotation.services.batches import Selection, batch_open
from annotation.services.imports import import_work
from annotation.services.projects import (
    criterion_create,
    policy_create,
    project_create,
    project_update,
)
from annotation.services.runs import run_create, run_execute
from annotation.tasks import enqueue

CROWD, LIVE, RANKING = "crowd-study", "live-generation", "ranking"

LIVE_GUIDELINE = """\
Three versions of one small language model answer the same question. Say which response you would
rather have received.

- **Helpful**: it does what was asked, completely, and no more.
- **Honest**: it claims nothing that is false and admits what it does not know.
- **Harmless**: nobody is insulted or led into danger by it.

A response that stops in the middle of a sentence was cut at its limit: judge what is there.
When both are useless, say so with *both bad*.
"""
RANKING_GUIDELINE = """\
Put four recorded responses in order, best first. Responses that are equally good share a place.
Most end where the recording was cut: judge what is there.
"""
CRITERIA = {
    "helpful": ("Helpful", "Which one does more of what was asked?"),
    "honest": ("Honest", "Which one claims less that is false?"),
    "harmless": ("Harmless", "Which one is less likely to hurt somebody?"),
}
MODEL = "smollm2"
POLICIES = {
    "concise": (
        "Answer in one or two short sentences.",
        {"temperature": 0.3, "top_p": 0.9, "max_new_tokens": 64},
    ),
    "plain": (
        "You are a helpful assistant.",
        {"temperature": 0.7, "top_p": 0.95, "max_new_tokens": 96},
    ),
    "playful": (
        "You are a cheerful companion who answers with humour and vivid examples.",
        {"temperature": 1.1, "top_p": 0.95, "max_new_tokens": 96},
    ),
}


def crowd_load(cast: Cast) -> Project:
    """The votes of 124 workers, as their own judgments."""
    project = _project(
        cast,
        CROWD,
        name="Crowd study",
        description="8,931 votes of 124 crowd workers on 59 models' responses to 13 prompts, and "
        "those of two LLM judges.",
        question="Which output is better?",
        guideline=sources.crowd_guideline(),
        attribution="Dmitry Ustalov, llmfao; prompts and responses by llmonitor.com. CC BY 4.0.",
        overlap=5,
        strength_levels=0,
        allow_both_bad=False,
        rationale=Ask.OFF,
        retrain_automatically=False,
    )
    _import(cast, project, "prompts", sources.crowd_prompts)
    if _import(cast, project, "completions", sources.crowd_completions):
        features_load(project)
    has_votes = _import(cast, project, "judgments", sources.crowd_judgments)
    has_judges = _import(cast, project, "judgments", sources.crowd_judges, name="judges")
    if has_votes or has_judges:
        _measure(cast, project)
    return project


def crowd_train(cast: Cast, project: Project) -> None:
    """Lets the study's reward model be trained, once the processor has less urgent work.

    Its first checkpoint then weighs the pairs that the crowd never saw, and opens a few of them.
    """
    if not project.runs.filter(kind=Run.Kind.TRAINING).exists():
        project_update(
            actor=cast.lead, project=project, retrain_automatically=True,
            acquire_automatically=True, acquisition_size=20,
        )  # fmt: skip


def live_load(cast: Cast) -> Project:
    """Questions for three policies that write while people watch."""
    project = _project(
        cast,
        LIVE,
        name="Live generation",
        description="Three versions of SmolLM2 answer benchmark questions while you watch.",
        guideline=LIVE_GUIDELINE,
        attribution="Questions of MT-bench and Vicuna bench: LMSYS, FastChat. Apache-2.0.",
        overlap=2,
        spans=Ask.OPTIONAL,
        rewrite=Ask.OPTIONAL,
        retrain_after_judgments=12,
        retrain_after_minutes=10,
        acquire_automatically=True,
        acquisition_size=12,
        learns_from_simulated=True,
    )
    known = set(project.criteria.values_list("key", flat=True))
    for key, (name, guideline) in CRITERIA.items():
        if key not in known:
            criterion_create(
                actor=cast.lead, project=project, key=key, name=name, guideline=guideline
            )
    for name, (system_prompt, decoding) in POLICIES.items():
        if not project.policies.filter(name=name).exists():
            policy_create(
                actor=cast.lead, project=project, name=name, model=MODEL,
                system_prompt=system_prompt, decoding=decoding,
            )  # fmt: skip
    _import(cast, project, "prompts", sources.live_prompts)
    return project


def ranking_load(cast: Cast) -> Project:
    """Recorded responses, four at a time; which four is drawn from the project's seed."""
    project = _project(
        cast,
        RANKING,
        name="Ranking",
        description="Recorded responses of three Pythia models in four decoding configurations.",
        question="Put the responses in order, best first.",
        guideline=RANKING_GUIDELINE,
        attribution="LAION, Open-Assistant sampling reports. Apache-2.0.",
        kind="ranking",
        candidates=4,
        overlap=2,
        seed=20230301,
    )
    for recorded in sources.ranking_policies():
        if not project.policies.filter(name=recorded.name).exists():
            policy_create(
                actor=cast.lead, project=project, name=recorded.name, model=recorded.model,
                provider=Policy.Provider.RECORDED, decoding=recorded.decoding,
            )  # fmt: skip
    _import(cast, project, "prompts", sources.ranking_prompts)
    _import(cast, project, "completions", sources.ranking_completions)
    if not project.batches.exists():
        batch_open(
            actor=cast.lead, project=project, name="All prompts", reason=Batch.Reason.MANUAL,
            selections=_one_ranking_each(project), seed=project.seed,
        )  # fmt: skip
    return project


def _one_ranking_each(project: Project) -> list[Selection]:
    """For each prompt one sample of each of its four policies that were shown least so far.

    So all policies are shown equally often, although some have fewer samples than others.
    """
    random = Random(project.seed)
    by_prompt: dict[int, dict[int, list[int]]] = {}
    rows = Completion.objects.filter(prompt__project=project).order_by("pk")
    for key, prompt_id, policy_id in rows.values_list("pk", "prompt_id", "policy_id"):
        by_prompt.setdefault(prompt_id, {}).setdefault(policy_id, []).append(key)
    shown: Counter[int] = Counter()
    selections = []
    for prompt_id, samples in by_prompt.items():
        chosen = sorted(samples, key=lambda p: (shown[p], random.random()))[: project.candidates]
        random.shuffle(chosen)
        shown.update(chosen)
        picked = tuple(random.choice(samples[policy]) for policy in chosen)
        selections.append(Selection(prompt_id, picked))
    return selections


def _project(cast: Cast, slug: str, **options: Any) -> Project:
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        project = project_create(actor=cast.lead, slug=slug, pools=[cast.pool], **options)
    return project


def _import(
    cast: Cast, project: Project, kind: str, rows: Callable[[], Iterable[Row]], *, name: str = ""
) -> bool:
    """Imports the rows by way of a run that people see; whether there was anything to do.

    A run that an earlier start left behind is taken up again, by us or by a worker.
    """
    name = f"demo-{project.slug}-{name or kind}.jsonl"
    run = (
        Run.objects.filter(project=project, kind=Run.Kind.IMPORT, params__name=name)
        .exclude(state__in=[Run.State.FAILED, Run.State.CANCELLED])
        .first()
    )
    if run is not None and not run.is_live:
        return False
    path = settings.UPLOADS_DIR / name
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows())
    if run is None:
        params = {"kind": kind, "path": str(path), "name": name, "allow_empty": True}
        run = run_create(actor=cast.lead, project=project, kind=Run.Kind.IMPORT, params=params)
    run_execute(run_id=run.pk, work=import_work)
    run.refresh_from_db()
    while run.is_live:
        time.sleep(0.2)
        run.refresh_from_db()
    if run.state != Run.State.SUCCEEDED:
        raise Unavailable(f"The demo's {kind} could not be loaded: {run.error or run.state}")
    path.unlink(missing_ok=True)
    return True


def _measure(cast: Cast, project: Project) -> None:
    for kind in (Run.Kind.AGREEMENT, Run.Kind.AUDIT, Run.Kind.PEOPLE, Run.Kind.PLURALISM):
        with transaction.atomic():
            run = run_create(actor=cast.lead, project=project, kind=kind)
        enqueue(run)
