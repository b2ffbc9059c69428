import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from alignui.embedded.session import database_up
from alignui.follow import How, Work, project_named, see_through
from annotation.core.errors import Conflict, Invalid, Unavailable
from annotation.models import Project, Run
from rewardmodel.core.scored_items import MOST_BYTES, MOST_ITEMS
from rewardmodel.selectors import checkpoint_named
from rewardmodel.services.uses import scoring_request, scoring_texts_forget

# Half of what one request may hold leaves room for what JSON adds.
BYTES_TOGETHER = MOST_BYTES // 2


@click.command()
@click.argument("project")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--prompt", help="One prompt, in place of a file.")
@click.option("--completion", "completions", multiple=True, help="Its completion; may be repeated.")
@click.option("--checkpoint", type=click.IntRange(min=1), help="Its id; default: the one in use.")
@click.option("--here", is_flag=True, help="Execute it in this process, without workers.")
def command(
    *, project: str, file: Path | None, prompt: str | None, completions: tuple[str, ...],
    checkpoint: int | None, here: bool,
) -> None:  # fmt: skip
    """Reward texts with PROJECT's model: FILE has a line {"prompt", "completion"} for each.

    Writes a line of JSON for each text: mean, sd, rank and out_of_distribution by criterion.
    """
    if (file is None) == (prompt is None):
        raise Invalid("Give a FILE, or --prompt with --completion.")
    rows = _rows(file) if file else [{"prompt": prompt, "completion": c} for c in completions]
    if not rows:
        raise Invalid("There is nothing to score.", hint="Give --completion, or lines in the file.")
    with database_up():
        found, done = project_named(project), 0
        for part in _parts(rows):
            run = _scored(found, part, checkpoint, How(wait=True, here=here, as_json=False))
            for row in run.result["items"]:
                head = {"item": done + row.pop("item"), "checkpoint": run.result["checkpoint"]}
                click.echo(json.dumps({**head, **row}))
            done += len(part)


def _scored(project: Project, items: list[Any], checkpoint: int | None, how: How) -> Run:
    run = scoring_request(
        actor=None, project=project, items=items, checkpoint=checkpoint_named(project, checkpoint)
    )
    run = see_through(run, _work, how)
    scoring_texts_forget()
    if run.state != Run.State.SUCCEEDED:
        raise Conflict(f"{run} was not done: {run.error or run.get_state_display()}")
    return run


def _rows(file: Path) -> list[Any]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"{file} cannot be read: {error}.") from error
    return [_row(line, number) for number, line in enumerate(lines, 1) if line.strip()]


def _row(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise Invalid(f"Line {number} is not JSON: {error}.") from error


def _parts(rows: list[Any]) -> Iterator[list[Any]]:
    """As many rows together as one request may hold."""
    part: list[Any] = []
    size = 0
    for row in rows:
        bytes_of_row = len(json.dumps(row))
        if part and (len(part) == MOST_ITEMS or size + bytes_of_row > BYTES_TOGETHER):
            yield part
            part, size = [], 0
        part.append(row)
        size += bytes_of_row
    yield part


def _work() -> Work:
    from rewardmodel.jobs.score import scoring_work

    return scoring_work
