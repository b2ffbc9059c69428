"""Releases: whole or not at all, immutable, with a card, readable by others."""

import json
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from annotation.core.errors import Invalid, Unavailable
from annotation.models import Export, Participation, Project, Prompt, User
from annotation.services.disputes import Decision, dispute_decide, dispute_take
from annotation.services.exports import ExportTerms, archive_path, export_create
from annotation.services.interventions import intervention_open
from annotation.services.judgments import judgment_withdraw
from annotation.services.passages import RewriteInput, SpanInput
from annotation.services.people_reports import people_measure
from tests.factories import judge, make_dispute, make_run, make_user
from tests.planted import ITEMS, planted_project

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def exports(settings: Any, tmp_path: Path) -> Path:
    settings.EXPORTS_DIR = tmp_path / "exports"
    return settings.EXPORTS_DIR


@contextmanager
def no_space_left() -> Iterator[None]:
    """The operating system refuses any file over 100 bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def rows_of(folder: Path, split: str) -> list[dict[str, object]]:
    text = (folder / f"{split}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_release_has_its_rows_card_hashes_and_archive(
    ana: User, ben: User, project: Project, exports: Path
) -> None:
    held = project.prompts.order_by("pk")[0]
    Prompt.objects.filter(pk=held.pk).update(is_held_out=True)
    for _ in range(4):
        judge(ana, project)
    judge(ben, project, groups=((0, 1),))

    export = export_create(project=project, actor=ana)

    folder = exports / export.folder
    train, test = rows_of(folder, "train"), rows_of(folder, "test")
    assert (len(train), len(test), export.rows) == (3, 1, 4)
    assert test[0]["prompt"] == held.messages
    assert {m["role"] for row in train for m in row["chosen"]} == {"assistant"}
    assert "Kitchen" in export.card
    assert export.card.strip() == (folder / "README.md").read_text(encoding="utf-8").strip()
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        assert len(line.split()[0]) == 64
    with zipfile.ZipFile(archive_path(export)) as archive:
        assert {Path(name).name for name in archive.namelist()} == {
            "README.md", "SHA256SUMS", "train.jsonl", "test.jsonl"
        }  # fmt: skip


def test_nobody_is_named_in_a_release(ana: User, project: Project, exports: Path) -> None:
    judge(ana, project)
    export = export_create(project=project)
    written = "".join(
        path.read_text(encoding="utf-8") for path in (exports / export.folder).iterdir()
    )
    assert "annotator-" in written
    assert "ana@example.org" not in written
    assert '"ana"' not in written.lower()


def test_simulated_judgments_are_exported_only_when_asked_for(
    ana: User, project: Project, exports: Path
) -> None:
    judge(ana, project)
    judge(make_user(kind=User.Kind.SIMULATED), project)
    without = export_create(project=project)
    within = export_create(project=project, terms=ExportTerms(include_simulated=True))
    assert (without.rows, within.rows) == (1, 2)
    marks = [
        row["simulated"]
        for path in (exports / within.folder).glob("*.jsonl")
        for row in rows_of(exports / within.folder, path.stem)
    ]
    assert sorted(marks) == [False, True]


def test_nothing_to_export_is_said(project: Project, exports: Path) -> None:
    with pytest.raises(Invalid, match="no decided pair"):
        export_create(project=project)
    assert not Export.objects.exists()


def test_a_full_disk_leaves_nothing_behind(ana: User, project: Project, exports: Path) -> None:
    judge(ana, project)
    with no_space_left(), pytest.raises(Unavailable, match="Nothing of it was kept"):
        export_create(project=project)
    assert not Export.objects.exists()
    assert not [path for path in exports.rglob("*") if path.is_file()]


def test_an_export_resumed_after_its_worker_died_is_one_release(
    ana: User, project: Project
) -> None:
    judge(ana, project)
    run = make_run(project, kind="export")
    assert export_create(project=project, run=run) == export_create(project=project, run=run)
    assert Export.objects.count() == 1


def test_what_a_killed_worker_left_does_not_hinder_the_release(
    ana: User, project: Project, exports: Path
) -> None:
    judge(ana, project)
    run = make_run(project, kind="export")
    for left in (f"run-{run.pk}", f".run-{run.pk}.part"):
        (exports / project.slug / left).mkdir(parents=True)
        (exports / project.slug / left / "train.jsonl").write_text("half a li")
    (exports / project.slug / f"run-{run.pk}.zip").write_bytes(b"half an archive")
    export = export_create(project=project, run=run)
    assert len(rows_of(exports / export.folder, "train")) == 1
    assert zipfile.is_zipfile(archive_path(export))
    assert not list((exports / project.slug).glob(".*"))


def test_an_archive_that_is_gone_is_said_in_words(ana: User, project: Project) -> None:
    judge(ana, project)
    export = export_create(project=project)
    archive_path(export).unlink()
    with pytest.raises(Unavailable, match="not on this host"):
        archive_path(export)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_rewrites_are_released_as_demonstrations_and_edits(
    ana: User, project: Project, exports: Path
) -> None:
    Project.objects.update(rewrite="optional")
    held = project.comparisons.order_by("pk")[0].prompt
    Prompt.objects.filter(pk=held.pk).update(is_held_out=True)
    judgments = [
        judge(ana, project, rewrite=RewriteInput(slot=0, text=f"Better {n}.")) for n in range(2)
    ]
    judge(ana, project)
    export = export_create(project=project)
    folder = exports / export.folder
    assert export.rows == 3, "pairs; demonstrations are counted by themselves"

    train = next(j for j in judgments if j.comparison.prompt_id != held.pk)
    original = train.rewrite.candidate.completion
    (shown,) = lines_of(folder / "demonstrations.jsonl")
    assert shown["messages"] == [
        *original.prompt.messages,
        {"role": "assistant", "content": train.rewrite.text},
    ]
    assert (shown["original_completion_id"], shown["split"]) == (original.pk, "train")
    (edit,) = lines_of(folder / "edits.jsonl")
    assert edit["prompt"] == original.prompt.messages
    assert [turn["content"] for turn in edit["chosen"]] == [train.rewrite.text]
    assert [turn["content"] for turn in edit["rejected"]] == [original.text]
    assert edit["annotator"] == shown["annotator"] != "ana"
    for name in ("demonstrations-test.jsonl", "edits-test.jsonl"):
        assert [row["prompt_id"] for row in lines_of(folder / name)] == [held.pk]
    assert "- config_name: demonstrations" in export.card
    assert "`edits` (2 rows)" in export.card
    assert "demonstrations.jsonl" in (folder / "SHA256SUMS").read_text(encoding="utf-8")
    with zipfile.ZipFile(archive_path(export)) as archive:
        assert any(name.endswith("edits.jsonl") for name in archive.namelist())


def test_a_withdrawn_rewrite_is_not_released(ana: User, project: Project, exports: Path) -> None:
    Project.objects.update(rewrite="optional")
    taken_back = judge(ana, project, rewrite=RewriteInput(slot=0, text="Better."))
    judgment_withdraw(annotator=ana, judgment=taken_back, token=uuid4())
    judge(ana, project)
    export = export_create(project=project)
    assert not (exports / export.folder / "demonstrations.jsonl").exists()
    assert "demonstrations" not in export.card


def test_marks_stand_in_the_rows_of_their_pair(ana: User, project: Project, exports: Path) -> None:
    Project.objects.update(spans="optional")
    mark = SpanInput(slot=1, shown_start=0, shown_end=6, quote="answer", label="bad", note="Vague.")
    judgment = judge(ana, project, spans=(mark,))
    for is_majority in (False, True):
        export = export_create(project=project, terms=ExportTerms(is_majority=is_majority))
        (row,) = [
            row
            for split in ("train", "test")
            if (exports / export.folder / f"{split}.jsonl").exists()
            for row in rows_of(exports / export.folder, split)
        ]
        span = judgment.spans.get()
        assert row["spans"] == [
            {
                "response": "rejected", "label": "bad", "start": span.start, "end": span.end,
                "quote": "answer", "note": "Vague.", "annotator": row["annotators"][0],
            }
        ]  # fmt: skip


def test_a_decision_takes_the_place_of_what_it_decides(
    ana: User, ben: User, project: Project, exports: Path
) -> None:
    dispute = make_dispute(project, ana, ben)
    lease = dispute_take(reviewer=(rita := make_user("rita")), dispute=dispute)
    slot = lease.display_order.index(1)
    dispute_decide(
        reviewer=rita, dispute=dispute, token=uuid4(),
        decision=Decision(groups=((slot,), (1 - slot,)), reason="It says more.", strength=2),
    )  # fmt: skip
    wordy = dispute.comparison.candidates.get(position=1).completion.text

    def written(**options: bool) -> list[dict[str, Any]]:
        export = export_create(project=project, terms=ExportTerms(**options))
        folder = exports / export.folder
        found = [split for split in ("train", "test") if (folder / f"{split}.jsonl").exists()]
        return [row for split in found for row in rows_of(folder, split)]

    for options in ({}, {"is_majority": True}):
        (row,) = written(**options)
        assert row["kind"] == "adjudication"
        assert row["chosen"][0]["content"] == wordy
        assert row["strength"] == 2
    assert (row["votes_chosen"], row["votes_rejected"]) == (1, 1)
    assert len(row["judgment_ids"]) == len(row["annotators"]) == 3
    beside = written(follows_adjudication=False)
    assert sorted(row["kind"] for row in beside) == ["adjudication", "judgment", "judgment"]
    card = Export.objects.order_by("pk").first().card
    assert "the decision stands in place of the judgments of that comparison: 1 rows" in card
    terms = ExportTerms(is_majority=True, follows_adjudication=False)
    with pytest.raises(Invalid, match="no decided pair"):  # one against one, and nobody to ask
        export_create(project=project, terms=terms)


def test_rows_weigh_what_their_annotators_and_their_consensus_are_worth(exports: Path) -> None:
    project = planted_project()
    report = people_measure(project=project, criterion=project.criteria.get(key="overall"))
    worth = sorted(round(weight, 6) for weight in report.people.values_list("weight", flat=True))

    votes = export_create(project=project, terms=ExportTerms(weights="consensus"))
    rows = rows_of(exports / votes.folder, "train")
    by_annotator = {row["annotators"][0]: row["weight"] for row in rows}
    assert sorted(by_annotator.values()) == worth, "a release and the page say the same"
    assert all(0 <= row["probability"] <= 1 for row in rows)

    terms = ExportTerms(weights="consensus", is_majority=True)
    pairs = export_create(project=project, terms=terms)
    rows = rows_of(exports / pairs.folder, "train")
    assert len(rows) == ITEMS
    assert all(row["weight"] == row["probability"] for row in rows)
    assert sum(row["probability"] > 0.95 for row in rows) > 0.9 * ITEMS
    assert pairs.params["weights"] == "consensus"
    assert "Dawid-Skene" in pairs.card
    again = export_create(project=project, terms=terms)
    assert (exports / again.folder / "train.jsonl").read_bytes() == (
        exports / pairs.folder / "train.jsonl"
    ).read_bytes()


def test_without_weights_every_row_weighs_one(ana: User, project: Project, exports: Path) -> None:
    Prompt.objects.update(is_held_out=False)
    judge(ana, project)
    for weights in ("off", "consensus"):
        export = export_create(project=project, terms=ExportTerms(weights=weights))
        (row,) = rows_of(exports / export.folder, "train")
        assert (row["probability"], row["weight"]) == (None, 1)
    assert "Weights, overall: Only one annotator" in export.card
    with pytest.raises(Invalid, match="Weights are one of off, consensus"):
        export_create(project=project, terms=ExportTerms(weights="by length"))


def test_what_a_quarantine_leaves_out_is_released_only_when_asked_for(
    ana: User, ben: User, project: Project, exports: Path
) -> None:
    Prompt.objects.update(is_held_out=False)
    for user in (ana, ben):
        judge(user, project)
    part = Participation.objects.get(annotator=ben)
    intervention_open(participation=part, action="quarantine", reason="Seen.", actor=ana)
    without = export_create(project=project)
    within = export_create(project=project, terms=ExportTerms(with_quarantined=True))
    assert (without.rows, within.rows) == (1, 2)
    assert within.params["with_quarantined"] is True
    assert "quarantined annotators" in within.card
    assert "quarantined" not in without.card
