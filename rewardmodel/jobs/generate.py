"""Generation: what policies still have to write, stored as each completion is finished.

A worker that dies, or a person who cancels, loses at most the batch in hand: the next attempt asks
again what is missing, and a sample's seed depends only on what it is a sample of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.conf import settings

from annotation.core.errors import Invalid, Unavailable
from annotation.core.scheduling import derive_seed
from annotation.models import Policy, Prompt
from annotation.services.completions import completion_create
from annotation.services.runs import RunCancelled, RunHandle
from rewardmodel.core import language_model, sampling
from rewardmodel.core.errors import DecodingInvalid, ModelUnavailable
from rewardmodel.selectors import Wanted, samples_wanted

CHUNK = 64


@dataclass
class Progress:
    """What a run has written and what it could not."""

    total: int
    written: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        """Samples that are settled, written or not."""
        return self.written + self.failed


def generation_work(handle: RunHandle) -> Mapping[str, object]:
    """Writes every missing sample of the run's policies, prompts and number of samples."""
    wanted = _wanted(handle)
    progress = Progress(len(wanted))
    handle.progress(0, progress.total, "Loading the model")
    for policy_id, group in groupby(wanted, key=lambda sample: sample.policy_id):
        _write_policy(handle, Policy.objects.get(pk=policy_id), list(group), progress)
    if progress.total and not progress.written:
        raise Invalid("No prompt could be answered.", hint="The log names each prompt's reason.")
    return {"written": progress.written, "failed": progress.failed}


def load(reference: str) -> language_model.LanguageModel:
    """The model, loaded once per process. Raises Unavailable that says what to do."""
    try:
        return language_model.load(reference, cache_dir=settings.MODELS_CACHE)
    except ModelUnavailable as error:
        raise Unavailable(error.message, hint=error.hint) from error


def _wanted(handle: RunHandle) -> list[Wanted]:
    params = handle.params
    policy_ids, prompt_ids, samples = (
        params.get(name) for name in ("policy_ids", "prompt_ids", "samples")
    )
    return samples_wanted(
        handle.project,
        policy_ids=policy_ids if isinstance(policy_ids, list) else [],
        prompt_ids=prompt_ids if isinstance(prompt_ids, list) else None,
        samples=samples if isinstance(samples, int) else 1,
    )


def _write_policy(
    handle: RunHandle, policy: Policy, wanted: Sequence[Wanted], progress: Progress
) -> None:
    try:
        decoding = sampling.DecodingSettings.from_dict(policy.decoding)
    except DecodingInvalid as error:
        raise Invalid(
            f"“{policy}” cannot write: {error.message}", field="decoding", hint=error.hint
        ) from error
    model = load(policy.model)
    handle.log(f"{policy} writes {len(wanted)} samples on {model.device}.")
    for start in range(0, len(wanted), CHUNK):
        requests = _requests(handle, policy, wanted[start : start + CHUNK])
        for outcome in sampling.generate(
            model, requests, settings=decoding, should_stop=lambda: is_cancelled(handle)
        ):
            _keep(handle, policy, outcome, progress)
        handle.check_cancelled()


def is_cancelled(handle: RunHandle) -> bool:
    """Whether somebody has asked this run to stop."""
    try:
        handle.check_cancelled()
    except RunCancelled:
        return True
    return False


def _requests(
    handle: RunHandle, policy: Policy, wanted: Sequence[Wanted]
) -> list[sampling.SampleRequest]:
    prompts = Prompt.objects.in_bulk([sample.prompt_id for sample in wanted])
    return [
        sampling.SampleRequest(
            key=sample,
            messages=prompts[sample.prompt_id].messages,
            seed=derive_seed(
                handle.project.seed,
                f"{policy.name}/{policy.version}",
                prompts[sample.prompt_id].content_hash,
                sample.sample_index,
            ),
            system_prompt=policy.system_prompt,
        )
        for sample in wanted
    ]


def _keep(
    handle: RunHandle,
    policy: Policy,
    outcome: sampling.SampledCompletion | sampling.SampleFailed,
    progress: Progress,
) -> None:
    sample: Wanted = outcome.key
    if isinstance(outcome, sampling.SampleFailed):
        progress.failed += 1
        handle.log(f"Prompt {sample.prompt_id}: {outcome.reason}")
    else:
        progress.written += 1
        completion_create(
            prompt_id=sample.prompt_id,
            policy=policy,
            sample_index=sample.sample_index,
            text=outcome.text,
            provenance={
                "seed": outcome.seed,
                "prompt_tokens": outcome.prompt_tokens,
                "completion_tokens": outcome.completion_tokens,
                "mean_logprob": outcome.mean_logprob,
                "finish_reason": outcome.finish_reason,
            },
        )
    handle.progress(progress.done, progress.total, f"{policy}: {progress.done} of {progress.total}")
