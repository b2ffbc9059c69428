"""The shipped data as rows of import files: what each source's columns mean to us."""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
Row = dict[str, Any]

CROWD_JUDGES = {
    "gpt4-crowd-comparisons.csv.gz": "GPT 4",
    "gpt3-crowd-comparisons.csv.gz": "GPT 3.5 Turbo",
}
SAMPLING_REPORTS = {
    name: f"2023-03-01_theblackcat102_{name}-deduped-sft_sampling.json.gz"
    for name in ("pythia-1b", "pythia-3b", "pythia-12b")
}


@dataclass(frozen=True, slots=True)
class RecordedPolicy:
    """A model in one decoding configuration, as Open-Assistant's reports name them."""

    name: str
    model: str
    decoding: Row


def crowd_guideline() -> str:
    return (DATA / "llmfao" / "crowd-instruction.md").read_text(encoding="utf-8")


def crowd_prompts() -> Iterator[Row]:
    """The prompts that the crowd's pairs answer; six more were never shown to it."""
    voted_on = {vote["prompt"] for vote in _crowd_votes()}
    for prompt in _crowd_questions().values():
        if str(prompt["id"]) in voted_on:
            yield {
                "id": str(prompt["id"]),
                "prompt": prompt["text"],
                "language": "en",
                "tags": [prompt["type"]],
                "source": "llmonitor.com, by way of llmfao",
            }


def crowd_completions() -> Iterator[Row]:
    """Every model's response to each of those prompts, empty ones included."""
    texts = {prompt["id"]: prompt["prompt"] for prompt in crowd_prompts()}
    for result in _json_lines("llmfao/results.jsonl.gz"):
        if str(result["prompt"]) in texts:
            yield {
                "prompt": texts[str(result["prompt"])],
                "policy": result["name"],
                "completion": result["result"],
            }


def crowd_judgments() -> Iterator[Row]:
    """One row per vote of a worker."""
    for vote, row in _crowd_rows("crowd-comparisons.csv.gz"):
        yield row | {"id": vote["id"], "annotator": f"worker {vote['worker']}"}


def crowd_judges() -> Iterator[Row]:
    """What two models voted on the same pairs."""
    for file, judge in CROWD_JUDGES.items():
        for _vote, row in _crowd_rows(file):
            yield row | {"annotator": f"{judge} as judge", "judge_model": judge}


def _crowd_rows(file: str) -> Iterator[tuple[Row, Row]]:
    """Votes with what they mean; the display order is what the columns left and right say."""
    questions = _crowd_questions()
    names = {str(model["id"]): model["name"] for model in _json_lines("llmfao/models.jsonl")}
    texts = {
        (str(result["prompt"]), result["name"]): result["result"]
        for result in _json_lines("llmfao/results.jsonl.gz")
    }
    for vote in _crowd_votes(file):
        pair = [names[vote["model_x"]], names[vote["model_y"]]]
        yield (
            vote,
            {
                "prompt": questions[vote["prompt"]]["text"],
                "completions": [
                    {"policy": name, "text": texts[vote["prompt"], name]} for name in pair
                ],
                "groups": _groups(vote, pair),
                "display_order": [pair.index(vote["left"]), pair.index(vote["right"])],
            },
        )


def live_prompts() -> Iterator[Row]:
    """The first turns of MT-bench's and Vicuna's questions, taken in turn from both."""
    rows = [
        {
            "id": f"{bench}-{question['question_id']}",
            "prompt": question["turns"][0],
            "language": "en",
            "tags": [question["category"]],
            "source": title,
        }
        for bench, title in (("vicuna", "Vicuna bench"), ("mt", "MT-bench"))
        for question in _json_lines(f"bench-questions/{bench}_bench_question.jsonl")
    ]
    half = len(rows) // 2
    for one, other in zip(rows[:half], rows[half:], strict=True):
        yield one
        yield other


def ranking_prompts() -> Iterator[Row]:
    for number, prompt in enumerate(_report("pythia-1b")["prompts"], start=1):
        yield {
            "id": str(number),
            "prompt": prompt["prompt"],
            "language": "en",
            "source": "Open-Assistant sampling report",
        }


def ranking_policies() -> Iterator[RecordedPolicy]:
    for name in SAMPLING_REPORTS:
        report = _report(name)
        for result in report["prompts"][0]["results"]:
            config = result["sampling_config"]
            yield RecordedPolicy(
                f"{name} {config}", report["model_name"], result["sampling_params"]
            )


def ranking_completions() -> Iterator[Row]:
    for name in SAMPLING_REPORTS:
        for prompt in _report(name)["prompts"]:
            for result in prompt["results"]:
                for index, text in enumerate(result["outputs"]):
                    yield {
                        "prompt": prompt["prompt"],
                        "policy": f"{name} {result['sampling_config']}",
                        "sample_index": index,
                        "completion": text,
                    }


def _groups(vote: Row, pair: list[str]) -> list[list[int]]:
    if vote["winner"] == "tie":
        return [[0, 1]]
    winner = pair.index(vote[vote["winner"]])
    return [[winner], [1 - winner]]


def _crowd_votes(name: str = "crowd-comparisons.csv.gz") -> Iterator[Row]:
    with gzip.open(DATA / "llmfao" / name, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _crowd_questions() -> dict[str, Row]:
    return {str(prompt["id"]): prompt for prompt in _json_lines("llmfao/prompts.jsonl")}


def _json_lines(name: str) -> Iterator[Row]:
    path = DATA / name
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8") as file
    ):
        for line in file:
            yield json.loads(line)


def _report(name: str) -> Row:
    with gzip.open(DATA / "oa-sampling" / SAMPLING_REPORTS[name], "rt", encoding="utf-8") as file:
        return dict(json.load(file))
