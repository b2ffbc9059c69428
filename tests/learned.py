"""A project whose people prefer by a reward that is known, and a reward model that learned it."""

from dataclasses import dataclass, replace

import numpy as np

from annotation.models import Completion, Project, Prompt, Run, SelfDescription, User
from rewardmodel import selectors, services
from rewardmodel.core.embedded import EmbeddedConfig, EmbeddedRewardModel
from rewardmodel.core.embedded_fit import fit_embedded
from rewardmodel.core.judged import Judged
from rewardmodel.core.pairs import Votes
from rewardmodel.core.reward_model import Responses
from rewardmodel.jobs import evaluation
from rewardmodel.jobs.evaluation_subject import Subject
from rewardmodel.models import AcquisitionRound, Checkpoint, SavingsReport
from tests.factories import make_batch, make_policy, make_run, make_user

EXTRACTOR = "planted"
WIDTH = 6
PROMPTS, HELD_OUT, RESPONSES, PEOPLE = 36, 12, 4, 12
WORDS = ("Boil it.", "**Boil** it for a while.", "* Boil it\n* Then cool it", "It depends. " * 6)


@dataclass(frozen=True)
class Learned:
    """The project, what is evaluated, and its rewards (N,) in truth."""

    project: Project
    subject: Subject
    truth: np.ndarray


def learned(project: Project, *, seed: int = 1, votes: int = 2400) -> Learned:
    """Prompts, responses with features, people of two regions, and votes drawn from a reward."""
    random = np.random.default_rng(seed)
    rows = _responses(project)
    features = random.normal(size=(len(rows), WIDTH))
    services.features_store(
        extractor=EXTRACTOR,
        rows=[
            (c.pk, row.astype("<f4").tobytes(), None)
            for c, row in zip(rows, features, strict=True)
        ],
    )  # fmt: skip
    truth = features @ (random.normal(size=WIDTH) * 0.9)
    people = _people()
    responses = Responses(
        tuple(c.pk for c in rows), features.astype("<f4").astype(float),
        np.array([len(c.text) for c in rows]),
    )  # fmt: skip
    drawn = _votes(random, rows, truth, people, votes)
    held = np.array([c.prompt.is_held_out for c in rows])[drawn.first]
    return Learned(
        project,
        _subject(project, responses, drawn.where(~held), drawn.where(held), seed),
        truth,
    )


def trained(found: Learned, *, is_whole: bool = False) -> Checkpoint:
    """A training that has ended with every response scored, and all measured but what takes refits.

    is_whole: with these too: folds, the learning curve, best of n.
    """
    subject = found.subject if is_whole else replace(found.subject, refit=None)
    run = make_run(found.project, Run.Kind.TRAINING, state="succeeded", message="Done.")
    training = services.training_start(
        run=run, trigger="manual", config={"dimensions": WIDTH}, seed=subject.seed
    )
    decision = evaluation.gate(subject, None)
    checkpoint = services.training_succeed(
        training=training, n_judgments=len(subject.train) + len(subject.held_out),
        n_preferences=len(subject.train) + len(subject.held_out), data_hash="d" * 64,
        folder=f"{found.project.slug}/{run.pk}", extractor=EXTRACTOR, sha256="c" * 64,
        metrics=evaluation.metrics(subject), is_promoted=decision.is_promoted,
        reason=decision.reason,
    )  # fmt: skip
    scored = subject.model.predict(subject.responses)
    services.scores_replace(
        checkpoint=checkpoint,
        rows=[
            services.ScoreRow(key, "overall", *figures)
            for key, *figures in zip(
                subject.responses.keys, scored.mean.tolist(), scored.sd.tolist(),
                scored.novelty.tolist(), strict=True,
            )
        ],
    )  # fmt: skip
    return checkpoint


