"""TRL works with what leaves AlignUI: it trains on our exports, and takes our rewards.

Needs the extra `trl` (pip install -e '.[trl]'); skipped where it is not installed, and run once by
hand for each release, see docs/ml-engineers.md.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from alignui.embedded import paths
from annotation.models import Project, User
from annotation.services.exports import export_create
from rewardmodel.core.deep import DeepRewardModel, fit_deep
from rewardmodel.core.deep_data import Reader
from rewardmodel.core.deep_network import load_base
from rewardmodel.core.deep_settings import DeepConfig
from rewardmodel.core.deep_training import Run
from rewardmodel.core.language_model import SMOLLM2_COPY, language_model, load
from rewardmodel.core.packaging import package_deep
from rewardmodel.core.packaging_embedded import package_embedded
from rewardmodel.core.reward_model import Text
from tests.factories import judge
from tests.rewardmodel.core.conftest import tiny_network, tiny_tokenizer
from tests.rewardmodel.core.deep_cast import responses, texts, tiny_config, tiny_folder, votes
from tests.rewardmodel.core.embedded_cast import read, tiny_embedded

datasets = pytest.importorskip("datasets", reason="the extra “trl” is not installed")
trl = pytest.importorskip("trl", reason="the extra “trl” is not installed")

SHORT = {
    "max_steps": 1, "per_device_train_batch_size": 2, "max_length": 128, "report_to": "none",
    "save_strategy": "no", "use_cpu": True, "bf16": False,
}  # fmt: skip


@pytest.fixture
def release(ana: User, project: Project, settings: Any, tmp_path: Path) -> Any:
    settings.EXPORTS_DIR = tmp_path
    for _ in range(4):
        judge(ana, project)
    export = export_create(project=project)
    return datasets.load_dataset(str(tmp_path / export.folder), split="train")


@pytest.fixture
def model_folder() -> str:
    load("smollm2", cache_dir=paths.var_dir())
    return str(paths.var_dir() / "models" / SMOLLM2_COPY)


@pytest.mark.model
@pytest.mark.django_db
def test_dpo_takes_a_step(release: Any, model_folder: str, tmp_path: Path) -> None:
    arguments = trl.DPOConfig(output_dir=str(tmp_path / "dpo"), **SHORT)
    trainer = trl.DPOTrainer(model=model_folder, args=arguments, train_dataset=release)
    assert trainer.train().training_loss > 0


@pytest.mark.model
@pytest.mark.django_db
def test_the_reward_trainer_takes_a_step(release: Any, model_folder: str, tmp_path: Path) -> None:
    arguments = trl.RewardConfig(output_dir=str(tmp_path / "reward"), **SHORT)
    trainer = trl.RewardTrainer(model=model_folder, args=arguments, train_dataset=release)
    assert trainer.train().training_loss > 0


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[DeepRewardModel, Path]:
    place = tmp_path_factory.mktemp("trl")
    config = tiny_config(tiny_folder(place / "base"), epochs=2)
    model = fit_deep(
        votes(16), texts(16), ("overall",), config, models_dir=place, state=place / "state"
    )
    package_deep(model, place / "package", ("overall",))
    return model, place / "package"


def turns(asked: list[Text]) -> list[dict[str, Any]]:
    """Pairs of answers to one prompt, the first of each chosen, as TRL's data sets have them."""
    return [
        {
            "prompt": list(chosen.messages),
            "chosen": [{"role": "assistant", "content": chosen.text}],
            "rejected": [{"role": "assistant", "content": rejected.text}],
        }
        for chosen, rejected in zip(asked[::2], asked[1::2], strict=True)
    ]


def grpo(base: Path, reward: Any, output: Path, **terms: Any) -> tuple[list[Text], Any]:
    """One step: the texts that TRL wrote, and the rewards (n,) that it was given for them."""
    arguments = trl.GRPOConfig(
        output_dir=str(output), max_steps=1, per_device_train_batch_size=4, num_generations=4,
        max_completion_length=8, report_to="none", save_strategy="no", use_cpu=True, bf16=False,
        logging_steps=1,
    )  # fmt: skip
    prompts = datasets.Dataset.from_list([{"prompt": row["prompt"]} for row in turns(texts(4))])
    trainer = trl.GRPOTrainer(
        model=str(base), reward_funcs=reward, args=arguments, train_dataset=prompts, **terms
    )
    seen: list[tuple[Any, torch.Tensor]] = []
    compute = trainer._calculate_rewards

    def remembered(*given: Any, **named: Any) -> torch.Tensor:
        found = compute(*given, **named)
        seen.append((given, found))
        return found

    trainer._calculate_rewards = remembered
    trainer.train()
    (_, asked, answers, *_), rewards = seen[0]
    written = [
        Text(prompt, answer[0]["content"]) for prompt, answer in zip(asked, answers, strict=True)
    ]
    return written, rewards[:, 0].double().cpu().numpy()


def test_grpo_asks_a_package_for_rewards(
    packaged: tuple[DeepRewardModel, Path], tmp_path: Path
) -> None:
    model, folder = packaged
    written, rewards = grpo(folder.parent / "base", str(folder), tmp_path)
    np.testing.assert_allclose(rewards, model.predict(responses(written)).mean, atol=1e-3)


def test_grpo_asks_an_embedded_package_for_rewards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    tiny = language_model("tiny", tiny_network(), tiny_tokenizer())
    model, extractor = tiny_embedded(tiny)
    folder = tmp_path / "package"
    package_embedded(model, extractor, folder, ("overall",))
    reward = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    base = tiny_folder(tmp_path / "base")
    written, rewards = grpo(base, reward, tmp_path, reward_processing_classes=tokenizer)
    mine = model.predict(read(extractor, written)).mean
    np.testing.assert_allclose(rewards, mine, atol=1e-3)


def test_our_loss_is_trls_where_nobody_ties(
    packaged: tuple[DeepRewardModel, Path], tmp_path: Path
) -> None:
    """The same network, the same batch: loss and gradient of the head agree."""
    _, folder = packaged
    asked = texts(4)
    arguments = trl.RewardConfig(
        output_dir=str(tmp_path), center_rewards_coefficient=0.01, gradient_checkpointing=False,
        **SHORT | {"per_device_train_batch_size": 4, "max_length": 1024},
    )  # fmt: skip
    trainer = trl.RewardTrainer(
        model=str(folder), args=arguments, train_dataset=datasets.Dataset.from_list(turns(asked))
    )
    batch = next(iter(trainer.get_train_dataloader()))
    theirs = trainer.compute_loss(trainer.model, dict(batch))
    theirs.backward()

    config = DeepConfig(
        reference=str(folder), method="full", precision="float32", pairs_per_step=4,
        pairs_at_once=4, validation_share=0.0, centring=0.01,
    )  # fmt: skip
    base = load_base(config, criteria=1, models_dir=tmp_path)
    tokens = [Reader(base.tokenizer, 1024).read(text) for text in asked]
    given = votes(4)
    run = Run(base, given, given.where(np.zeros(4, dtype=bool)), tokens, config, tmp_path / "s")
    with torch.no_grad():
        base.network.eta.fill_(-40.0)
    base.network.train()
    ours = run._loss(np.arange(4))
    ours.backward()
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-4)
    torch.testing.assert_close(
        base.network.head.grad, trainer.model.score.weight.grad, atol=1e-4, rtol=1e-3
    )
