"""The deep reward model: a language model trained to give each response a reward per criterion."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rewardmodel.core.deep_data import DeepVotes, Reader, Tokens
from rewardmodel.core.deep_laplace import (
    Calibration,
    Novelty,
    Posterior,
    calibrate,
    fit_novelty,
    laplace,
    spread,
)
from rewardmodel.core.deep_launch import launch, processes_wanted
from rewardmodel.core.deep_loss import vote_log_probs
from rewardmodel.core.deep_memory import enough_memory
from rewardmodel.core.deep_network import RewardNetwork, load_base, merged
from rewardmodel.core.deep_reading import read_states
from rewardmodel.core.deep_settings import DeepConfig
from rewardmodel.core.deep_training import Step, Trained, train
from rewardmodel.core.errors import CheckpointBroken, FeaturesInvalid, NotEnoughData
from rewardmodel.core.language_model import LOADING_ERRORS
from rewardmodel.core.pairs import Floats
from rewardmodel.core.reward_model import Prediction, Responses, Text

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Doubt:
    """What a deep model knows of its own uncertainty: one entry for each criterion."""

    posteriors: tuple[Posterior, ...]
    calibrations: tuple[Calibration, ...]
    novelty: Novelty


@dataclass(eq=False)
class DeepRewardModel:
    """A network with its tokenizer, its doubt, and how it was trained.

    `course` is what is worth knowing of its training, JSON-safe. `told` hears how many of how many
    texts have been read, and may raise in order to stop.
    """

    network: RewardNetwork
    tokenizer: Any
    pad_id: int
    criteria: tuple[str, ...]
    config: DeepConfig
    max_tokens: int
    doubt: Doubt
    course: Mapping[str, Any]
    kind: str = "deep"
    groups: tuple[str, ...] = ()
    told: Callable[[int, int], None] = lambda done, total: None
    # What was read last: the criteria of one set of responses are asked for one by one.
    _last: tuple[Sequence[Text], Floats] | None = field(default=None, repr=False)

    def predict(self, responses: Responses, criterion: str = "overall") -> Prediction:
        """Rewards of the responses' texts. Raises FeaturesInvalid for an unknown criterion."""
        index = self._index(criterion)
        if len(responses.texts) != len(responses):
            raise FeaturesInvalid("A deep reward model needs the texts of the responses.")
        if self._last is None or self._last[0] is not responses.texts:
            self._last = (responses.texts, self.states(responses.texts))
        states = self._last[1]
        weights = self.network.head[index].detach().double().cpu().numpy()
        return Prediction(
            mean=np.asarray(states @ weights),
            sd=spread(states, self.doubt.novelty.centre, self.doubt.posteriors[index]),
            novelty=self.doubt.novelty.share(states),
        )

    def chances(self, difference: Floats, criterion: str = "overall") -> Floats:
        """(n, 3) chances of first, second and tie, calibrated on held-back prompts."""
        found = self.doubt.calibrations[self._index(criterion)]
        d = torch.from_numpy(np.asarray(difference, dtype=float)) / found.temperature
        logs = vote_log_probs(d, torch.full_like(d, found.eta), self.config.ties)
        return np.asarray(logs.exp().numpy())

    def states(self, texts: Sequence[Text]) -> Floats:
        """The final states (N, H) that rewards are read off. Raises PromptRefused."""
        return _states(self, [self.reader.read(text) for text in texts])

    def truncated(self, texts: Sequence[Text]) -> list[bool]:
        """Which of the texts are longer than the model reads."""
        return [self.reader.read(text).is_truncated for text in texts]

    @property
    def temperature(self) -> float:
        """What overall differences are divided by before the tie model reads them."""
        return self.doubt.calibrations[0].temperature

    @property
    def reader(self) -> Reader:
        """Writes texts as tokens."""
        return Reader(self.tokenizer, self.max_tokens)

    def save(self, folder: Path, about: Mapping[str, str]) -> str:
        """Writes itself with what is said `about` it; the SHA-256 over all files."""
        folder.mkdir(parents=True, exist_ok=True)
        plain = self.network.plain
        plain.config.id2label = dict(enumerate(self.criteria))
        plain.config.label2id = {key: index for index, key in enumerate(self.criteria)}
        plain.save_pretrained(folder / "network")
        self.tokenizer.save_pretrained(folder / "network")
        save_file(_arrays(self.doubt), folder / "doubt.safetensors")
        told = {
            "format": FORMAT, "criteria": self.criteria, "config": self.config.to_dict(),
            "max_tokens": self.max_tokens, "pad_id": self.pad_id, "course": self.course,
            "calibrations": [asdict(each) for each in self.doubt.calibrations],
            "precisions": [each.precision for each in self.doubt.posteriors],
        }  # fmt: skip
        text = json.dumps({**about, **told}, indent=2, ensure_ascii=False) + "\n"
        (folder / "deep.json").write_text(text, encoding="utf-8")
        (folder / "kind").write_text("deep\n", encoding="utf-8")
        return folder_hash(folder)

    def _index(self, criterion: str) -> int:
        if criterion not in self.criteria:
            raise FeaturesInvalid(
                f"This reward model was not trained on “{criterion}”.",
                hint=f"It knows {', '.join(self.criteria)}.",
            )
        return self.criteria.index(criterion)


