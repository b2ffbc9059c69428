"""Which statements PostgreSQL runs for one submit-and-next, and by which plans.

Read from the running server's own log, so that nothing is missed: what a driver adds, what
triggers and foreign keys do. `auto_explain` writes each plan as it was executed.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from alignui.embedded import paths
from benchmarks.filling import Person
from benchmarks.line import Line
from benchmarks.load import WAYS
from benchmarks.place import Started

REPEATS = 5
_WARM_UP = 12  # statements that are prepared after some uses are prepared by then
BIG_TABLE_ROWS = 10_000
_LINE = re.compile(r"^(\w+) +\| (.*)$")
_SAID = re.compile(r"^LOG:  (statement|execute [^:]*|duration: [0-9.]+ ms  plan):")
_BOUNDS = re.compile(r"(?i)(begin|commit|rollback|savepoint|release|set)\b")
_OURS = ("pg_reload_conf", "ALTER SYSTEM")
_LOGGING = {
    "log_statement": "all",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_timing": "off",
}


@dataclass(frozen=True, slots=True)
class Executed:
    """A statement as it was run; `is_nested` by a trigger or a foreign key."""

    text: str
    plan: Mapping[str, Any]
    is_nested: bool

    @property
    def blocks(self) -> int:
        """Pages of 8 kB that it touched, from memory or disk."""
        return int(self.plan.get("Shared Hit Blocks", 0) + self.plan.get("Shared Read Blocks", 0))

    def nodes(self) -> Iterator[Mapping[str, Any]]:
        waiting = [self.plan]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.get("Plans", ())

    def __str__(self) -> str:
        """What it does, to which tables and by which indexes, as its plan says."""
        nodes = list(self.nodes())
        writes = _each(f"{n['Operation']} {n['Relation Name']}" for n in nodes if "Operation" in n)
        reads = _each(
            n["Relation Name"] for n in nodes if "Relation Name" in n and "Operation" not in n
        )
        ways = _each(n["Index Name"] for n in nodes if "Index Name" in n)
        whole = _each(n["Relation Name"] for n in nodes if n["Node Type"] == "Seq Scan")
        parts = (
            ", ".join(writes) or "Select",
            reads and f"reads {', '.join(reads)}",
            ways and f"by {', '.join(ways)}",
            whole and f"all of {', '.join(whole)}",
        )
        return "; ".join(part for part in parts if part).replace("annotation_", "")


def _each(names: Iterable[str]) -> list[str]:
    return sorted(set(names))


@dataclass(frozen=True, slots=True)
class Statements:
    """Of `judgments` submits. `sent` are those that the web process sent, BEGIN and COMMIT apart.

    `big` are the tables that nobody should read from end to end.
    """

    judgments: int
    sent: list[str]
    bounds: list[str]
    executed: list[Executed]
    big: frozenset[str]
    accepted: list[str] = field(default_factory=list)

    @property
    def each(self) -> float:
        return len(self.sent) / self.judgments

    def scans(self) -> list[Executed]:
        """What reads a big table without an index."""
        return [
            statement
            for statement in self.executed
            if any(
                node["Node Type"] == "Seq Scan" and node["Relation Name"] in self.big
                for node in statement.nodes()
            )
        ]

    def last(self) -> list[Executed]:
        """What one submit-and-next runs."""
        return self.executed[-(len(self.executed) // self.judgments) :]


def statements(server: Started, way: str, person: Person) -> Statements:
    """Of one annotator alone, who works for a moment first."""
    return asyncio.run(_statements(server, way, person))


async def _statements(server: Started, way: str, person: Person) -> Statements:
    annotator = WAYS[way](person, Line("127.0.0.1", server.port), Random(person.user))
    await annotator.begin()
    for _ in range(_WARM_UP):
        await annotator.judge()
    with _logged(server) as before:
        for _ in range(REPEATS):
            await annotator.judge()
    annotator.line.close()
    written = server.log.read_bytes()[before:].decode(errors="replace")
    return _read(written, _big_tables(server.var), annotator.accepted)


@contextmanager
def _logged(server: Started) -> Iterator[int]:
    """PostgreSQL writes what it does until the block ends; yields where in the log that begins."""
    with psycopg.connect(paths.database_url(server.var), autocommit=True) as connection:
        for name, value in _LOGGING.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        _reload(connection)
        yield server.log.stat().st_size
        connection.execute("ALTER SYSTEM RESET ALL")
        _reload(connection)


def _reload(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SELECT pg_reload_conf()")
    time.sleep(0.5)  # every backend hears of it before its next statement, and the log is written


def _big_tables(var: Path) -> frozenset[str]:
    with psycopg.connect(paths.database_url(var)) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > %s", [BIG_TABLE_ROWS]
        )
        return frozenset(name for (name,) in rows)


def _read(log: str, big: frozenset[str], accepted: list[str]) -> Statements:
    found = Statements(REPEATS, [], [], [], big, accepted)
    for kind, text in _messages(log):
        if any(ours in text for ours in _OURS):
            continue
        if kind.startswith("duration"):
            found.executed.append(_executed(json.loads(text), found.sent))
        else:
            (found.bounds if _BOUNDS.match(text) else found.sent).append(text)
    return found


def _executed(plan: Mapping[str, Any], sent: list[str]) -> Executed:
    text = " ".join(plan["Query Text"].split())
    return Executed(text, plan["Plan"], is_nested=text not in sent)


def _messages(log: str) -> Iterator[tuple[str, str]]:
    """Each thing that PostgreSQL said, as its kind and its whole text on one line."""
    kind = ""
    lines: list[str] = []
    for line in log.splitlines():
        parts = _LINE.match(line)
        if parts is None or parts[1] != "postgres":
            continue
        if not parts[2].startswith("\t"):
            if kind:
                yield kind, " ".join(" ".join(lines).split())
            said = _SAID.match(parts[2])
            kind, lines = (said[1], [parts[2][said.end() :]]) if said else ("", [])
        else:
            lines.append(parts[2])
    if kind:
        yield kind, " ".join(" ".join(lines).split())
