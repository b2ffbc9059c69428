"""Packages of embedded reward models: the language model, the heads as one layer, and the code.

The code is our own modules, their imports turned into the package's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rewardmodel.core.embedded import EmbeddedRewardModel
from rewardmodel.core.errors import FeaturesInvalid
from rewardmodel.core.features import FeatureExtractor
from rewardmodel.core.packaged_reward import PackagedReward, PackagedRewardConfig
from rewardmodel.core.reward_model import Text

EMBEDDED_LOADING = """\
```python
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder = "path/to/this/folder"
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)
turns = [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]
text = tokenizer.apply_chat_template(turns, tokenize=False)
reward = model(**tokenizer(text, return_tensors="pt", add_special_tokens=False)).logits
```

In TRL pass the loaded model: `GRPOTrainer(reward_funcs=model, reward_processing_classes=tokenizer,
...)`. It is frozen: it cannot be trained on."""

MODELLING = "modeling_packaged_reward"
_COLUMNS, _FACTS = "packaged_text_columns", "packaged_text_facts"
_MODULES = {
    MODELLING: "rewardmodel.core.packaged_reward",
    _COLUMNS: "rewardmodel.core.text_features",
    _FACTS: "annotation.core.text_features",
}
_IMPORTS = {
    "from rewardmodel.core.text_features import": f"from .{_COLUMNS} import",
    "from annotation.core.text_features import": f"from .{_FACTS} import",
    "from rewardmodel.core.pairs import Floats": "Floats = np.ndarray",
}
# In the one that defines it for the others there is no reward_model to import it from.
_TEXT = "from rewardmodel.core.reward_model import Text"
_TEXT_DEFINED = 'from collections import namedtuple\n\nText = namedtuple("Text", "messages text")'


@dataclass(frozen=True, slots=True)
class Marks:
    """What a chat template writes before and after an assistant's turn, and before a user's."""

    opening: str
    closing: str
    asking: str


def package_embedded(
    model: EmbeddedRewardModel, extractor: FeatureExtractor, folder: Path, outputs: Sequence[str]
) -> None:
    """Writes language model, heads, tokenizer and code; `outputs` names the criteria.

    Raises FeaturesInvalid for a criterion that the model does not know, or a language model whose
    chat template does not show where turns begin and end.
    """
    reader, tokenizer = extractor.model, extractor.model.tokenizer
    marks = turn_marks(tokenizer)
    heads = [model.head(key) for key in outputs]
    size = len(heads[0].projection.centre)
    base = reader.network.config.to_dict()
    # Where a host keeps its models is nobody's business.
    base.pop("_name_or_path", None)
    config = PackagedRewardConfig(
        base=base, layers=extractor.settings.layers,
        pooling=extractor.settings.pooling,
        max_prompt_tokens=extractor.settings.max_prompt_tokens,
        max_completion_tokens=extractor.settings.max_completion_tokens,
        context_length=reader.context_length,
        opening=marks.opening, closing=marks.closing, asking=marks.asking,
        opening_ids=_ids(tokenizer, marks.opening), end_id=reader.end_of_turn_id,
        features=size, num_labels=len(outputs), pad_token_id=reader.pad_id,
        id2label=dict(enumerate(outputs)), label2id={key: n for n, key in enumerate(outputs)},
        architectures=["PackagedReward"], dtype=str(reader.network.dtype).removeprefix("torch."),
        auto_map={
            "AutoConfig": f"{MODELLING}.PackagedRewardConfig",
            "AutoModelForSequenceClassification": f"{MODELLING}.PackagedReward",
        },
    )  # fmt: skip
    packaged = PackagedReward(config)
    packaged.network = reader.network
    projection = heads[0].projection
    weights = np.stack([head.projection.axes @ head.weights for head in heads])
    with torch.no_grad():
        packaged.reward.centre.copy_(torch.from_numpy(projection.centre))
        packaged.reward.scale.copy_(torch.from_numpy(projection.scale))
        packaged.reward.weight.copy_(torch.from_numpy(weights))
    packaged.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for name, module in _MODULES.items():
        (folder / f"{name}.py").write_text(_standing_alone(name, module), encoding="utf-8")


def turn_marks(tokenizer: Any) -> Marks:
    """What the template writes around turns. Raises FeaturesInvalid where it cannot be told."""
    asked, said, again = "first question", "an answer", "second question"
    turns = [
        {"role": "user", "content": asked}, {"role": "assistant", "content": said},
        {"role": "user", "content": again},
    ]  # fmt: skip
    if not tokenizer.chat_template:
        raise FeaturesInvalid(
            "The language model has no chat template, so a package cannot tell the turns apart."
        )
    written = str(tokenizer.apply_chat_template(turns, tokenize=False))
    opened = str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    opening = opened.removeprefix(written)
    between = written.partition(asked)[2].partition(said)[0]
    closing = between.removesuffix(opening)
    asking = written.partition(said)[2].partition(again)[0].removeprefix(closing)
    if not (opening and closing.strip() and asking and between.endswith(opening)):
        raise FeaturesInvalid(
            "The chat template of the language model does not show where turns begin and end."
        )
    return Marks(opening, closing, asking)


def conversation_ids(tokenizer: Any, text: Text) -> list[int]:
    """The whole conversation as a package is given it."""
    turns = [*text.messages, {"role": "assistant", "content": text.text}]
    return _ids(tokenizer, str(tokenizer.apply_chat_template(turns, tokenize=False)))


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _standing_alone(name: str, module: str) -> str:
    """The module's source, with imports of ours turned into the package's own."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise FeaturesInvalid(f"The source of {module} is not on this host.")
    source = Path(spec.origin).read_text(encoding="utf-8")
    for ours, theirs in _IMPORTS.items():
        source = source.replace(ours, theirs)
    text = _TEXT_DEFINED if name == _COLUMNS else f"from .{_COLUMNS} import Text"
    source = source.replace(_TEXT, text)
    if "rewardmodel." in source or "annotation." in source:
        raise FeaturesInvalid(f"{module} imports more than a package can bring.")
    return source
