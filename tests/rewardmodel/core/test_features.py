"""Features: against a plain forward pass, in any batch, at the edges."""

import numpy as np
import pytest
import torch

from rewardmodel.core import language_model
from rewardmodel.core.errors import FeaturesInvalid, PromptRefused
from rewardmodel.core.features import (
    EXTRAS,
    CompletionFeatures,
    ExtractorSettings,
    FeatureExtractor,
    FeatureRequest,
    Pooling,
)
from rewardmodel.core.language_model import LanguageModel
from rewardmodel.core.text_features import NAMES as TEXTS
from tests.rewardmodel.core.conftest import tiny_network, tiny_tokenizer

ASK = [{"role": "user", "content": "Hi"}]
READER = ExtractorSettings(reference="tiny", layers=(2,))


def requests() -> list[FeatureRequest]:
    texts = ["short", "a rather longer answer", "", "Grüße!", "x", "six words are all it takes"]
    return [
        FeatureRequest(n, [{"role": "user", "content": "q" * n}], text)
        for n, text in enumerate(texts)
    ]


def read(
    model: LanguageModel, asked: list[FeatureRequest], settings: ExtractorSettings = READER
) -> dict[int, CompletionFeatures]:
    return {f.key: f for f in FeatureExtractor(model, settings).extract(asked)}


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_features_equal_a_plain_forward_pass(tiny: LanguageModel, pooling: Pooling) -> None:
    settings = ExtractorSettings(reference="tiny", layers=(2,), pooling=pooling)
    found = read(tiny, requests(), settings)
    for request in requests():
        prompt, text = tiny.prompt_ids(request.messages), tiny.text_ids(request.text)
        completion = text or [tiny.end_of_turn_id]
        with torch.inference_mode():
            plain = tiny.network(torch.tensor([prompt + completion]), output_hidden_states=True)
        states = plain.hidden_states[2][0, len(prompt) :]
        logprobs = plain.logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        chosen = logprobs.gather(1, torch.tensor(completion)[:, None]).numpy()
        pooled = states.mean(dim=0) if pooling == "mean" else states[-1]
        extras = [chosen.mean(), chosen.sum(), np.log1p(len(text)), float(not text)]
        np.testing.assert_allclose(found[request.key].vector[:-22], pooled.numpy(), atol=1e-4)
        np.testing.assert_allclose(found[request.key].vector[-22:-18], extras, rtol=1e-4, atol=1e-5)
        assert found[request.key].mean_logprob == pytest.approx(chosen.mean(), rel=1e-4)
        assert found[request.key].n_tokens == len(text)


def test_features_do_not_depend_on_the_batch(tiny: LanguageModel) -> None:
    together = read(tiny, requests())
    for request in requests():
        alone = read(tiny, [request])[request.key]
        np.testing.assert_allclose(alone.vector, together[request.key].vector, atol=1e-4)


def test_features_depend_on_the_prompt(tiny: LanguageModel) -> None:
    one, other = (
        read(tiny, [FeatureRequest(0, [{"role": "user", "content": ask}], "Yes")])[0]
        for ask in ("Is it?", "Was it?")
    )
    assert np.abs(one.vector - other.vector).max() > 1e-3


def test_an_empty_completion_is_read_at_the_end_of_the_turn_and_marked(tiny: LanguageModel) -> None:
    found = read(tiny, requests())
    assert [key for key, f in found.items() if f.is_empty] == [2]
    marks = {key: f.vector[-19] for key, f in found.items()}
    assert EXTRAS[-1] == "is_empty"
    assert marks == {key: float(key == 2) for key in found}


