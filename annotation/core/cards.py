"""Dataset cards: what a release holds, how sure its figures are, and what it must not be used for.

The front matter is YAML that the Hugging Face `datasets` library reads; strings are written as
JSON, which YAML includes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from annotation.core.agreement import Estimate
from annotation.core.bias_model import BiasModel, Effect
from annotation.core.exports import PreferenceSet
from annotation.core.row_weights import OFF
from annotation.core.writing import Written

TAGS = ("human-feedback", "preference", "rlhf", "dpo", "alignui")
FEW_ANNOTATORS = 10

# Column: (type, meaning). The types let splits load alike even where a column is empty in one.
COLUMNS = {
    "prompt": ("messages", "the conversation up to the user's turn"),
    "chosen": ("messages", "the preferred response, as the assistant's turn"),
    "rejected": ("messages", "the other response"),
    "kind": ("string", "judgment, or adjudication where a reviewer decided a dispute"),
    "criterion": ("string", "the axis that was judged"),
    "strength": ("float64", "mean strength of the votes for chosen: 1 slightly, 2, 3 much better"),
    "votes_chosen": ("int64", "votes for chosen"),
    "votes_rejected": ("int64", "votes for rejected"),
    "votes_tie": ("int64", "votes that preferred neither"),
    "probability": (
        "float64",
        "the chance that chosen is the better one, by the consensus of all its judges; empty where "
        "none was computed or a reviewer decided",
    ),
    "weight": (
        "float64",
        "what the row is worth: its probability, or of a single vote the chance that its annotator "
        "is honest; 1 where none was computed",
    ),
    "n_candidates": ("int64", "responses shown together; above 2 the pair comes from a ranking"),
    "chosen_policy": ("string", "who wrote chosen"),
    "rejected_policy": ("string", "who wrote rejected"),
    "batch_reason": ("string", "why the comparison was opened"),
    "annotators": (
        "strings",
        "pseudonyms of those who voted; last the reviewer who decided",
    ),
    "judgment_ids": ("integers", "their judgments, in the same order"),
    "prompt_id": ("int64", "the prompt in the collecting system"),
    "chosen_completion_id": ("int64", "chosen in the collecting system"),
    "rejected_completion_id": ("int64", "rejected in the collecting system"),
    "split": ("string", "train, or test for prompts held out from the start"),
    "simulated": ("bool", "whether a vote was cast by a program"),
    "spans": ("spans", "passages that annotators marked good, bad or false; on rows of `overall`"),
}
EXTRAS = {
    "demonstrations": "conversations that end with a response as an annotator rewrote it, for "
    "supervised fine-tuning: `messages`",
    "edits": "preference pairs: `chosen` is the rewrite, `rejected` the response that it was made "
    "from",
}


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that a card says. `files` maps split names to files that hold at least one row;
    `extras` does the same for each further set of `EXTRAS` that the release holds."""

    title: str
    license: str
    created_at: datetime
    code_version: str
    cutoff_judgment_id: int
    preferences: PreferenceSet
    files: Mapping[str, Written]
    question: str = ""
    description: str = ""
    attribution: str = ""
    content_warning: str = ""
    languages: Sequence[str] = ()
    agreement: Mapping[str, Estimate] = field(default_factory=dict)
    biases: BiasModel | None = None
    limitations: Sequence[str] = ()
    extras: Mapping[str, Mapping[str, Written]] = field(default_factory=dict)
    includes_quarantined: bool = False


def dataset_card(card: Card) -> str:
    """The card as Markdown with front matter: the README.md beside the data files."""
    sections = {
        "": f"# {_line(card.title)}",
        "About": _about(card),
        "Figures": _figures(card),
        "Limitations": "\n".join(f"- {text}" for text in _limitations(card)),
        "Rewrites": _extras(card),
        "Columns": _columns(),
        "Files": _files(card),
        "Attribution": card.attribution,
    }
    body = "\n\n".join(
        f"## {title}\n\n{text}" if title else text for title, text in sections.items() if text
    )
    return f"---\n{_front_matter(card)}\n---\n\n{body}\n"


def _front_matter(card: Card) -> str:
    lines = [
        f"pretty_name: {json.dumps(_line(card.title), ensure_ascii=False)}",
        f"license: {json.dumps(card.license)}",
        f"language: {json.dumps(list(card.languages))}" if card.languages else "",
        f"tags: {json.dumps(TAGS)}",
        "configs:",
        *(
            line
            for name, files in [("default", card.files), *card.extras.items()]
            for line in _config(name, files)
        ),
        "dataset_info:",
        "  config_name: default",
        "  features:",
        *(_feature(name, kind) for name, (kind, _) in COLUMNS.items()),
    ]
    return "\n".join(line for line in lines if line)


def _config(name: str, files: Mapping[str, Written]) -> Iterator[str]:
    yield f"- config_name: {name}"
    yield "  data_files:"
    for split, written in files.items():
        yield f"  - split: {split}\n    path: {json.dumps(written.path.name)}"


def _feature(name: str, kind: str) -> str:
    shapes = {
        "messages": "list:\n    - name: role\n      dtype: string\n    - name: content\n"
        "      dtype: string",
        "spans": "list:\n"
        + "\n".join(
            f"    - name: {part}\n      dtype: {dtype}"
            for part, dtype in (
                ("response", "string"),
                ("label", "string"),
                ("start", "int64"),
                ("end", "int64"),
                ("quote", "string"),
                ("note", "string"),
                ("annotator", "string"),
            )
        ),
        "strings": "sequence: string",
        "integers": "sequence: int64",
    }
    return f"  - name: {name}\n    {shapes.get(kind, f'dtype: {kind}')}"


