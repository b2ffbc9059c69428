import hashlib
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from annotation.core.errors import Unavailable
from annotation.core.exports import (
    Vote,
    majority_rows,
    pseudonym,
    vote_rows,
)
from annotation.core.preferences import Verdict
from annotation.core.rankings import Groups
from annotation.core.row_weights import RowWeights
from annotation.core.writing import write_jsonl, write_text

FIRST, SECOND, TIE = ((0,), (1,)), ((1,), (0,)), ((0, 1),)


def vote(judgment: int, groups: Groups, *, strength: int | None = None, **changes) -> Vote:
    size = sum(map(len, groups))
    verdict = Verdict(
        judgment_id=judgment,
        comparison_id=1,
        prompt_id=7,
        completion_ids=tuple(range(70, 70 + size)),
        annotator_id=judgment,
        groups=groups,
        display_order=tuple(range(size)),
        strength=strength,
    )
    made = Vote(
        verdict=verdict,
        messages=({"role": "user", "content": "Hi"},),
        texts=tuple(f"text {k}" for k in range(size)),
        policies=tuple(f"policy {k}" for k in range(size)),
        annotator=f"annotator-{judgment}",
        batch_reason="manual",
        split="train",
    )
    return replace(made, **changes)


def test_one_vote_is_one_row_in_the_conversational_format() -> None:
    (row,) = vote_rows([vote(5, SECOND, strength=2)]).rows
    assert row["prompt"] == [{"role": "user", "content": "Hi"}]
    assert row["chosen"] == [{"role": "assistant", "content": "text 1"}]
    assert row["rejected"] == [{"role": "assistant", "content": "text 0"}]
    assert (row["chosen_policy"], row["rejected_policy"]) == ("policy 1", "policy 0")
    assert (row["chosen_completion_id"], row["rejected_completion_id"]) == (71, 70)
    assert (row["strength"], row["criterion"], row["prompt_id"]) == (2.0, "overall", 7)
    assert (row["votes_chosen"], row["votes_rejected"], row["votes_tie"]) == (1, 0, 0)
    assert (row["judgment_ids"], row["annotators"]) == ([5], ["annotator-5"])
    assert (row["split"], row["batch_reason"], row["simulated"]) == ("train", "manual", False)


def test_ties_have_no_row_but_are_counted() -> None:
    found = vote_rows([vote(1, TIE), vote(2, FIRST), vote(3, ((0,), (1, 2)))])
    assert len(found.rows) == 3
    assert found.n_left_out == 2
    assert (found.n_judgments, found.n_annotators, found.n_prompts) == (3, 3, 1)
    assert [row["n_candidates"] for row in found.rows] == [2, 3, 3]


def test_the_majority_keeps_the_counts_of_all_votes() -> None:
    found = majority_rows(
        [
            vote(1, FIRST, strength=1),
            vote(2, SECOND, strength=3),
            vote(3, FIRST, strength=2, batch_reason="acquisition"),
            vote(4, TIE, simulated=True),
            vote(5, FIRST),
        ]
    )
    (row,) = found.rows
    assert row["chosen_completion_id"] == 70
    assert (row["votes_chosen"], row["votes_rejected"], row["votes_tie"]) == (3, 1, 1)
    assert row["strength"] == 1.5
    assert row["judgment_ids"] == [1, 2, 3, 4, 5]
    assert row["batch_reason"] == "acquisition, manual"
    assert row["simulated"] is True
    assert found.n_left_out == 0


def test_rows_carry_what_they_are_worth() -> None:
    weights = RowWeights(
        "consensus", {("overall", 1): 0.25, ("overall", 2): 1.0}, {("overall", 70, 71): (0.9, 0.05)}
    )
    votes = [vote(1, FIRST), vote(2, SECOND), vote(3, FIRST)]
    rows = vote_rows(votes, weights=weights).rows
    assert [(row["probability"], row["weight"]) for row in rows] == [
        (0.9, 0.25), (0.05, 1.0), (0.9, 1.0)
    ]  # fmt: skip
    (row,) = majority_rows(votes, weights=weights).rows
    assert (row["probability"], row["weight"]) == (0.9, 0.9)
    decided = [*votes, vote(4, SECOND, is_adjudication=True)]
    for make in (vote_rows, majority_rows):
        (row,) = make(decided, weights=weights).rows
        assert (row["kind"], row["probability"], row["weight"]) == ("adjudication", None, 1.0)
    (row,) = vote_rows([vote(1, FIRST)]).rows
    assert (row["probability"], row["weight"]) == (None, 1.0)


