"""The reward model: on the crowd's votes from reading to scoring, on PandaLM, and on many pairs."""

from typing import Any

from benchmarks import place, retraining, reward_accuracy
from benchmarks.figures import Figure, of_samples, seconds

RETRAIN_GOAL_SECONDS = 20.0
SCORE_GOAL_SECONDS = 2.0
SCORED = 10_000
READ, READ_SHORT = 160, 32


def measure(*, short: bool) -> list[Figure]:
    """Features are read once with SmolLM2 and cached; retraining and scoring use the cache."""
    with place.installation():
        from alignui.demo.projects import crowd_load
        from annotation.models import Completion, Run
        from rewardmodel.jobs import reading, train
        from rewardmodel.models import Checkpoint, CompletionFeature
        from rewardmodel.selectors import completions_without_features

        project = crowd_load(place.demo_cast())
        extractor = reading.extractor_id()
        sample = Completion.objects.filter(prompt__project=project).exclude(text="").order_by("pk")
        keys = sample.values_list("pk", flat=True)[: READ_SHORT if short else READ]
        CompletionFeature.objects.filter(completion__in=list(keys)).delete()
        handle = _handle(project, Run.Kind.TRAINING)
        n_read = completions_without_features(project, extractor).count()
        read = seconds(lambda: reading.read_missing(handle, project))
        trained = [seconds(lambda: _train(project)) for _ in range(1 if short else 3)]
        checkpoint = Checkpoint.objects.latest("id")
        add_completions(project, extractor, SCORED)
        model = train.load_checkpoint(checkpoint)
        scored = [seconds(lambda: train.score_all(checkpoint, model)) for _ in trained]
        metrics: dict[str, Any] = checkpoint.metrics
    votes = metrics["n_train_votes"] + metrics["n_held_out_votes"]
    return [
        Figure("responses read by SmolLM2", n_read / read, "responses/s", better="higher"),
        of_samples(
            f"retraining on {votes:,} votes as the schedule does, features cached", trained, "s",
            goal=RETRAIN_GOAL_SECONDS,
        ),
        of_samples(f"scoring {SCORED:,} completions, features cached", scored, "s",
                   goal=SCORE_GOAL_SECONDS),
        _accuracy(metrics["held_out"], "held-out prompts"),
        _accuracy(metrics["cross_validation"], "cross-validated over prompts"),
        *reward_accuracy.measure(short=short),
        *retraining.measure(short=short),
    ]  # fmt: skip


def _accuracy(found: dict[str, Any], name: str) -> Figure:
    """Of n decided votes; min and max are the ends of the 95 % interval, where there is one.

    The baseline is whichever rule about length does better on the same votes.
    """
    accuracy, longer = found["accuracy"], found["longer_wins"]["value"]
    interval = " (95 % interval)" if accuracy["low"] is not None else " (too few for an interval)"
    return Figure(
        f"accuracy, {name}{interval}", accuracy["value"], "share", better="higher",
        baseline=max(longer, 1 - longer),
        baseline_name="the longer one wins" if longer > 1 / 2 else "the shorter one wins",
        n=accuracy["n_votes"], min=accuracy["low"], max=accuracy["high"],
    )  # fmt: skip


def _handle(project: Any, kind: str) -> Any:
    from annotation.services.runs import RunHandle, run_create

    return RunHandle(run_create(actor=None, project=project, kind=kind))


def _train(project: Any) -> None:
    from annotation.models import Run
    from annotation.services.runs import run_execute
    from rewardmodel.jobs.train import training_work
    from rewardmodel.models import TrainingRun
    from rewardmodel.services import training_request

    Run.objects.filter(project=project, kind=Run.Kind.TRAINING, state=Run.State.QUEUED).delete()
    run = training_request(actor=None, project=project, trigger=TrainingRun.Trigger.DUE)
    run_execute(run_id=run.pk, work=training_work)
    run.refresh_from_db()
    if run.state != Run.State.SUCCEEDED:
        raise RuntimeError(run.error)


def add_completions(project: Any, extractor: str, total: int) -> None:
    """As many more as make the total; their features are copies of those that were read."""
    from annotation.models import Completion, Policy
    from rewardmodel.models import CompletionFeature

    read = list(CompletionFeature.objects.filter(extractor=extractor).select_related("completion"))
    count = total - len(read)
    policy = Policy.objects.create(project=project, name="more", provider="recorded")
    chosen = [read[number % len(read)] for number in range(count)]
    more = Completion.objects.bulk_create(
        Completion(prompt_id=feature.completion.prompt_id, policy=policy, sample_index=number,
                   text=feature.completion.text)
        for number, feature in enumerate(chosen)
    )  # fmt: skip
    CompletionFeature.objects.bulk_create(
        CompletionFeature(completion=completion, extractor=extractor, vector=feature.vector)
        for completion, feature in zip(more, chosen, strict=True)
    )
