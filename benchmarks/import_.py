"""The crowd's 8,931 votes from a file into the database, checked, rendered and all or nothing."""

import json
from itertools import islice
from pathlib import Path

from benchmarks import place
from benchmarks.figures import Figure, of_samples, seconds

VOTES_PER_SECOND_GOAL = 1_000.0


def measure(*, short: bool) -> list[Figure]:
    with place.installation() as var:
        from alignui.demo import sources
        from annotation.models import Project
        from annotation.services.imports import file_import
        from annotation.services.projects import project_create

        file = Path(var, "votes.jsonl")
        rows = list(islice(sources.crowd_judgments(), 1_000 if short else None))
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        parsing = len(rows) / seconds(lambda: list(map(json.loads, file.open(encoding="utf-8"))))
        rates, again = [], []
        for number in range(1 if short else 3):
            project = project_create(actor=None, name=f"Import {number}", strength_levels=0)

            def load(project: Project = project) -> None:
                file_import(project=project, kind="judgments", path=file, allow_empty=True)

            rates.append(len(rows) / seconds(load))
            again.append(len(rows) / seconds(load))
    baseline = {"baseline": parsing, "baseline_name": "json.loads of the same lines alone"}
    return [
        of_samples("votes imported", rates, "votes/s", goal=VOTES_PER_SECOND_GOAL,
                   better="higher", **baseline),
        of_samples("the same file again: all known", again, "votes/s", better="higher", **baseline),
    ]  # fmt: skip
