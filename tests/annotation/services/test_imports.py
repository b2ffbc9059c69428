"""Files in: all or nothing, each known thing once, and bad rows named by row and field."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from annotation.core.errors import FileInvalid, Invalid
from annotation.models import (
    AuditEntry,
    Comparison,
    Completion,
    Judgment,
    Project,
    Prompt,
    User,
)
from annotation.selectors.judgments import live, preferences
from annotation.services.agreement import agreement_measure
from annotation.services.audits import bias_audit
from annotation.services.imports import file_import, records_import
from tests.factories import make_project

pytestmark = pytest.mark.django_db

Rows = Sequence[Mapping[str, object]]


@pytest.fixture
def target() -> Project:
    return make_project("Imported", held_out_fraction=0.2)


def jsonl(folder: Path, rows: Rows, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def vote(annotator: str, winner: str, **fields: object) -> dict[str, object]:
    return {
        "prompt": "How are you?", "annotator": annotator, "winner": winner,
        "completions": [{"policy": "a", "text": "Well."}, {"policy": "b", "text": "Ill."}],
    } | fields  # fmt: skip


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_prompts_come_in_from_every_format(target: Project, tmp_path: Path, suffix: str) -> None:
    rows = [{"prompt": f"Question {n}?", "language": "en", "tags": "a,b"} for n in range(10)]
    path = tmp_path / f"prompts.{suffix}"
    if suffix == "jsonl":
        jsonl(tmp_path, rows, path.name)
    elif suffix == "csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        parquet.write_table(pa.Table.from_pylist(rows), path)

    result = file_import(project=target, kind="prompts", path=path)

    assert (result.rows, result.prompts, result.known, result.held_out) == (10, 10, 0, 2)
    assert Prompt.objects.filter(project=target, tags=["a", "b"]).count() == 10


def test_what_is_known_is_counted_and_left_out(target: Project, tmp_path: Path) -> None:
    path = jsonl(tmp_path, [{"prompt": f"Question {n}?"} for n in (1, 2, 2)])
    first = file_import(project=target, kind="prompts", path=path)
    second = file_import(project=target, kind="prompts", path=path)
    assert (first.prompts, first.known) == (2, 1)
    assert (second.prompts, second.known) == (0, 3)


def test_the_held_out_set_only_grows_and_only_by_new_prompts(
    target: Project, tmp_path: Path
) -> None:
    file_import(
        project=target, kind="prompts",
        path=jsonl(tmp_path, [{"prompt": f"Old {n}?"} for n in range(10)]),
    )  # fmt: skip
    held = set(Prompt.objects.filter(is_held_out=True).values_list("pk", flat=True))
    file_import(
        project=target, kind="prompts",
        path=jsonl(tmp_path, [{"prompt": f"New {n}?"} for n in range(20)]),
    )  # fmt: skip
    now = set(Prompt.objects.filter(is_held_out=True).values_list("pk", flat=True))
    assert held < now
    assert len(now) == 6
    assert all("New" in Prompt.objects.get(pk=key).last_turn for key in now - held)


@pytest.mark.parametrize(
    ("kind", "lines", "row", "field", "said"),
    [
        ("prompts", ['{"prompt": "a"}', "{oops"], 2, None, "not valid JSON"),
        ("prompts", ['{"text": "a"}'], 1, "prompt", 'no column "prompt"'),
        ("prompts", ['{"messages": [{"role": "assistant", "content": "x"}]}'], 1, "messages",
         "ends with the user"),
        ("completions", ['{"prompt": "a", "policy": "p", "completion": ""}'], 1, "completion",
         "empty"),
        ("completions", [json.dumps({"prompt": "a", "policy": "p", "completion": "x" * 2**20})],
         1, "completion", "limit"),
        ("completions", ['{"prompt": "a", "policy": "p", "completion": true}'], 1, "completion",
         "not text"),
        ("completions", ['{"prompt_id": "nobody", "policy": "p", "completion": "x"}'], 1,
         "prompt_id", "no prompt"),
        ("judgments", [json.dumps(vote("w", "maybe"))], 1, "winner", "maybe"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_and_nothing_is_kept(
    target: Project, tmp_path: Path, kind: str, lines: list[str], row: int, field: str, said: str
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(FileInvalid, match=r"bad\.jsonl") as refused:
        file_import(project=target, kind=kind, path=path)
    problem = refused.value.problems[0]
    assert (problem.row, problem.field) == (row, field)
    assert said in problem.message
    assert not Prompt.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_file_in_another_encoding_is_refused_in_words(target: Project, tmp_path: Path) -> None:
    path = tmp_path / "latin.jsonl"
    path.write_bytes('{"prompt": "Größe?"}\n'.encode("latin-1"))
    with pytest.raises(FileInvalid, match="UTF-8"):
        file_import(project=target, kind="prompts", path=path)


def test_an_empty_completion_comes_in_when_asked_for(target: Project, tmp_path: Path) -> None:
    path = jsonl(tmp_path, [{"prompt": "a", "policy": "p", "completion": ""}])
    assert file_import(
        project=target, kind="completions", path=path, allow_empty=True
    ).completions == 1  # fmt: skip


def test_samples_are_numbered_and_the_same_text_is_known(target: Project, tmp_path: Path) -> None:
    rows = [{"prompt": "a", "policy": "p", "completion": text} for text in ("x", "y", "x")]
    result = file_import(project=target, kind="completions", path=jsonl(tmp_path, rows))
    assert (result.completions, result.known) == (2, 1)
    assert list(Completion.objects.values_list("sample_index", "text")) == [(0, "x"), (1, "y")]


def test_another_text_at_a_known_index_is_refused(target: Project, tmp_path: Path) -> None:
    row = {"prompt": "a", "policy": "p", "sample_index": 0}
    file_import(project=target, kind="completions",
                path=jsonl(tmp_path, [row | {"completion": "x"}]))  # fmt: skip
    with pytest.raises(FileInvalid, match="known with another text"):
        file_import(project=target, kind="completions",
                    path=jsonl(tmp_path, [row | {"completion": "y"}]))  # fmt: skip


def test_hostile_text_is_sanitised_when_stored(target: Project, tmp_path: Path) -> None:
    text = "<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1))"
    path = jsonl(tmp_path, [{"prompt": "a", "policy": "p", "completion": text}])
    file_import(project=target, kind="completions", path=path)
    stored = Completion.objects.get()
    assert stored.text == text
    assert "<script" not in stored.html
    assert "<img" not in stored.html
    assert 'href="javascript' not in stored.html


def test_votes_on_the_same_completions_are_one_comparison(target: Project, tmp_path: Path) -> None:
    swapped = {
        "completions": [{"policy": "b", "text": "Ill."}, {"policy": "a", "text": "Well."}],
        "winner": "right",
    }
    rows = [vote("w1", "left"), vote("w2", "tie"), vote("w3", "x") | swapped]
    result = file_import(project=target, kind="judgments", path=jsonl(tmp_path, rows))
    comparison = Comparison.objects.get()
    assert (result.comparisons, result.judgments) == (1, 3)
    assert (comparison.overlap, comparison.taken, comparison.judged) == (3, 3, 3)
    by_name = {p.annotator_id: p for p in preferences(target)}
    well = Completion.objects.get(text="Well.")
    first, tie, third = (by_name[User.objects.get(name=name).pk] for name in ("w1", "w2", "w3"))
    assert first.winner_id == third.winner_id == well.pk
    assert tie.is_tie
    assert first.shown_first == well.pk
    assert third.shown_first != well.pk


def test_importing_judgments_again_adds_nothing(target: Project, tmp_path: Path) -> None:
    path = jsonl(tmp_path, [vote("w1", "left"), vote("w2", "tie")])
    file_import(project=target, kind="judgments", path=path)
    again = file_import(project=target, kind="judgments", path=path)
    assert (again.judgments, again.comparisons, again.known) == (0, 0, 2)
    assert target.batches.count() == 1


def test_later_votes_widen_the_comparison(target: Project, tmp_path: Path) -> None:
    file_import(project=target, kind="judgments", path=jsonl(tmp_path, [vote("w1", "left")]))
    result = file_import(
        project=target, kind="judgments", path=jsonl(tmp_path, [vote("w2", "right")])
    )
    assert (result.comparisons, result.judgments) == (0, 1)
    assert Comparison.objects.get().overlap == 2


def test_a_second_answer_of_the_same_person_is_a_repeat(target: Project, tmp_path: Path) -> None:
    rows = [vote("w1", "left", id="1"), vote("w1", "right", id="2"), vote("w2", "left", id="3")]
    result = file_import(project=target, kind="judgments", path=jsonl(tmp_path, rows))
    assert (result.comparisons, result.judgments) == (2, 3)
    repeat = Comparison.objects.get(repeat_of__isnull=False)
    assert repeat.repeat_of.overlap == 2
    assert repeat.overlap == 1


def test_rankings_come_in_as_groups(target: Project, tmp_path: Path) -> None:
    texts = [{"policy": name, "text": f"Text of {name}"} for name in "abc"]
    row = {"prompt": "Rank", "annotator": "w", "completions": texts, "groups": [[2], [0, 1]]}
    file_import(project=target, kind="judgments", path=jsonl(tmp_path, [row]))
    assert Judgment.objects.get().groups == [[2], [0, 1]]
    assert Comparison.objects.get().kind == "ranking"


def test_an_unknown_display_order_stays_out_of_the_position_audit(
    target: Project, tmp_path: Path
) -> None:
    rows = [vote("w1", "left", id="1"), vote("w2", "a", id="2"), vote("w3", "b", id="3")]
    file_import(project=target, kind="judgments", path=jsonl(tmp_path, rows))
    audits = {audit.bias: audit for audit in bias_audit(project=target)}
    assert (audits["position"].n_judgments, audits["length"].n_judgments) == (1, 3)
    report = agreement_measure(project=target, criterion=target.criteria.get())
    assert report.n_judgments == 3
    assert report.estimate is None
    assert report.note


def test_families_and_judges_are_kept_as_the_first_file_names_them(
    target: Project, tmp_path: Path
) -> None:
    texts = [{"policy": "a", "text": "Well.", "family": "Acme"}, {"policy": "b", "text": "Ill."}]
    row = vote("judge", "a", completions=texts, judge_model="acme-large")
    again = vote("judge", "b", completions=[texts[0] | {"family": "Other"}, texts[1]], id="2")
    file_import(project=target, kind="judgments", path=jsonl(tmp_path, [row, vote("w", "a")]))
    file_import(
        project=target, kind="judgments",
        path=jsonl(tmp_path, [again | {"judge_model": "other"}], "more.jsonl"),
    )  # fmt: skip
    assert dict(target.policies.values_list("name", "family")) == {"a": "Acme", "b": ""}
    assert set(User.objects.values_list("name", "judge_model", "kind")) == {
        ("judge", "acme-large", "simulated"), ("w", "", "imported"),
    }  # fmt: skip
    assert [row.annotator.name for row in live(target)] == ["w"]
    assert live(target, include_simulated=True).count() == 3
    completion = {"prompt": "How are you?", "policy": "b", "text": "Better.", "family": "Bee"}
    records_import(project=target, kind="completions", rows=[completion])
    assert target.policies.get(name="b").family == "Bee"


def test_rows_of_a_request_are_refused_by_row(target: Project) -> None:
    with pytest.raises(FileInvalid) as refused:
        records_import(project=target, kind="prompts", rows=[{"prompt": "a"}, {"prompt": 1}])
    assert refused.value.problems[0].row == 2
    with pytest.raises(Invalid, match="cannot be imported"):
        records_import(project=target, kind="poems", rows=[{}])
