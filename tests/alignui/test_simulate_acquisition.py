"""The replay by its command: a file in, figures and a page out."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from alignui.acquisition_study.leaderboard import (
    Ballots,
    crowd_ballots,
    narrow,
    plain_strengths,
    reached,
    stays,
)
from alignui.acquisition_study.shipped import crowd, pandalm
from alignui.commands.simulate_acquisition import command
from annotation.core.errors import Invalid

PROMPTS = 24


@pytest.fixture
def pairs_file(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    lines = []
    for prompt in range(PROMPTS):
        for _ in range(5):
            first, second = random.normal(size=(2, 6))
            winner = 1 if random.random() < 1 / (1 + np.exp(second[0] - first[0])) else 2
            lines.append({
                "prompt": f"question {prompt}", "features_1": first.tolist(),
                "features_2": second.tolist(), "winner": winner,
            })  # fmt: skip
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


def run(*arguments: str) -> str:
    found = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def test_a_file_is_replayed_into_a_page(pairs_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    output = run(
        "--set", str(pairs_file), "--functions", "portfolio,bald", "--seeds", "2", "--budget", "40",
        "--out", str(out),
    )  # fmt: skip
    assert "Too few seeds" in output
    study = json.loads((out / "study.json").read_text())
    assert [each["function"] for each in study["outcomes"]] == ["random", "portfolio", "bald"]
    assert study["labels"] == [20, 30, 40]
    for each in study["outcomes"]:
        assert each["saved"]["low"] <= each["saved"]["high"]
        assert len(each["accuracy"]["mean"]) == 3
    page = (out / "index.html").read_text()
    assert page.count("<polyline") == 6
    assert "95 % interval" in page
    assert (out / "accuracy.svg").read_text().startswith("<svg")


def test_the_same_seeds_tell_the_same_and_jobs_do_not_matter() -> None:
    arguments = ("--set", "pandalm", "--functions", "bald", "--seeds", "1", "--budget", "30")
    one = json.loads(run(*arguments, "--json"))
    assert one == json.loads(run(*arguments, "--json", "--jobs", "2"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", "Line 1"),
        ('{"prompt": "a", "features_1": [1], "features_2": [1], "winner": 3}', "1 or 2"),
    ],
)
def test_a_broken_file_is_named_by_its_line(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(Invalid, match=words):
        CliRunner().invoke(command, ["--set", str(path)], catch_exceptions=False)


@pytest.mark.parametrize("arguments", [["--set", "nothing"], ["--functions", "telepathy"]])
def test_unknown_names_are_refused_with_those_that_are_known(arguments: list[str]) -> None:
    with pytest.raises(Invalid, match="There is no"):
        CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_shipped_sets_are_what_they_say() -> None:
    panel, study = pandalm()(0), crowd()(0)
    assert (len(panel), len(np.unique(panel.prompts))) == (894, 158)
    assert len(np.unique(study.prompts)) == 13
    assert len(study) > 1_500
    assert len(crowd_ballots()) == 8_931
    assert crowd_ballots().policies == 59


def test_narrowing_asks_every_vote_once_and_ends_with_the_full_ranking() -> None:
    random = np.random.default_rng(3)
    strengths = np.linspace(-2, 2, 8)
    first, second = random.integers(0, 8, 400), random.integers(0, 8, 400)
    kept = first != second
    chance = 1 / (1 + np.exp(strengths[second] - strengths[first]))
    outcome = (random.random(400) >= chance).astype(np.int64)
    prompt = random.integers(0, 4, 400)
    ballots = Ballots(prompt[kept], first[kept], second[kept], outcome[kept], 8)
    found = narrow(ballots, by_function=True, seed=1, batch=40)
    assert found.votes[-1] == len(ballots)
    assert found.tau[-1] == pytest.approx(1.0)
    assert found.plain[-1] == pytest.approx(1.0)
    whole = plain_strengths(ballots.slate(np.arange(len(ballots))))
    assert np.corrcoef(whole, strengths)[0, 1] > 0.95


def test_the_goal_is_reached_by_the_mean_and_held_by_each() -> None:
    votes = np.array([100, 200, 300, 400])
    curves = np.array([[0.5, 0.9, 0.8, 0.95], [0.7, 0.8, 1.0, 1.0]])
    assert reached(votes, curves, 0.9) == pytest.approx(300)
    assert reached(votes, curves, 0.875) == pytest.approx(250)
    assert reached(votes, curves, 1.5) == 400
    assert stays(votes, curves, 0.9).tolist() == [400, 300]
