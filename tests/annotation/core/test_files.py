import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from annotation.core import files
from annotation.core.errors import FileInvalid, Invalid, NotFound
from annotation.core.files import read_records, read_rows
from annotation.core.records import PromptRecord, parse_prompt


@pytest.fixture
def write(tmp_path: Path):
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


def prompts(path: Path) -> list[tuple[int, PromptRecord]]:
    return list(read_records(path, parse_prompt))


def refused(path: Path) -> FileInvalid:
    with pytest.raises(FileInvalid) as refusal:
        prompts(path)
    return refusal.value


ROWS = [{"prompt": "One, two\n三"}, {"prompt": '"quoted"'}]


def test_the_same_rows_from_every_format(write, tmp_path: Path) -> None:
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
    table = 'prompt\n"One, two\n三"\n"""quoted"""\n'
    arrow = tmp_path / "p.parquet"
    parquet.write_table(pa.Table.from_pylist(ROWS), arrow)
    for path, numbers in [
        (write("p.jsonl", lines), [1, 2]),
        (write("p.json", lines), [1, 2]),
        (write("p.jsonl.gz", lines), [1, 2]),
        (write("bom.jsonl", b"\xef\xbb\xbf" + lines.encode()), [1, 2]),
        (write("crlf.jsonl", lines.replace("\n", "\r\n\r\n")), [1, 3]),
        (write("p.csv", table), [2, 4]),
        (write("bom.csv", b"\xef\xbb\xbf" + table.encode()), [2, 4]),
        (write("p.csv.gz", table), [2, 4]),
        (arrow, [1, 2]),
    ]:
        read = list(read_rows(path))
        assert [row for _, row in read] == ROWS, path
        assert [number for number, _ in read] == numbers, path


def test_tabs_and_an_explicit_format(write) -> None:
    path = write("upload.bin", "prompt\tlanguage\nHi\ten\n")
    assert list(read_rows(path, file_format="tsv")) == [(2, {"prompt": "Hi", "language": "en"})]
    with pytest.raises(Invalid, match="cannot be told"):
        list(read_rows(path))


def test_rows_are_streamed(write) -> None:
    rows = read_rows(write("p.jsonl", '{"a": 1}\n{"a": 2}\nbroken'))
    assert next(rows) == (1, {"a": 1})
    assert next(rows) == (2, {"a": 2})
    with pytest.raises(FileInvalid, match="row 3"):
        next(rows)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no file none\.jsonl"):
        list(read_rows(tmp_path / "none.jsonl"))


BAD_FILES = {
    "latin.jsonl": (b'{"prompt": "Hi"}\n{"prompt": "Caf\xe9"}\n', 2, "byte 32 of the file"),
    "latin.csv": (b"prompt\nHi\nCaf\xe9\n", 3, "byte 13 of the file"),
    "bom-latin.csv": (b"\xef\xbb\xbfprompt\nCaf\xe9\n", 2, "byte 13 of the file"),
    "utf16.csv": ("prompt\nHi\n".encode("utf-16"), 1, "UTF-16"),
    "list.json": (b'[\n{"prompt": "Hi"}]', 1, "one object per line"),
    "cut.jsonl": (b'{"prompt": "Hi"}\n{"prompt": ', 2, "not valid JSON at column"),
    "scalar.jsonl": (b'"Hi"\n', 1, "each line is an object"),
    "nan.jsonl": (b'{"prompt": NaN}\n', 1, "NaN is not a JSON number"),
    "deep.jsonl": (b'{"prompt": ' + b"[" * 100_000, 1, "nested too deeply"),
    "digits.jsonl": (b'{"prompt": ' + b"9" * 5000 + b"}", 1, "not valid JSON"),
    "empty.jsonl": (b"", 1, "no rows"),
    "blank.jsonl": (b"\n \n", 1, "no rows"),
    "header.csv": (b"prompt,source\n", 1, "no rows"),
    "twice.csv": (b"prompt,prompt\na,b\n", 1, '"prompt" more than once'),
    "ragged.csv": (b"prompt,source\na,b\nc\n", 3, "1 cells where the header has 2"),
    "quote.csv": (b'prompt\n"never closed\n', 2, "cannot be read here"),
    "not.parquet": (b"PAR1 but not really", 1, "no readable Parquet"),
    "empty.parquet": (b"", 1, "no readable Parquet"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_named_with_row_and_reason(write, name: str) -> None:
    content, row, says = BAD_FILES[name]
    refusal = refused(write(name, content))
    assert refusal.file == name
    assert refusal.problems[0].row == row
    assert says in refusal.problems[0].message
    assert "import it again" in str(refusal)


def test_a_damaged_archive(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"prompt": "Hi"}\n' * 1000)
    for number, damaged in enumerate([whole[:-20], b"not gzip at all", whole[:40] + b"x" * 40]):
        path = tmp_path / f"{number}.jsonl.gz"
        path.write_bytes(damaged)
        assert "gzip file is damaged" in str(refused(path))


def test_a_truncated_parquet(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    parquet.write_table(pa.Table.from_pylist(ROWS), path)
    path.write_bytes(path.read_bytes()[:-10])
    assert "no readable Parquet" in str(refused(path))


def test_a_row_without_end_stops_early(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LONGEST_ROW", 2**20)
    assert "over 1 MiB" in str(refused(write("p.jsonl", '{"prompt": "' + "x" * 2**21)))


def test_all_problems_are_told_at_once_and_no_row_after_the_first(write) -> None:
    lines = ['{"prompt": "ok"}', '{"prompt": true}', "{", '{"prompt": "fine"}', '{"text": "x"}']
    records = read_records(write("p.jsonl", "\n".join(lines)), parse_prompt)
    assert next(records)[0] == 1
    with pytest.raises(FileInvalid) as refusal:
        next(records)
    problems = [(problem.row, problem.field) for problem in refusal.value.problems]
    assert problems == [(2, "prompt"), (3, None), (5, "prompt")]
    assert "true or false, not text: True" in str(refusal.value)
    assert '"text"' in refusal.value.problems[2].message


def test_the_same_problem_is_told_once_and_reading_stops_at_twenty(write) -> None:
    refusal = refused(write("p.csv", "question\n" + "Hi\n" * 5000))
    (problem,) = refusal.problems
    assert (problem.row, problem.field) == (2, "prompt")
    assert 'no column "prompt" or "messages"; the columns are "question"' in problem.message
    assert "the same in 19 more" in problem.message


def test_many_different_problems_are_counted(write) -> None:
    lines = "".join(f'{{"prompt": {number}}}\n' for number in range(50))
    refusal = refused(write("p.jsonl", lines))
    assert len(refusal.problems) == 20
    assert "(and 15 more)" in str(refusal)


def test_the_name_that_people_know_is_shown(write) -> None:
    path = write("tmpa8x.jsonl", "{")
    with pytest.raises(FileInvalid, match=r"^prompts\.jsonl: row 1"):
        list(read_records(path, parse_prompt, name="prompts.jsonl"))
