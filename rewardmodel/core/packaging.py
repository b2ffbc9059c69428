"""A reward model as a folder that transformers loads as a sequence classifier, and TRL as a reward.

A deep model is one already: its network, the outputs that were asked for, and a card. An embedded
one brings the code that reads a conversation as it was read when the reward was learned.
"""

import json
import shutil
from collections.abc import Sequence
from copy import copy, deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

from rewardmodel.core.deep import DeepRewardModel, folder_hash
from rewardmodel.core.errors import FeaturesInvalid
from rewardmodel.core.pairs import Floats
from rewardmodel.core.reward_model import Text

DEEP_LOADING = """\
```python
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

folder = "path/to/this/folder"
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder)
turns = [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]
text = tokenizer.apply_chat_template(turns, tokenize=False)
reward = model(**tokenizer(text, return_tensors="pt", add_special_tokens=False)).logits
```

In TRL: `GRPOTrainer(reward_funcs="path/to/this/folder", ...)`, or as the model of a `RewardTrainer`
that goes on training it."""


def package_deep(model: DeepRewardModel, folder: Path, outputs: Sequence[str]) -> None:
    """Writes network and tokenizer; `outputs` names the criteria that become its outputs.

    Raises FeaturesInvalid for a criterion that the model does not know.
    """
    rows = [_index(model.criteria, key) for key in outputs]
    plain = with_outputs(model.network.plain, rows, outputs)
    plain.config.get_text_config().pad_token_id = model.pad_id
    plain.save_pretrained(folder)
    tokenizer = deepcopy(model.tokenizer)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.model_max_length = model.max_tokens
    tokenizer.save_pretrained(folder)


def with_outputs(classifier: Any, rows: Sequence[int], names: Sequence[str]) -> Any:
    """The same classifier with these rows of its linear head; shares all other weights."""
    found = copy(classifier)
    found._modules = dict(classifier._modules)
    head = nn.Linear(classifier.score.in_features, len(rows), bias=False)
    with torch.no_grad():
        head.weight.copy_(classifier.score.weight[list(rows)])
    found.score = head.to(classifier.score.weight.device)
    found.config = deepcopy(classifier.config)
    found.config.id2label = dict(enumerate(names))
    found.config.label2id = {key: index for index, key in enumerate(names)}
    found.num_labels = len(rows)
    return found


@torch.inference_mode()
def packaged_rewards(
    folder: Path, texts: Sequence[Text], kind: Any = AutoModelForSequenceClassification
) -> Floats:
    """(n, outputs) what the package itself gives these texts, read as its card says."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    network = kind.from_pretrained(folder).eval()
    longest = getattr(network.config.get_text_config(), "max_position_embeddings", 0)
    found = np.zeros((len(texts), network.config.num_labels))
    for row, text in enumerate(texts):
        turns = [*text.messages, {"role": "assistant", "content": text.text}]
        written = tokenizer.apply_chat_template(turns, tokenize=False)
        ids = tokenizer(written, return_tensors="pt", add_special_tokens=False)["input_ids"]
        found[row] = network(input_ids=ids[:, -longest:]).logits[0].double().numpy()
    return found


def compared(ours: Floats, packaged: Floats) -> str:
    """A sentence on how the rewards (n,) of package and original agree, for the card."""
    n = len(ours)
    if n < 3 or np.std(ours) == 0 or np.std(packaged) == 0:
        return f"Package and original were not compared: the project has {n} responses."
    correlation = float(np.corrcoef(ours, packaged)[0, 1])
    largest = float(np.abs(ours - packaged).max())
    return (
        f"On {n} responses of the project, package and original correlate at {correlation:.5f}; "
        f"the largest difference is {largest:.2g}, where rewards have a standard deviation of "
        f"{float(np.std(ours)):.2g}. What differs is rounding, and texts longer than is read."
    )


def finish(folder: Path, card: str) -> str:
    """Adds card and checksums; the SHA-256 of the whole folder."""
    (folder / "README.md").write_text(card, encoding="utf-8")
    # The folder that it was loaded from is nobody's business.
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for cache in folder.rglob("__pycache__"):
        shutil.rmtree(cache)
    return folder_hash(folder)


def _index(criteria: Sequence[str], key: str) -> int:
    if key not in criteria:
        raise FeaturesInvalid(
            f"This reward model was not trained on “{key}”.",
            hint=f"It knows {', '.join(criteria)}.",
        )
    return criteria.index(key)
