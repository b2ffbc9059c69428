"""`python -m benchmarks`: measures everything and rewrites docs/benchmarks.md."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.names import NAMES

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"

HEAD = """\
# Benchmarks

Written by `make bench`; each benchmark runs in a process of its own, on real parts. A value is the
median of n repetitions unless its name says otherwise. A baseline was measured in the same run on
the same machine unless its name says otherwise. Run one alone with `alignui bench NAME`, shorter
with `--short`.
"""


def main() -> int:
    sections, failed = [HEAD], []
    for name in NAMES:
        print(f"{name} …", flush=True)
        command = [sys.executable, "-m", "alignui.cli", "bench", name, "--json"]
        finished = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
        if finished.returncode:
            failed.append(name)
            continue
        found = json.loads(finished.stdout)
        sections.append(section(found, is_first=len(sections) == 1))
    if failed:
        print(f"Not measured, so nothing is written: {', '.join(failed)}.", file=sys.stderr)
        return 1
    DOCUMENT.write_text("\n".join(sections), encoding="utf-8")
    print(f"docs/{DOCUMENT.name} is rewritten.")
    return 0


def section(found: dict[str, Any], *, is_first: bool) -> str:
    lines = [f"Measured on: {_machine(found['machine'])}.\n"] if is_first else []
    lines += [
        f"## {found['name']}\n",
        *_words(found["name"]),
        "| figure | value | range | n | goal | baseline | ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *map(_row, found["figures"]),
        "",
        *(_folded(f["name"], "text", f["detail"]) for f in found["figures"] if f["detail"]),
        _folded("the same as JSON", "json", _as_json(found)),
    ]
    return "\n".join(lines)


def _words(name: str) -> list[str]:
    """What a benchmark's module says of itself; read, not imported, because some load a lot."""
    if name not in NAMES:
        return []
    file = Path(__file__).parent.parent.joinpath(*NAMES[name].split(".")).with_suffix(".py")
    return [f"{ast.get_docstring(ast.parse(file.read_text(encoding='utf-8')))}\n"]


def _folded(title: str, language: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n```{language}\n{text}\n```\n\n</details>\n"


def _as_json(found: dict[str, Any]) -> str:
    """One figure a line; what it rests on stands above in words."""
    rows = [{key: value for key, value in row.items() if key != "detail"}
            for row in found["figures"]]  # fmt: skip
    figures = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    head = json.dumps({key: value for key, value in found.items() if key != "figures"})
    return f'{head[:-1]}, "figures": [\n  {figures}\n]}}'


def _row(figure: dict[str, Any]) -> str:
    spread = "" if figure["min"] is None else f"{_short(figure['min'])} to {_short(figure['max'])}"
    return (
        f"| {figure['name']} | {_short(figure['value'])} {figure['unit']} | {spread} "
        f"| {figure['n']} | {_goal(figure)} | {_baseline(figure)} | {_short(figure['ratio'])} |"
    )


def _goal(figure: dict[str, Any]) -> str:
    if figure["goal"] is None:
        return ""
    sign = "≤" if figure["better"] == "lower" else "≥"
    return f"{sign} {_short(figure['goal'])}: {'holds' if figure['holds'] else '**missed**'}"


def _baseline(figure: dict[str, Any]) -> str:
    if figure["baseline"] is None:
        return ""
    return f"{_short(figure['baseline'])} ({figure['baseline_name']})"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _machine(about: dict[str, Any]) -> str:
    return (
        f"{about['cores']} cores of {about['processor']}, {about['memory_gb']} GB, "
        f"{about['system']}, Python {about['python']}; load before: {about['load_before']}"
    )


if __name__ == "__main__":
    sys.exit(main())
