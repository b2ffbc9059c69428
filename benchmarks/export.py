"""The crowd study as a released dataset: pairs, card with agreement and bias, hashes, archive."""

import json
from pathlib import Path

from benchmarks import place
from benchmarks.figures import Figure, of_samples, seconds

SECONDS_GOAL = 30.0


def measure(*, short: bool) -> list[Figure]:
    with place.installation():
        from django.conf import settings

        from alignui.demo.projects import crowd_load
        from annotation.models import Export, Project
        from annotation.services.exports import export_create

        project: Project = crowd_load(place.demo_cast())
        exports: list[Export] = []

        def release() -> None:
            exports.append(export_create(project=project))

        samples = [seconds(release) for _ in range(1 if short else 3)]
        folder = Path(settings.EXPORTS_DIR, exports[0].folder)
        rows = [
            json.loads(line)
            for file in sorted(folder.glob("*.jsonl"))
            for line in file.open(encoding="utf-8")
        ]
        writing = seconds(lambda: "".join(json.dumps(row) + "\n" for row in rows))
    return [
        of_samples(
            f"{exports[0].rows:,} rows released", samples, "s", goal=SECONDS_GOAL,
            baseline=writing, baseline_name="json.dumps of the same rows alone",
        )
    ]  # fmt: skip
