from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

from annotation.core.agreement import Estimate
from annotation.core.bias_model import bias_model
from annotation.core.cards import COLUMNS, Card, dataset_card
from annotation.core.exports import PreferenceRow, Vote, majority_rows, vote_rows
from annotation.core.preferences import Verdict
from annotation.core.vote_facts import VoteFacts
from annotation.core.writing import write_jsonl

AGREEMENT = Estimate(
    value=0.41, low=0.37, high=0.45, n_units=812, n_ratings=2436, n_annotators=12,
    level="nominal", method="Krippendorff's alpha", resamples=1000, seed=1, note="",
)  # fmt: skip
BIASES = bias_model(
    VoteFacts(first_won=np.arange(400) % 8 < 5, annotators=np.arange(400) // 8 % 40)
)


def votes(count: int = 3, *, simulated: bool = False) -> list[Vote]:
    return [
        Vote(
            verdict=Verdict(k, k, k % 2, (2 * k, 2 * k + 1), k, ((0,), (1,)), (0, 1)),
            messages=[{"role": "user", "content": "Hi"}],
            texts=("yes", "no"),
            policies=("x", "y"),
            annotator=f"annotator-{k}",
            batch_reason="manual",
            split="test" if k % 2 else "train",
            simulated=simulated,
        )
        for k in range(count)
    ]


@pytest.fixture
def card(tmp_path: Path) -> Card:
    found = vote_rows(votes())
    splits: dict[str, list[PreferenceRow]] = {"train": [], "test": []}
    for row in found.rows:
        splits[row["split"]].append(row)
    return Card(
        title='Crowd: "study" #1\nof: many',
        license="cc-by-4.0",
        created_at=datetime(2026, 1, 31, tzinfo=UTC),
        code_version="0.1.0",
        cutoff_judgment_id=99,
        preferences=found,
        files={name: write_jsonl(tmp_path / f"{name}.jsonl", r) for name, r in splits.items()},
        question="Which is better?",
        attribution="Votes by the crowd.",
        content_warning="Rude words.",
        languages=["en", "no"],
        agreement={"Overall": AGREEMENT},
        biases=BIASES,
        limitations=["English only."],
    )


def front_matter(text: str) -> dict:
    _, front, _ = text.split("---\n", 2)
    return yaml.safe_load(front)


def test_the_front_matter_is_what_datasets_reads(card: Card) -> None:
    front = front_matter(dataset_card(card))
    assert front["pretty_name"] == 'Crowd: "study" #1 of: many'
    assert front["license"] == "cc-by-4.0"
    assert front["language"] == ["en", "no"]
    assert "preference" in front["tags"]
    assert front["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "train.jsonl"},
                {"split": "test", "path": "test.jsonl"},
            ],
        }
    ]
    features = {feature["name"]: feature for feature in front["dataset_info"]["features"]}
    assert features["strength"]["dtype"] == "float64"
    assert features["chosen"]["list"][0] == {"name": "role", "dtype": "string"}
    assert features["judgment_ids"]["sequence"] == "int64"


def test_every_column_is_declared_and_explained() -> None:
    assert set(COLUMNS) == set(PreferenceRow.__annotations__)


def test_figures_come_with_interval_and_count(card: Card) -> None:
    text = dataset_card(card)
    assert "0.410 [0.370, 0.450] | 2,436 ratings of 812 items by 12 annotators" in text
    side = BIASES["position"]
    share = f"{side.share.value:.3f} [{side.share.low:.3f}, {side.share.high:.3f}]"
    assert f"| Votes won by the response shown first | {share} | 400 decided votes" in text
    assert "3 rows from 3 judgments by 3 annotators on 2 prompts" in text
    assert card.files["train"].sha256 in text


def test_limitations_are_said(card: Card) -> None:
    text = dataset_card(card)
    assert "left out" not in text
    tied = replace(card, preferences=replace(card.preferences, n_left_out=1200))
    assert "1,200 pairs without a preferred response (ties) are left" in dataset_card(tied)
    assert "Only 3 annotators" in text
    assert BIASES["position"].verdict in text
    assert "English only." in text
    assert "simulated votes" not in text
    assert "**Content warning:** Rude words." in text


def test_simulated_rows_and_majorities_are_said(card: Card) -> None:
    found = majority_rows(votes(4, simulated=True))
    text = dataset_card(replace(card, preferences=found))
    assert "**4 rows rest on simulated votes**" in text
    assert "a pair of responses with its majority" in text
    undecided = replace(card, preferences=replace(found, n_left_out=2))
    assert "(ties, or no majority)" in dataset_card(undecided)


def test_an_unknown_figure_is_not_a_number(card: Card) -> None:
    unknown = replace(AGREEMENT, value=None, low=None, high=None, note="Only one annotator.")
    text = dataset_card(replace(card, agreement={"Overall": unknown}, biases=None))
    assert "| Overall | not known |" in text
    assert "- Overall: Only one annotator." in text


def test_datasets_reads_a_release(card: Card, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="install alignui[trl] to run this")
    (tmp_path / "README.md").write_text(dataset_card(card))
    loaded = datasets.load_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))
    assert {name: split.num_rows for name, split in loaded.items()} == {"train": 2, "test": 1}
    assert loaded["train"][0]["chosen"] == [{"role": "assistant", "content": "yes"}]
    assert loaded["train"].column_names == list(PreferenceRow.__annotations__)
    assert str(loaded["test"].features["strength"].dtype) == "float64"
