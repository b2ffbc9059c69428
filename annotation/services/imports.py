"""Files in. A file is read twice: first checked whole, then written in one transaction.

So a bad row is found before anything is kept, and nothing is ever half imported.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from django.db import transaction

from annotation.core.errors import FileInvalid, Invalid, RowProblem
from annotation.core.files import Row, read_records
from annotation.core.records import (
    CompletionRecord,
    PromptRecord,
    parse_completion,
    parse_judgment,
    parse_prompt,
)
from annotation.models import Project, User
from annotation.services.audit_log import audit_entry_create
from annotation.services.content import ContentWriter
from annotation.services.imported_judgments import judgments_write, known_prompts
from annotation.services.participations import participations_recount
from annotation.services.runs import RunHandle

KINDS = ("prompts", "completions", "judgments")
CHUNK_ROWS = 500

Item = TypeVar("Item")
Report = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What a file brought; `known` rows were in the project already and were left out."""

    rows: int
    prompts: int
    completions: int
    comparisons: int
    judgments: int
    known: int
    held_out: int
    sha256: str


def file_import(
    *,
    project: Project,
    kind: str,
    path: Path,
    name: str = "",
    allow_empty: bool = False,
    actor: User | None = None,
    report: Report = lambda rows: None,
) -> ImportResult:
    """Imports prompts, completions or judgments from JSONL, CSV or Parquet, all or nothing.

    `report` hears how many rows have been checked. Raises FileInvalid naming file, row and field.
    """
    name = name or path.name
    parse = _parser(kind, allow_empty)
    rows = 0
    for rows, _ in enumerate(read_records(path, parse, name=name), start=1):
        if rows % CHUNK_ROWS == 0:
            report(rows)
    if rows == 0:
        raise FileInvalid(name, [RowProblem(1, None, "the file holds no rows")])
    report(rows)
    return _write(project, kind, read_records(path, parse, name=name), name, actor, rows, path)


def import_work(handle: RunHandle) -> Mapping[str, object]:
    """The run's params: path, name, kind, allow_empty."""
    params = handle.params
    result = file_import(
        project=handle.project,
        kind=str(params["kind"]),
        path=Path(str(params["path"])),
        name=str(params.get("name", "")),
        allow_empty=bool(params.get("allow_empty")),
        actor=handle.run.requested_by,
        report=lambda rows: handle.progress(rows, 0, f"Checked {rows:,} rows"),
    )
    handle.progress(result.rows, result.rows, "Imported.")
    return asdict(result)


def records_import(
    *, project: Project, kind: str, rows: Sequence[Row], actor: User | None = None,
    allow_empty: bool = False,
) -> ImportResult:  # fmt: skip
    """The same for rows that came in a request; rows count from 1."""
    parse = _parser(kind, allow_empty)
    records, problems = [], []
    for number, row in enumerate(rows, start=1):
        try:
            records.append((number, parse(row)))
        except Invalid as refusal:
            problems.append(RowProblem(number, refusal.field, refusal.message))
    if problems or not records:
        raise FileInvalid("rows", problems or [RowProblem(1, None, "there are no rows")])
    return _write(project, kind, iter(records), "rows", actor, len(records), None)


def _parser(kind: str, allow_empty: bool) -> Callable[[Row], Any]:
    if kind == "prompts":
        return parse_prompt
    if kind == "completions":
        return partial(parse_completion, allow_empty=allow_empty)
    if kind == "judgments":
        return partial(parse_judgment, allow_empty=allow_empty)
    raise Invalid(f"“{kind}” cannot be imported.", field="kind", hint=f"Choose {', '.join(KINDS)}.")


@transaction.atomic
def _write(
    project: Project, kind: str, records: Iterator[tuple[int, Any]], name: str,
    actor: User | None, rows: int, path: Path | None,
) -> ImportResult:  # fmt: skip
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    writer = ContentWriter(project)
    comparisons = judgments = 0
    if kind == "prompts":
        _write_prompts(writer, records)
    elif kind == "completions":
        _write_completions(writer, records, name)
    else:
        comparisons, judgments = judgments_write(
            project=project, writer=writer, chunks=_chunks(records), name=name, actor=actor
        )
        participations_recount(project=project)
    result = ImportResult(
        rows=rows,
        prompts=writer.prompts_created,
        completions=writer.completions_created,
        comparisons=comparisons,
        judgments=judgments,
        known=rows - _created(kind, writer, judgments),
        held_out=writer.hold_out_share(),
        sha256=_sha256(path) if path else "",
    )
    audit_entry_create(
        actor=actor, project=project, action=f"import.{kind}", subject=name, detail=asdict(result)
    )
    return result


def _write_prompts(writer: ContentWriter, records: Iterator[tuple[int, PromptRecord]]) -> None:
    for chunk in _chunks(records):
        writer.prompts([record for _, record in chunk])


def _write_completions(
    writer: ContentWriter, records: Iterator[tuple[int, CompletionRecord]], name: str
) -> None:
    for chunk in _chunks(records):
        prompt_ids = known_prompts(writer, [(number, r.prompt) for number, r in chunk], name)
        rows = [(key, record) for key, (_, record) in zip(prompt_ids, chunk, strict=True)]
        try:
            writer.completions(rows)
        except Invalid as refusal:
            first = chunk[0][0]
            message = f"(this row or one of the next {CHUNK_ROWS}) {refusal.message}"
            raise FileInvalid(name, [RowProblem(first, refusal.field, message)]) from refusal


def _created(kind: str, writer: ContentWriter, judgments: int) -> int:
    created = {"prompts": writer.prompts_created, "completions": writer.completions_created}
    return created.get(kind, judgments)


def _chunks(items: Iterator[Item]) -> Iterator[list[Item]]:
    while chunk := list(islice(items, CHUNK_ROWS)):
        yield chunk


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