def fit_deep(
    votes: DeepVotes, texts: Sequence[Text], criteria: Sequence[str], config: DeepConfig, *,
    models_dir: Path, state: Path, watch: Callable[[Step], None] = lambda step: None,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> DeepRewardModel:  # fmt: skip
    """Trains on votes about rows of `texts`; deterministic for a config, on a CPU to the bit.

    state: a folder of this training's own, from which it resumes after a kill. Raises
    NotEnoughData, ModelUnavailable, TrainingFailed, PromptRefused.
    """
    config.check()
    if not votes.has_decided:
        raise NotEnoughData(
            "There is no decided vote to learn from: all are ties, or there are none."
        )
    base = load_base(config, criteria=len(criteria), models_dir=models_dir)
    longest = min(config.max_tokens, base.context_length)
    tokens = [Reader(base.tokenizer, longest).read(text) for text in texts]
    if processes_wanted(config) > 1:
        launch(
            votes, tokens, config, criteria=len(criteria), models_dir=models_dir, state=state,
            watch=watch,
        )  # fmt: skip
    # Of a training that is over already this takes up the weights.
    trained = train(base, votes, tokens, config, state=state, watch=watch, told=told)
    network = RewardNetwork(merged(base.network), len(criteria)).to(base.network.eta.device)
    network.load_state_dict({"eta": base.network.eta.detach()}, strict=False)
    network.eval().requires_grad_(requires_grad=False)
    model = DeepRewardModel(
        network, base.tokenizer, base.pad_id, tuple(criteria), config, longest,
        doubt=Doubt((), (), Novelty(np.zeros(0), np.zeros((0, 0)), np.zeros(0), np.zeros(0))),
        course=_course(trained, tokens), told=told,
    )  # fmt: skip
    with enough_memory(config):
        model.doubt, notes = _doubt(model, trained, _states(model, tokens))
    model.course = {**model.course, "calibration": notes}
    return model


def _doubt(model: DeepRewardModel, trained: Trained, states: Floats) -> tuple[Doubt, list[str]]:
    """The posterior, calibration and novelty of a trained model from the texts' states (N, H)."""
    heads = model.network.head.detach().double().cpu().numpy()
    etas = model.network.eta.detach().double().cpu().numpy()
    ties, train_votes, held = model.config.ties, trained.train, trained.held_back
    posteriors, calibrations, notes = [], [], []
    for index, key in enumerate(model.criteria):
        rewards = states @ heads[index]
        mine = train_votes.where(train_votes.criterion == index)
        posteriors.append(laplace(states, rewards, heads[index], mine, float(etas[index]), ties))
        theirs = held.where(held.criterion == index)
        found, note = calibrate(
            rewards[theirs.first] - rewards[theirs.second], theirs,
            Calibration(1.0, float(etas[index])), ties,
        )  # fmt: skip
        calibrations.append(found)
        notes.append(f"{key}: {note}")
    prompt_of = np.full(len(states), -1, dtype=np.int64)
    prompt_of[train_votes.first] = prompt_of[train_votes.second] = 0
    prompt_of[train_votes.first] = train_votes.prompt
    prompt_of[train_votes.second] = train_votes.prompt
    rows = np.unique(np.concatenate([train_votes.first, train_votes.second]))
    novelty = fit_novelty(states[rows], prompt_of[rows], model.config.seed)
    return Doubt(tuple(posteriors), tuple(calibrations), novelty), notes


def _course(trained: Trained, tokens: Sequence[Tokens]) -> dict[str, Any]:
    standing = trained.standing
    return {
        "steps": standing.step,
        "looks": [[step, loss] for step, loss in standing.looks],
        "first_losses": standing.losses[:5],
        "last_losses": standing.losses[-5:],
        "train_votes": len(trained.train),
        "held_back_votes": len(trained.held_back),
        "held_back_prompts": len(np.unique(trained.held_back.prompt)),
        "processed_share": trained.processed_share,
        "truncated_texts": sum(row.is_truncated for row in tokens),
        "stopped_early": len(standing.looks) > 0
        and standing.looks_since_best() >= 1
        and standing.is_over,
    }


def _states(model: DeepRewardModel, tokens: Sequence[Tokens]) -> Floats:
    return read_states(
        model.network, tokens, pad_id=model.pad_id, precision=model.config.precision,
        told=model.told,
    )  # fmt: skip


def load_deep(folder: Path) -> DeepRewardModel:
    """The model that `save` wrote. Raises CheckpointBroken where it cannot be read back."""
    try:
        told = json.loads((folder / "deep.json").read_text(encoding="utf-8"))
        arrays = load_file(folder / "doubt.safetensors")
        classifier = AutoModelForSequenceClassification.from_pretrained(
            folder / "network", dtype=torch.float32, trust_remote_code=False
        )
        tokenizer = AutoTokenizer.from_pretrained(folder / "network", trust_remote_code=False)
        network = RewardNetwork(classifier, len(told["criteria"]))
        doubt = _doubt_of(arrays, told)
        config = DeepConfig.from_dict(told["config"])
    except (*LOADING_ERRORS, SafetensorError, TypeError) as error:
        raise CheckpointBroken(
            f"The checkpoint in {folder.name} cannot be read: {error}. "
            "Train again, or restore the backup of var/checkpoints."
        ) from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network.to(device).eval().requires_grad_(requires_grad=False)
    return DeepRewardModel(
        network, tokenizer, told["pad_id"], tuple(told["criteria"]), config, told["max_tokens"],
        doubt, told["course"],
    )  # fmt: skip


def _arrays(doubt: Doubt) -> dict[str, Any]:
    return {
        "covariances": np.stack([each.covariance for each in doubt.posteriors]),
        "centre": doubt.novelty.centre,
        "axes": doubt.novelty.axes,
        "scale": doubt.novelty.scale,
        "distances": doubt.novelty.distances,
    }


def _doubt_of(arrays: Mapping[str, Any], told: Mapping[str, Any]) -> Doubt:
    posteriors = tuple(
        Posterior(covariance, precision)
        for covariance, precision in zip(arrays["covariances"], told["precisions"], strict=True)
    )
    calibrations = tuple(Calibration(**each) for each in told["calibrations"])
    novelty = Novelty(*(arrays[key] for key in ("centre", "axes", "scale", "distances")))
    return Doubt(posteriors, calibrations, novelty)


def folder_hash(folder: Path) -> str:
    """SHA-256 over the names and contents of all files in a folder, in order of name."""
    digest = hashlib.sha256()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest.update(str(path.relative_to(folder)).encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
