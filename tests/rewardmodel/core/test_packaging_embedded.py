"""Packaged embedded rewards: loaded as a stranger would, they say what ours say."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rewardmodel.core.errors import FeaturesInvalid
from rewardmodel.core.packaging_embedded import conversation_ids, package_embedded, turn_marks
from rewardmodel.core.reward_model import Text
from tests.rewardmodel.core.conftest import tiny_tokenizer
from tests.rewardmodel.core.deep_cast import texts
from tests.rewardmodel.core.embedded_cast import PROMPTS, fit_tiny, read, tiny_extractor

ODD = [
    Text([{"role": "user", "content": "Say nothing."}], ""),
    Text([{"role": "user", "content": "List."}], "- one\n- two\n\n**bold** and `code`"),
    Text(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "A?"},
         {"role": "assistant", "content": "B."}, {"role": "user", "content": "And now?"}],
        "Now C, she said…  ",
    ),
    Text([{"role": "user", "content": "l" * 90}], "too long " * 12),
]  # fmt: skip


@pytest.fixture(scope="module")
def extractor(tiny):
    return tiny_extractor(tiny)


@pytest.fixture(scope="module")
def model(extractor):
    return fit_tiny(read(extractor, texts(PROMPTS)))


def rewards(folder, asked):
    """In one padded batch, by the folder's own tokenizer, network and code."""
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    packaged = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)
    rows = [conversation_ids(tokenizer, text) for text in asked]
    ids = torch.full((len(rows), max(map(len, rows))), tokenizer.pad_token_id)
    mask = torch.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return packaged(input_ids=ids, attention_mask=mask).logits.double().numpy()


def test_a_package_gives_the_same_rewards(extractor, model, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    package_embedded(model, extractor, tmp_path, ("overall", "brief"))
    asked = [*texts(5), *ODD]
    found = rewards(tmp_path, asked)
    given = read(extractor, asked)
    for place, key in enumerate(("overall", "brief")):
        np.testing.assert_allclose(found[:, place], model.predict(given, key).mean, atol=1e-3)
    assert np.ptp(found[:, 0]) > 0.1
    sources = "".join(path.read_text() for path in tmp_path.glob("*.py"))
    assert "rewardmodel" not in sources


def test_the_marks_of_a_template():
    marks = turn_marks(tiny_tokenizer())
    assert (marks.opening, marks.closing) == ("<|im_start|>assistant\n", "<|im_end|>\n")
    assert marks.asking == "<|im_start|>user\n"


@pytest.mark.parametrize("template", [None, "{{ messages | length }}"])
def test_a_template_that_does_not_tell_turns_apart_is_refused(template):
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    with pytest.raises(FeaturesInvalid, match="chat template"):
        turn_marks(tokenizer)


def test_a_conversation_without_an_answer_is_refused(extractor, model, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    package_embedded(model, extractor, tmp_path, ("overall",))
    packaged = AutoModelForSequenceClassification.from_pretrained(tmp_path, trust_remote_code=True)
    with pytest.raises(ValueError, match="no assistant"):
        packaged(input_ids=torch.tensor([[1, 2, 3]]))
