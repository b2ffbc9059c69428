"""Model cards: what a packaged reward was learned from, how good it is, and what it is not for.

The front matter is YAML that model hubs read; strings are written as JSON, which YAML includes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TAGS = ("reward-model", "human-feedback", "rlhf", "alignui")


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All that a card says. `metrics` are those of the checkpoint.

    outputs: the criterion of each output. loading: how it is loaded and called, in Markdown.
    notes: what the package leaves out or does otherwise, a sentence each.
    """

    project: str
    checkpoint: int
    kind: str
    base: str
    license_name: str
    outputs: Sequence[str]
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    loading: str
    needs_remote_code: bool
    max_tokens: int
    notes: Sequence[str] = field(default_factory=tuple)


def model_card(facts: CardFacts) -> str:
    """README.md of a package."""
    return "\n".join([*_front_matter(facts), *_body(facts)]) + "\n"


def _front_matter(facts: CardFacts) -> Iterator[str]:
    yield "---"
    yield f"license: {json.dumps(facts.license_name)}"
    yield "library_name: transformers"
    yield "pipeline_tag: text-classification"
    yield "tags:"
    yield from (f"- {tag}" for tag in TAGS)
    yield "---"


def _body(facts: CardFacts) -> Iterator[str]:
    yield f"# Reward model of “{facts.project}”, checkpoint {facts.checkpoint}\n"
    yield f"{_what(facts)}\n"
    yield "## Use\n"
    yield f"{facts.loading}\n"
    if facts.needs_remote_code:
        yield (
            "**This package brings code of its own** (`modeling_packaged_reward.py`), which "
            "transformers runs only with `trust_remote_code=True`. Read it first: it is short.\n"
        )
    yield "## Learned from\n"
    yield from (f"- {line}" for line in _data(facts.training))
    yield "\n## Measured quality\n"
    yield from _quality(facts)
    yield "\n## Intended use\n"
    yield (
        "Ranking responses to prompts like those it was trained on: choosing among candidates, "
        "filtering data, or as a reward in training beside checks of its own. Rewards are relative:"
        " only differences between responses to the same prompt mean anything.\n"
    )
    yield "## Limits\n"
    yield from (f"- {line}" for line in (*facts.notes, *_limits(facts)))


def _what(facts: CardFacts) -> str:
    made = {
        "deep": f"A sequence classifier fine-tuned from {facts.base}",
        "embedded": f"A Bayesian linear reward on frozen states of {facts.base}",
    }[facts.kind]
    if len(facts.outputs) == 1:
        return f"{made}. Its one output is the reward on “{facts.outputs[0]}”."
    listed = ", ".join(f"“{key}”" for key in facts.outputs)
    return f"{made}. Its outputs are the rewards on {listed}, in this order."


def _data(training: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{training['n_judgments']:,} human judgments ({training['n_preferences']:,} preferences)"
        + (", some of them simulated" if training["includes_simulated"] else "")
    )
    yield f"cutoff: judgment {training['cutoff_judgment_id']}, trained {training['finished_at']}"
    yield f"hash of the data: `{training['data_hash']}`"
    yield f"hash of the checkpoint: `{training['sha256']}`"
    yield f"seed {training['seed']}, AlignUI {training['code_version']}"
    config = json.dumps(training["config"], ensure_ascii=False, sort_keys=True)
    yield f"settings: `{config}`"


_FIGURES = {
    "accuracy": "accuracy", "longer_wins": "accuracy of “the longer one wins”",
    "log_loss": "log-loss (nats)",
}  # fmt: skip


def _quality(facts: CardFacts) -> Iterator[str]:
    """A row for each figure of each output; the overall reward is measured on folds too."""
    rows = [
        (title, words, figure)
        for title, found in _measured(facts)
        for name, words in _FIGURES.items()
        if isinstance((figure := found.get(name) or {}).get("value"), int | float)
    ]
    if not rows:
        yield "Nothing was measured: no prompt was held out and judged, or too few were."
        return
    yield "| on | figure | value | 95 % interval | votes | prompts |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for title, words, figure in rows:
        interval = (
            "too few" if figure["low"] is None else f"{figure['low']:.3f} to {figure['high']:.3f}"
        )
        yield (
            f"| {title} | {words} | {figure['value']:.3f} | {interval} "
            f"| {figure['n_votes']} | {figure['n_prompts']} |"
        )


def _measured(facts: CardFacts) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "overall" in facts.outputs:
        yield "held-out prompts", facts.metrics.get("held_out") or {}
        yield "folds", facts.metrics.get("cross_validation") or {}
    for found in facts.metrics.get("criteria") or []:
        if found["key"] in facts.outputs and found["key"] != "overall":
            yield f"“{found['key']}”, held-out prompts", found.get("evaluation") or {}


def _limits(facts: CardFacts) -> Iterator[str]:
    yield (
        "It says what the annotators of this project preferred, with their biases; it does not "
        "know what is true."
    )
    yield (
        "Optimised against hard, any reward is exploited: keep a held-out judge, and look at what "
        "scores highest."
    )
    yield (
        f"It reads {facts.max_tokens:,} tokens of prompt and response; of longer texts only a part."
    )
    yield (
        "It gives a mean only. Uncertainty and the flag for unusual texts stay with AlignUI's "
        "own scoring."
    )
