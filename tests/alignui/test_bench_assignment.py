"""The benchmark of assignment: what fills it, what it believes, and what it reads."""

import asyncio
import gzip
import json
from collections import Counter
from random import Random

import pytest
from django.db import connection

from annotation.models import Candidate, Comparison, Participation
from benchmarks.clients import PageAnnotator
from benchmarks.filling import Filling, Person, fill
from benchmarks.line import Answer, Line, Wrong
from benchmarks.proof import Disproved, prove
from benchmarks.statements import REPEATS, _read

FILLING = Filling(
    comparisons=400, annotators=2, newcomers=1, crowd=3, veteran_judgments=50, batches=3
)
SOMEBODY = Person(user=1, username="somebody", session="s", token="t")


@pytest.fixture
def filled(transactional_db):
    return fill(FILLING)


def _url() -> str:
    settings = connection.settings_dict
    return f"host={settings['HOST']} dbname={settings['NAME']} user={settings['USER']}"


def test_the_filler_makes_what_opening_batches_makes(filled):
    comparisons = list(Comparison.objects.select_related("lane", "prompt").order_by("place"))
    assert len(comparisons) == FILLING.comparisons
    assert all(comparison.lane is not None for comparison in comparisons)
    lanes = {}
    for comparison in comparisons:
        lanes.setdefault(comparison.lane, []).append(comparison)
        assert comparison.lane.batch_id == comparison.batch_id
        assert comparison.lane.language == comparison.prompt.language
    for lane in lanes.values():
        assert [each.place for each in lane] == list(range(1, len(lane) + 1))
        assert [each.utility for each in lane] == sorted((e.utility for e in lane), reverse=True)

    shown = {}
    for candidate in Candidate.objects.select_related("completion", "comparison"):
        assert candidate.completion.prompt_id == candidate.comparison.prompt_id
        shown.setdefault(candidate.comparison_id, set()).add(candidate.completion_id)
    assert set(Counter(map(len, shown.values()))) == {2}
    assert len({frozenset(pair) for pair in shown.values()}) == FILLING.comparisons


def test_the_veteran_has_judged_the_head_of_the_queue_and_left_it_open(filled):
    judged = Comparison.objects.filter(assignments__annotator=filled.veteran.user)
    assert judged.count() == FILLING.veteran_judgments
    assert set(judged.values_list("taken", "judged", "overlap")) == {(1, 1, 3)}
    least = min(judged.values_list("place", flat=True))
    most = max(judged.values_list("place", flat=True))
    assert (least, most <= FILLING.veteran_judgments) == (1, True)
    assert Participation.objects.get(annotator=filled.veteran.user).judged == 50


def test_the_proof_needs_every_accepted_judgment_and_no_other(filled):
    prove(_url(), accepted=[], before=FILLING.veteran_judgments)
    with pytest.raises(Disproved, match="not in the database: 1"):
        prove(_url(), accepted=["b6a1f63e-1d0c-4d6c-8c93-0e2a4a9d5e11"], before=50)
    with pytest.raises(Disproved, match="never accepted: 50"):
        prove(_url(), accepted=[], before=0)


def _comparison(assignment: int, *numbers: bytes) -> bytes:
    responses = b"".join(b"<p>Answer %b</p>" % number for number in numbers)
    return (
        b'<div id="comparison" class="comparison" data-assignment="%d">%b'
        b'<input type="hidden" name="token" value="b6a1f63e-1d0c-4d6c-8c93-0e2a4a9d5e11"></div>'
    ) % (assignment, responses)


AROUND = b'<div id="notice"></div><span id="progress"></span>'


class Scripted:
    """A line that gives what it was told to, and remembers what was asked."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies, self.asked = list(bodies), []

    async def ask(self, method, path, headers, body=b""):
        self.asked.append((path, body))
        return Answer(200, b"", self.bodies.pop(0))


def _begun(*bodies: bytes) -> tuple[PageAnnotator, Scripted]:
    page = b'<body hx-headers=\'{"X-CSRFToken": "c"}\'>' + _comparison(1, b"5.0", b"5.1")
    line = Scripted(page, _comparison(2, b"6.0", b"6.1"), *bodies)
    annotator = PageAnnotator(SOMEBODY, line, Random(1))  # type: ignore[arg-type]
    asyncio.run(annotator.begin())
    return annotator, line


@pytest.mark.parametrize("is_first", [True, False])
def test_what_comes_along_with_an_answer_is_taken_in_one_request(is_first):
    ahead = b'<template id="ahead">' + _comparison(3, b"7.0", b"7.1") + b"</template>"
    annotator, line = _begun(ahead + AROUND if is_first else AROUND + ahead)
    asyncio.run(annotator.judge())
    assert annotator.present.assignment == 2
    assert annotator.following.assignment == 3
    assert [path for path, _ in line.asked[2:]] == ["/assignments/1/submit/"]
    assert b"ahead=2" in line.asked[2][1]


def test_what_does_not_come_along_is_asked_for():
    annotator, line = _begun(AROUND, _comparison(3, b"7.0", b"7.1"))
    asyncio.run(annotator.judge())
    assert line.asked[-1][0] == "/assignments/2/ahead/"
    assert annotator.following.assignment == 3


def test_a_comparison_met_twice_is_wrong():
    annotator, _ = _begun(AROUND, _comparison(3, b"5.1", b"5.0"))
    with pytest.raises(Wrong, match="twice"):
        asyncio.run(annotator.judge())


def test_the_line_unpacks_and_opens_again_what_the_server_closed():
    body = b"Answer 1.2 " * 500

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        packed = gzip.compress(body)
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(packed) + packed[:40])
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(packed[40:])
        await writer.drain()
        writer.close()

    async def ask_twice():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            line = Line("127.0.0.1", server.sockets[0].getsockname()[1])
            return [await line.ask("GET", "/", b"") for _ in range(2)]

    for answer in asyncio.run(ask_twice()):
        assert (answer.status, answer.body) == (200, body)


def test_statements_and_plans_are_read_from_the_log():
    scan = {"Node Type": "Seq Scan", "Relation Name": "annotation_comparison",
            "Shared Hit Blocks": 7, "Shared Read Blocks": 2}  # fmt: skip
    plan = json.dumps({"Query Text": "SELECT 1\n  FROM annotation_comparison", "Plan": scan})
    nested = json.dumps({"Query Text": "UPDATE x", "Plan": scan | {"Relation Name": "x"}})
    log = f"""\
web      | LOG:  statement: not PostgreSQL's
postgres | LOG:  statement: BEGIN
postgres | LOG:  execute <unnamed>: SELECT 1
postgres | \t  FROM annotation_comparison
postgres | LOG:  duration: 0.1 ms  plan:
postgres | \t{nested}
postgres | LOG:  duration: 0.2 ms  plan:
postgres | \t{plan}
postgres | LOG:  statement: COMMIT
postgres | LOG:  statement: SELECT pg_reload_conf()
"""
    found = _read(log, frozenset({"annotation_comparison"}), [])
    assert found.sent == ["SELECT 1 FROM annotation_comparison"]
    assert found.bounds == ["BEGIN", "COMMIT"]
    assert found.each == 1 / REPEATS
    assert [each.is_nested for each in found.executed] == [True, False]
    assert [(str(each), each.blocks) for each in found.scans()] == [
        ("Select; reads comparison; all of comparison", 9)
    ]