def _about(card: Card) -> str:
    found = card.preferences
    unit = (
        "A row is a pair of responses with its majority"
        if found.is_majority
        else "A row is one annotator's decision on a pair of responses"
    )
    facts = (
        f"{unit}: {len(found.rows):,} rows from {found.n_judgments:,} judgments by "
        f"{found.n_annotators:,} annotators on {found.n_prompts:,} prompts. Collected with AlignUI "
        f"{card.code_version}, up to judgment {card.cutoff_judgment_id}, "
        f"released {card.created_at:%Y-%m-%d}. Test prompts were held out from the start: they "
        "were never chosen by active learning and never trained on."
    )
    facts += _adjudications(found) + _weights(found)
    asked = f"Annotators were asked: *{_line(card.question)}*" if card.question else ""
    warning = f"**Content warning:** {_line(card.content_warning)}" if card.content_warning else ""
    return "\n\n".join(filter(None, [warning, card.description.strip(), asked, facts]))


def _adjudications(found: PreferenceSet) -> str:
    """How reviewers' decisions of disputes entered, where there are any."""
    n = sum(row["kind"] == "adjudication" for row in found.rows)
    if not n:
        return ""
    if not found.follows_adjudication:
        return (
            f" {n:,} rows are decisions of reviewers who had not judged the comparison (`kind` is "
            "`adjudication`); they stand beside the judgments that they decide between."
        )
    instead = "the majority" if found.is_majority else "the judgments of that comparison"
    return (
        f" Where annotators disagreed and a reviewer who had not judged the comparison decided, "
        f"the decision stands in place of {instead}: {n:,} rows (`kind` is `adjudication`)."
    )


def _weights(found: PreferenceSet) -> str:
    """How probabilities and weights came about, where there are any."""
    if found.weights.method == OFF:
        return ""
    return (
        " `probability` and `weight` come from a Dawid-Skene consensus over the judgments of this "
        "release, one criterion at a time, in which who answers regardless of what is shown counts "
        "for little; rows are not left out by it."
    )


def _extras(card: Card) -> str:
    """What else the release holds, each loaded by its own configuration name."""
    return "\n".join(
        f"- `{name}` ({sum(file.rows for file in files.values()):,} rows): {EXTRAS[name]}."
        for name, files in card.extras.items()
    )


def _figures(card: Card) -> str:
    rows = [
        *(
            (name, _interval(e.value, e.low, e.high), _basis(e), e.method)
            for name, e in card.agreement.items()
        ),
        *(
            (
                f"Votes won by {effect.favours}",
                _interval(effect.share.value, effect.share.low, effect.share.high),
                f"{effect.n:,} decided votes that differ in it, {effect.n_annotators:,} annotators",
                "Share of votes; cluster-robust by annotator",
            )
            for effect in _told(card)
            if effect.share is not None
        ),
    ]
    return _table(("figure", "estimate [95 % interval]", "based on", "method"), rows)


def _limitations(card: Card) -> Iterator[str]:
    found = card.preferences
    if found.n_left_out:
        why = "ties, or no majority" if found.is_majority else "ties"
        yield (
            f"{found.n_left_out:,} pairs without a preferred response ({why}) are left out, so the "
            "rows overstate how decided the annotators were."
        )
    if found.n_annotators < FEW_ANNOTATORS:
        yield f"Only {found.n_annotators} annotators: the rows show their taste, not people's."
    if any(row["simulated"] for row in found.rows):
        simulated = sum(row["simulated"] for row in found.rows)
        yield f"**{simulated:,} rows rest on simulated votes**: not on what people think."
    if any(row["n_candidates"] > 2 for row in found.rows):
        yield "Pairs of one ranking follow from each other: do not count them as independent."
    if card.includes_quarantined:
        yield "**Judgments of quarantined annotators are among the rows**, because that was asked."
    yield from (f"Weights, {name}: {note}" for name, note in sorted(found.weights.notes.items()))
    yield from (f"{name}: {e.note}" for name, e in card.agreement.items() if e.note)
    for effect in _told(card):
        yield " ".join(filter(None, [effect.verdict, effect.note]))
    if card.biases is not None and card.biases.note:
        yield card.biases.note
    yield from card.limitations


def _basis(estimate: Estimate) -> str:
    return (
        f"{estimate.n_ratings:,} ratings of {estimate.n_units:,} items by "
        f"{estimate.n_annotators:,} annotators"
    )


def _told(card: Card) -> list[Effect]:
    """Of the side and of length always, of anything else where it was found or hinted at."""
    effects = card.biases.effects if card.biases is not None else ()
    return [
        effect
        for effect in effects
        if (effect.kind in {"position", "length"} and effect.key == effect.kind)
        or effect.status in {"found", "hint"}
    ]


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "not known"
    if low is None or high is None:
        return f"{value:.3f} [no interval]"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _columns() -> str:
    return _table(("column", "meaning"), [(f"`{n}`", text) for n, (_, text) in COLUMNS.items()])


def _files(card: Card) -> str:
    rows = [
        (f"`{w.path.name}`", split, f"{w.rows:,}", f"{w.byte_size:,}", f"`{w.sha256}`")
        for files in (card.files, *card.extras.values())
        for split, w in files.items()
    ]
    return _table(("file", "split", "rows", "bytes", "SHA-256"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _line(text: str) -> str:
    return " ".join(text.split())