def round_opened(
    project: Project, checkpoint: Checkpoint, *, reason: str = "", **detail: object
) -> AcquisitionRound:
    """A round over every pair that is left: one acquired, one of the control arm, and a map."""
    pairs = selectors.uncompared_pairs(project)
    found = services.round_open(
        run=make_run(project, Run.Kind.ACQUISITION, state="succeeded"), checkpoint=checkpoint,
        function="bald", seed=3, n_considered=len(pairs), seconds=1.0,
        choices=[
            services.Choice(pair, 1 / (1 + at), {0: "acquired", 1: "control"}.get(at, "passed"))
            for at, pair in enumerate(pairs)
        ],
    )  # fmt: skip
    prompts = {pair.prompt_id for pair in pairs}
    found.detail = {"map": {str(key): [key % 7, key % 5] for key in prompts}, **detail}
    found.reason = reason
    found.save()
    return found


def savings_told(project: Project, checkpoint: Checkpoint, **figures: object) -> SavingsReport:
    """What rounds saved, as measured with a training."""
    return SavingsReport.objects.create(
        project=project, training_run=checkpoint.training_run, function="bald",
        cutoff_judgment_id=0, n_acquired=40, n_control=10, verdict="Measured.", seed=1,
        code_version="1", **figures,
    )  # fmt: skip


def _subject(
    project: Project, responses: Responses, train: Votes, held_out: Votes, seed: int
) -> Subject:
    config = EmbeddedConfig(dimensions=WIDTH, uses_text=False, precision=1.0, seed=seed)

    def refit(votes: Votes) -> EmbeddedRewardModel:
        return fit_embedded({"overall": Judged(votes)}, responses, config)

    return Subject(
        project=project, model=refit(train), responses=responses, train=train, held_out=held_out,
        seed=seed, extractor=EXTRACTOR, refit=refit, criteria={"overall": held_out},
    )  # fmt: skip


def _responses(project: Project) -> list[Completion]:
    """Oldest first; each half of the prompts was opened as a batch of its own."""
    policies = [make_policy(project, f"policy {k}") for k in range(RESPONSES)]
    prompts = Prompt.objects.bulk_create(
        Prompt(
            project=project, messages=[{"role": "user", "content": f"How do I boil {k} eggs?"}],
            content_hash=f"{k:064d}", is_held_out=k % 3 == 0, language="en",
            tags=["short" if k % 2 else "long"],
        )
        for k in range(PROMPTS)
    )  # fmt: skip
    rows = Completion.objects.bulk_create(
        Completion(prompt=prompt, policy=policy, text=text, html=text, sample_index=0)
        for prompt in prompts
        for policy, text in zip(policies, WORDS, strict=True)
    )
    for start in (0, PROMPTS // 2):
        part = rows[start * RESPONSES : (start + PROMPTS // 2) * RESPONSES]
        pairs = [part[at : at + 2] for at in range(0, len(part), 2)]
        make_batch(project, *pairs)
    return rows


def _people() -> list[User]:
    """Six of the north and six of the south."""
    people = [make_user() for _ in range(PEOPLE)]
    SelfDescription.objects.bulk_create(
        SelfDescription(user=person, region="north" if k < PEOPLE // 2 else "south")
        for k, person in enumerate(people)
    )
    return people


def _votes(
    random: np.random.Generator, rows: list[Completion], truth: np.ndarray, people: list[User],
    size: int,
) -> Votes:  # fmt: skip
    prompt = random.integers(0, PROMPTS, size)
    one = random.integers(0, RESPONSES, size)
    other = (one + random.integers(1, RESPONSES, size)) % RESPONSES
    first, second = prompt * RESPONSES + one, prompt * RESPONSES + other
    difference = truth[first] - truth[second]
    logits = np.column_stack([difference / 2, -difference / 2, np.full(size, -1.0)])
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    outcome = (random.random(size)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    prompts = np.array([c.prompt_id for c in rows])
    keys = np.array([person.pk for person in people])
    voter = keys[random.integers(0, len(people), size)]
    return Votes(first, second, outcome, np.ones(size), prompts[first], voter)