def test_long_texts_keep_the_prompts_end_and_the_completions_beginning(
    tiny: LanguageModel,
) -> None:
    short = ExtractorSettings("tiny", layers=(2,), max_prompt_tokens=30, max_completion_tokens=10)

    def about(ask: str, text: str) -> CompletionFeatures:
        return read(tiny, [FeatureRequest(0, [{"role": "user", "content": ask}], text)], short)[0]

    base = about("x" * 50, "0123456789abc")
    assert base.is_truncated
    assert base.n_tokens == 13
    same = about("y" + "x" * 50, "0123456789ABC")
    np.testing.assert_array_equal(same.vector, base.vector)
    assert np.abs(about("x" * 50, "9123456789abc").vector - base.vector).max() > 1e-3


def test_a_text_longer_than_the_context_is_still_read(tiny: LanguageModel) -> None:
    wide = ExtractorSettings("tiny", layers=(2,), max_prompt_tokens=200, max_completion_tokens=500)
    long = FeatureRequest(0, [{"role": "user", "content": "x" * 300}], "y" * 400)
    found = read(tiny, [long], wide)[0]
    assert found.is_truncated
    assert np.isfinite(found.vector).all()


def test_reading_stops_between_batches_when_asked(
    tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rewardmodel.core.features.ROWS_AT_ONCE", 2)
    answers = iter([False, True])
    extractor = FeatureExtractor(tiny, READER)
    found = list(extractor.extract(requests(), should_stop=lambda: next(answers)))
    assert len(found) == 2


def test_an_extractors_name_changes_with_all_that_changes_its_features(
    tiny: LanguageModel,
) -> None:
    other = language_model.language_model("tiny", tiny_network(seed=1), tiny_tokenizer())
    names = [
        FeatureExtractor(model, settings).extractor_id
        for model, settings in [
            (tiny, READER),
            (other, READER),
            (tiny, ExtractorSettings("tiny", layers=(1,))),
            (tiny, ExtractorSettings("tiny", layers=(2,), pooling="last")),
            (tiny, ExtractorSettings("tiny", layers=(2,), max_completion_tokens=64)),
        ]
    ]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 64 for name in names)
    moved = ExtractorSettings("/elsewhere/tiny", layers=(2,))
    assert FeatureExtractor(tiny, moved).extractor_id == names[0]


def test_a_layer_that_is_not_there_is_named(tiny: LanguageModel) -> None:
    with pytest.raises(FeaturesInvalid, match="has no layer 22"):
        FeatureExtractor(tiny, ExtractorSettings("tiny", layers=(22,)))


def test_a_broken_network_is_not_read() -> None:
    network = tiny_network()
    with torch.no_grad():
        network.model.norm.weight.fill_(float("nan"))
    broken = language_model.language_model("broken", network, tiny_tokenizer())
    with pytest.raises(FeaturesInvalid, match="not finite"):
        read(broken, requests())


def test_a_conversation_that_the_template_refuses_is_left_out_and_told() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}hi"
    )
    model = language_model.language_model("strict", tiny_network(), tokenizer)
    extractor = FeatureExtractor(model, READER)
    refused = FeatureRequest("no", [{"role": "system", "content": "Be brief."}, *ASK], "Yes")
    asked, told = [refused, FeatureRequest("yes", ASK, "Yes")], []
    found = list(extractor.extract(asked, refused=lambda request, why: told.append(request.key)))
    assert ([f.key for f in found], told) == (["yes"], ["no"])
    with pytest.raises(PromptRefused, match="no system"):
        list(extractor.extract(asked))


@pytest.mark.model
def test_smollm2_finds_an_answer_likelier_than_a_rebuff(smollm2: LanguageModel) -> None:
    ask = [{"role": "user", "content": "What is the capital of France?"}]
    texts = ["The capital of France is Paris.", "Paris the is France capital of of."]
    extractor = FeatureExtractor(smollm2, ExtractorSettings())
    found = {
        f.key: f for f in extractor.extract([FeatureRequest(text, ask, text) for text in texts])
    }
    right, wrong = (found[text] for text in texts)
    assert right.vector.shape == (extractor.size,) == (576 + len(EXTRAS) + len(TEXTS),)
    assert right.vector.dtype == np.float32
    assert right.mean_logprob > wrong.mean_logprob + 1
