"""Rows of JSONL, CSV and Parquet files, streamed; whatever is wrong is said by row and field."""

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, NoReturn, TypeVar

from annotation.core.errors import FileInvalid, Invalid, NotFound, RowProblem

Format = Literal["jsonl", "csv", "tsv", "parquet"]
Row = dict[str, Any]
Record = TypeVar("Record")

LONGEST_ROW = 16 * 1024 * 1024
MOST_PROBLEMS = 20
BATCH_ROWS = 256
BOM = b"\xef\xbb\xbf"
SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}


def read_rows(
    path: Path, *, file_format: Format | None = None, name: str | None = None
) -> Iterator[tuple[int, Row]]:
    """Each row with its number: the line where it begins (JSONL, CSV), or its place (Parquet).

    The format follows from the suffix (``.jsonl``, ``.csv``, ``.tsv``, ``.parquet``; text formats
    also with ``.gz``) unless it is given. `name` stands for the file in messages.

    Raises:
        NotFound: where there is no such file.
        Invalid: where the format is not known.
        FileInvalid: at the first row that cannot be read.
    """
    for number, row in _scan(path, file_format):
        if isinstance(row, RowProblem):
            raise FileInvalid(name or path.name, [row])
        yield number, row


def read_records(
    path: Path,
    parse: Callable[[Row], Record],
    *,
    file_format: Format | None = None,
    name: str | None = None,
) -> Iterator[tuple[int, Record]]:
    """Each row's number and its record; parsers are in `annotation.core.records`.

    From the first bad row on nothing more is yielded; up to 20 bad rows are gathered and raised
    together, so keep what was yielded in a transaction.

    Raises:
        FileInvalid: with every problem found; of problems that repeat, the first row is named.
    """
    problems: dict[tuple[str | None, str], list[int]] = {}
    bad = rows = 0
    for number, row in _scan(path, file_format):
        rows += 1
        try:
            record = _parsed(row, parse)
        except Invalid as refusal:
            problems.setdefault((refusal.field, str(refusal).rstrip(".")), []).append(number)
            bad += 1
            if bad == MOST_PROBLEMS:
                break
            continue
        if not problems:
            yield number, record
    if not rows:
        problems[None, "the file holds no rows"] = [1]
    if problems:
        raise FileInvalid(name or path.name, [_told(*problem) for problem in problems.items()])


def _parsed(row: Row | RowProblem, parse: Callable[[Row], Record]) -> Record:
    if isinstance(row, RowProblem):
        raise Invalid(row.message, field=row.field)
    return parse(row)


def _told(problem: tuple[str | None, str], rows: list[int]) -> RowProblem:
    field, message = problem
    more = f" (the same in {len(rows) - 1} more)" if len(rows) > 1 else ""
    return RowProblem(rows[0], field, message + more)


class _Unreadable(Exception):
    """From here on the file makes no sense."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.problem = RowProblem(row, None, message)


def _scan(path: Path, file_format: Format | None) -> Iterator[tuple[int, Row | RowProblem]]:
    """Rows and problems as they come; after a problem that ends all reading, nothing."""
    if not path.is_file():
        raise NotFound(f"There is no file {path.name}.", hint="Check the name and the folder.")
    file_format = file_format or _format_of(path)
    try:
        if file_format == "parquet":
            yield from _parquet_rows(path)
            return
        with _opened(path) as stream:
            lines = _text_lines(stream)
            yield from (
                _json_rows(lines) if file_format == "jsonl" else _table_rows(lines, file_format)
            )
    except _Unreadable as broken:
        yield broken.problem.row, broken.problem


def _format_of(path: Path) -> Format:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    found = SUFFIXES.get(suffixes[-1]) if suffixes else None
    if found is None:
        raise Invalid(
            f"The kind of file cannot be told from the name {path.name}.",
            field="file",
            hint="Name it .jsonl, .csv or .parquet.",
        )
    return found


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as raw:
        if path.suffix.lower() != ".gz":
            yield raw
            return
        try:
            with gzip.open(raw, "rb") as unpacked:
                yield unpacked  # type: ignore[misc]
        except (gzip.BadGzipFile, EOFError, zlib.error) as broken:
            raise _Unreadable(1, "the gzip file is damaged or cut short; pack it again") from broken


def _text_lines(stream: BinaryIO) -> Iterator[str]:
    number = offset = 0
    while line := stream.readline(LONGEST_ROW + 1):
        number += 1
        if len(line) > LONGEST_ROW:
            limit = LONGEST_ROW // 2**20
            raise _Unreadable(number, f"a row takes over {limit} MiB; shorten or split it")
        if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise _Unreadable(1, "the file is UTF-16; save it as UTF-8")
        skipped = len(BOM) if number == 1 and line.startswith(BOM) else 0
        try:
            yield line[skipped:].decode()
        except UnicodeDecodeError as broken:
            place = offset + skipped + broken.start
            raise _Unreadable(
                number, f"byte {place:,} of the file is not UTF-8; save the file as UTF-8"
            ) from None
        offset += len(line)


def _json_rows(lines: Iterator[str]) -> Iterator[tuple[int, Row | RowProblem]]:
    is_first = True
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if is_first and line.lstrip().startswith("["):
            raise _Unreadable(
                number, "this is one JSON list; write one object per line (jq -c '.[]' does)"
            )
        is_first = False
        yield number, _json_row(number, line)


def _json_row(number: int, line: str) -> Row | RowProblem:
    try:
        row = json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as broken:
        message = f"this is not valid JSON at column {broken.colno}: {broken.msg}"
        return RowProblem(number, None, message)
    except RecursionError:
        return RowProblem(number, None, "this is nested too deeply")
    except ValueError as broken:
        return RowProblem(number, None, f"this is not valid JSON: {broken}")
    if not isinstance(row, dict):
        return RowProblem(number, None, 'each line is an object such as {"prompt": "..."}')
    return row


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _table_rows(
    lines: Iterator[str], file_format: Format
) -> Iterator[tuple[int, Row | RowProblem]]:
    csv.field_size_limit(LONGEST_ROW)
    reader = csv.reader(lines, delimiter="\t" if file_format == "tsv" else ",", strict=True)
    try:
        header = _header(next(reader, []))
        while True:
            number = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            if not cells:
                continue
            if len(cells) == len(header):
                yield number, dict(zip(header, cells, strict=True))
            else:
                message = f"the row has {len(cells)} cells where the header has {len(header)}"
                yield number, RowProblem(number, None, message)
    except csv.Error as broken:
        raise _Unreadable(
            reader.line_num or 1, f"the table cannot be read here: {broken}"
        ) from None


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _Unreadable(1, f'the header names "{twice[0]}" more than once')
    return names


def _parquet_rows(path: Path) -> Iterator[tuple[int, Row]]:
    # Only this format needs pyarrow, which takes half a second to import.
    import pyarrow as pa
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (pa.ArrowException, OSError) as broken:
        reason = str(broken).split("\n")[0][:160]
        raise _Unreadable(number + 1, f"this is no readable Parquet file: {reason}") from None
