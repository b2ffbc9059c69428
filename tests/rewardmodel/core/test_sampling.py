"""Sampling: distributions, seeds, batches, finish reasons and refusals."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats

from rewardmodel.core.errors import DecodingInvalid
from rewardmodel.core.language_model import LanguageModel
from rewardmodel.core.sampling import (
    DecodingSettings,
    SampledCompletion,
    SampleFailed,
    SampleRequest,
    choose,
    generate,
    gumbel,
)

SHORT = DecodingSettings(max_new_tokens=24, temperature=1.0, top_p=1.0)


def asked(count: int) -> list[SampleRequest]:
    """Requests with prompts of different lengths."""
    return [
        SampleRequest(n, [{"role": "user", "content": "word " * (n % 5)}], seed=100 + n)
        for n in range(count)
    ]


def written(
    model: LanguageModel, requests: list[SampleRequest], *,
    settings: DecodingSettings = SHORT, batch_size: int = 8,
) -> dict[int, SampledCompletion]:  # fmt: skip
    found = list(generate(model, requests, settings=settings, batch_size=batch_size))
    assert all(isinstance(f, SampledCompletion) for f in found)
    return {f.key: f for f in found if isinstance(f, SampledCompletion)}


def drawn(logits: list[float], settings: DecodingSettings, count: int) -> np.ndarray:
    """How often each token is chosen over `count` seeds."""
    rows = torch.tensor([logits]).repeat(count, 1)
    seen = torch.zeros_like(rows, dtype=torch.bool)
    tokens = choose(rows, seen, torch.arange(count), 0, settings)
    return np.bincount(tokens.numpy(), minlength=len(logits))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_follow_the_tempered_distribution(temperature: float) -> None:
    logits = [2.0, 1.0, 0.0, -1.0, -2.0]
    settings = DecodingSettings(temperature=temperature, top_p=1.0)
    chances = np.exp(np.array(logits) / temperature)
    counts = drawn(logits, settings, 20_000)
    assert stats.chisquare(counts, 20_000 * chances / chances.sum()).pvalue > 1e-3


def test_noise_is_gumbel_and_independent_across_seeds_steps_and_tokens() -> None:
    tokens = torch.arange(500).expand(40, -1)
    seeds = torch.arange(40)
    noise = gumbel(seeds, 0, tokens)
    assert stats.kstest(noise.flatten().numpy(), "gumbel_r").pvalue > 1e-3
    later, shifted = gumbel(seeds, 1, tokens), gumbel(seeds, 0, tokens + 1)
    for other in (later, noise.roll(1, dims=0)):
        assert abs(np.corrcoef(noise.flatten(), other.flatten())[0, 1]) < 0.03
    assert torch.equal(noise[:, 1:], shifted[:, :-1])


def test_noise_is_that_of_the_published_hash() -> None:
    """SplitMix64 seeded with 0 begins with 0xe220a8397b1dcdaf."""
    from rewardmodel.core.sampling import _GOLDEN, _mix

    assert int(_mix(torch.tensor([_GOLDEN]))) & (2**64 - 1) == 0xE220A8397B1DCDAF


def test_nucleus_and_top_k_cut_the_tail_exactly() -> None:
    logits = np.log([0.5, 0.3, 0.15, 0.05]).tolist()
    nucleus = drawn(logits, DecodingSettings(temperature=1, top_p=0.8), 8_000)
    assert nucleus[2] == nucleus[3] == 0
    assert nucleus[0] / 8_000 == pytest.approx(5 / 8, abs=0.02)
    most = drawn(logits, DecodingSettings(temperature=1, top_p=1, top_k=3), 8_000)
    assert most[3] == 0
    assert most[2] / 8_000 == pytest.approx(0.15 / 0.95, abs=0.02)


def test_a_nucleus_wider_than_the_first_look_is_found_too() -> None:
    counts = drawn([0.0] * 400, DecodingSettings(temperature=1, top_p=0.9), 6_000)
    assert 358 <= (counts > 0).sum() <= 361


def test_a_repetition_penalty_makes_what_was_said_less_likely() -> None:
    logits, seen = torch.tensor([[1.0, 0.9, -1.0]]), torch.tensor([[True, False, True]])
    greedy = DecodingSettings(temperature=0, repetition_penalty=1.5)
    assert int(choose(logits, seen, torch.tensor([0]), 0, greedy)) == 1
    assert int(choose(logits, ~seen, torch.tensor([0]), 0, greedy)) == 0


def test_a_seed_gives_one_text_in_any_batch(tiny: LanguageModel) -> None:
    requests = asked(11)
    together = written(tiny, requests, batch_size=11)
    for batch_size, order in itertools.product((1, 3), (1, -1)):
        apart = written(tiny, requests[::order], batch_size=batch_size)
        for key, found in apart.items():
            assert found.text == together[key].text
            assert found.finish_reason == together[key].finish_reason
            assert found.mean_logprob == pytest.approx(together[key].mean_logprob, abs=1e-5)
    assert len({found.text for found in together.values()}) == 11
    reseeded = [SampleRequest(r.key, r.messages, r.seed + 1) for r in requests]
    assert written(tiny, reseeded)[3].text != together[3].text


def test_log_probabilities_are_the_models_own(tiny: LanguageModel) -> None:
    """Read the whole text again in one piece, without padding, cache or temperature."""
    hot = DecodingSettings(max_new_tokens=24, temperature=3.0, top_p=0.9)
    request = SampleRequest("a", [{"role": "user", "content": "x"}], seed=5)
    recorded: list[int] = []
    plain = tiny.tokenizer.decode

    def decode(ids: list[int], **options: object) -> str:
        recorded[:] = ids
        return str(plain(ids, **options))

    tiny.tokenizer.decode = decode
    try:
        found = written(tiny, [request], settings=hot)["a"]  # type: ignore[index]
    finally:
        del tiny.tokenizer.decode
    prompt = tiny.prompt_ids(request.messages)
    with torch.inference_mode():
        logits = tiny.network(torch.tensor([prompt + recorded])).logits[0]
    logprobs = logits.log_softmax(-1)[len(prompt) - 1 : -1]
    chosen = logprobs.gather(1, torch.tensor(recorded)[:, None])
    assert found.mean_logprob == pytest.approx(float(chosen.mean()), abs=1e-4)
    assert (found.prompt_tokens, found.completion_tokens) == (len(prompt), len(recorded))


def test_greedy_is_what_transformers_writes(tiny: LanguageModel) -> None:
    settings = DecodingSettings(max_new_tokens=20, temperature=0)
    for request in asked(4):
        prompt = torch.tensor([tiny.prompt_ids(request.messages)])
        theirs = tiny.network.generate(
            prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=20, do_sample=False
        )
        ours = written(tiny, [request], settings=settings)[request.key]
        assert ours.text == tiny.text(theirs[0, prompt.shape[1] :].tolist())


def test_finish_reasons_tell_an_end_from_a_cut(tiny: LanguageModel) -> None:
    long = DecodingSettings(max_new_tokens=120, temperature=1.0, top_p=1.0)
    found = written(tiny, asked(24), settings=long, batch_size=24).values()
    assert {f.finish_reason for f in found} == {"stop", "length"}
    for f in found:
        assert (f.completion_tokens == 120) == (f.finish_reason == "length")
        assert "<|im_end|>" not in f.text
        assert (f.mean_logprob is None) == (f.completion_tokens == 0)


def test_texts_arrive_as_they_finish(tiny: LanguageModel) -> None:
    long = DecodingSettings(max_new_tokens=120, temperature=1.0, top_p=1.0)
    found = list(generate(tiny, asked(24), settings=long, batch_size=24))
    sizes = [f.completion_tokens for f in found if isinstance(f, SampledCompletion)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 3


def test_a_prompt_too_long_fails_alone_and_says_why(tiny: LanguageModel) -> None:
    endless = SampleRequest("long", [{"role": "user", "content": "a" * 400}], seed=1)
    found = {f.key: f for f in generate(tiny, [endless, *asked(2)], settings=SHORT)}
    failure = found["long"]
    assert isinstance(failure, SampleFailed)
    assert "does not fit into the 256" in failure.reason
    assert isinstance(found[0], SampledCompletion)
    assert isinstance(found[1], SampledCompletion)


def test_it_stops_within_sixteen_tokens_when_asked(tiny: LanguageModel) -> None:
    asked_times = itertools.count(1)
    long = DecodingSettings(max_new_tokens=120, temperature=1.0, top_p=1.0)
    found = list(
        generate(tiny, asked(24), settings=long, batch_size=24,
                 should_stop=lambda: next(asked_times) >= 2)
    )  # fmt: skip
    assert next(asked_times) == 3
    assert all(f.completion_tokens < 16 for f in found if isinstance(f, SampledCompletion))
    assert len(found) < 24


def test_a_batch_too_large_for_the_device_is_halved(
    tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rewardmodel.core import sampling

    real, sizes = sampling._write, []

    def cramped(model, rows, settings, should_stop):  # type: ignore[no-untyped-def]
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError
        yield from real(model, rows, settings, should_stop)

    whole = {key: found.text for key, found in written(tiny, asked(8)).items()}
    monkeypatch.setattr(sampling, "_write", cramped)
    assert {key: found.text for key, found in written(tiny, asked(8)).items()} == whole
    assert sizes == [8, 4, 2, 2, 4, 2, 2]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"temprature": 1}, "“temprature” is no decoding setting"),
        ({"temperature": -1}, "temperature is out of range"),
        ({"temperature": math.nan}, "temperature must be a number"),
        ({"top_p": 0}, "top_p is out of range"),
        ({"top_k": 2.5}, "top_k must be a whole number"),
        ({"max_new_tokens": "many"}, "max_new_tokens must be a number"),
        ({"max_new_tokens": True}, "max_new_tokens must be a number"),
        ({"repetition_penalty": 9}, "repetition_penalty is out of range"),
    ],
)
def test_settings_that_cannot_be_used_say_why(values: dict[str, object], says: str) -> None:
    with pytest.raises(DecodingInvalid, match=says):
        DecodingSettings.from_dict(values)


def test_settings_come_back_from_what_a_policy_stores() -> None:
    stored: dict[str, object] = {"temperature": 1, "top_k": 40.0, "max_new_tokens": 64}
    settings = DecodingSettings.from_dict(stored)
    assert settings == DecodingSettings(temperature=1.0, top_k=40, max_new_tokens=64)
    assert isinstance(settings.top_k, int)


@pytest.mark.model
def test_smollm2_answers_and_the_same_seed_answers_the_same(smollm2: LanguageModel) -> None:
    request = SampleRequest(
        "capital", [{"role": "user", "content": "What is the capital of France?"}], seed=3
    )
    greedy = DecodingSettings(temperature=0, max_new_tokens=24)
    answer = written(smollm2, [request], settings=greedy)["capital"]  # type: ignore[index]
    assert "Paris" in answer.text
    assert answer.mean_logprob is not None
    assert -2 < answer.mean_logprob < 0
    warm = DecodingSettings(temperature=0.9, max_new_tokens=16)
    twice = [list(generate(smollm2, [request], settings=warm)) for _ in range(2)]
    assert twice[0] == twice[1]