@pytest.mark.parametrize(
    "groups", [[FIRST, SECOND], [FIRST, TIE], [TIE], [FIRST, TIE, TIE], [FIRST, SECOND, TIE]]
)
def test_no_majority_no_row(groups: list[Groups]) -> None:
    found = majority_rows([vote(k, order) for k, order in enumerate(groups)])
    assert found.rows == ()
    assert found.n_left_out == 1


def test_criteria_and_pairs_are_counted_apart() -> None:
    helpful = vote(2, SECOND)
    helpful = replace(helpful, verdict=replace(helpful.verdict, criterion="helpful"))
    rows = majority_rows([vote(1, FIRST), helpful, vote(3, ((2,), (1,), (0,)))]).rows
    assert {
        (r["criterion"], r["chosen_completion_id"], r["rejected_completion_id"]) for r in rows
    } == {
        ("helpful", 71, 70),
        ("overall", 72, 70),
        ("overall", 72, 71),
    }


def test_a_pair_keeps_its_winner_wherever_its_completions_stood() -> None:
    one = vote(1, FIRST)
    other = replace(
        one,
        verdict=replace(one.verdict, judgment_id=2, completion_ids=(71, 70), groups=SECOND),
        texts=("text 1", "text 0"),
        policies=("policy 1", "policy 0"),
    )
    (row,) = majority_rows([other, one]).rows
    assert row["votes_chosen"] == 2
    assert row["chosen"][0]["content"] == "text 0"
    assert row["chosen_policy"] == "policy 0"


def test_a_pseudonym_needs_its_key() -> None:
    assert pseudonym(1, "key") == pseudonym(1, "key")
    assert len({pseudonym(k, key) for k in range(200) for key in ("a", "b")}) == 400
    assert pseudonym(1, "key").startswith("annotator-")


def test_what_is_written_is_hashed_counted_and_readable(tmp_path: Path) -> None:
    path = tmp_path / "release" / "train.jsonl"
    written = write_jsonl(path, [{"a": "é\u2028\n"}, {"a": None}])
    data = path.read_bytes()
    assert [json.loads(line) for line in data.decode().split("\n")[:-1]] == [
        {"a": "é\u2028\n"},
        {"a": None},
    ]
    assert written.sha256 == hashlib.sha256(data).hexdigest()
    assert (written.rows, written.byte_size) == (2, len(data))
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_text_ends_with_one_line_end(tmp_path: Path) -> None:
    write_text(tmp_path / "README.md", "# Hi\n\nthere\n\n")
    assert (tmp_path / "README.md").read_text() == "# Hi\n\nthere\n"


@contextmanager
def room_for(limit: int) -> Iterator[None]:
    """A real refusal by the operating system: no file of this process may grow beyond `limit`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    rows = ({"text": "x" * 1000} for _ in range(1000))
    with room_for(100_000), pytest.raises(Unavailable, match=r"train\.jsonl could not") as full:
        write_jsonl(path, rows)
    assert full.value.hint is not None
    assert "Make room" in full.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_former_release(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    before = write_jsonl(path, [{"a": 1}])
    with room_for(10_000), pytest.raises(Unavailable):
        write_jsonl(path, ({"text": "x" * 1000} for _ in range(100)))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before.sha256
    assert list(tmp_path.iterdir()) == [path]


def test_rows_that_fail_half_way_leave_nothing_behind(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield {"a": 1}
        raise ConnectionError("database gone")

    with pytest.raises(Unavailable, match="database gone"):
        write_jsonl(tmp_path / "a.jsonl", rows())
    with pytest.raises(ValueError, match="JSON"):
        write_jsonl(tmp_path / "a.jsonl", [{"a": float("nan")}])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "release").write_text("in the way")
    with pytest.raises(Unavailable, match="could not be written"):
        write_jsonl(tmp_path / "release" / "a.jsonl", [])
