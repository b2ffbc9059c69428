import shutil
import time
from pathlib import Path

import click
from django.conf import settings

from alignui.embedded.session import database_up
from alignui.follow import How, finish, project_named, run_options
from annotation.models import Run
from annotation.services.imports import KINDS, import_work
from annotation.services.runs import run_create


@click.command("import")
@click.argument("project")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--kind", required=True, type=click.Choice(KINDS), help="What its rows are.")
@click.option("--allow-empty", is_flag=True, help="Take completions without text, too.")
@run_options
def command(*, project: str, file: Path, kind: str, allow_empty: bool, how: How) -> None:
    """Import FILE (JSONL, CSV or Parquet) into PROJECT: all of its rows, or none.

    Rows that are in the project already are counted and left out.
    """
    with database_up():
        found = project_named(project)
        # Workers get a copy: the file may be gone, or changed, by the time they read it.
        path = file.resolve() if how.here else _copy(file)
        params = {
            "kind": kind, "path": str(path), "name": file.name, "allow_empty": allow_empty
        }  # fmt: skip
        run = run_create(actor=None, project=found, kind=Run.Kind.IMPORT, params=params)
        finish(run, lambda: import_work, how)


def _copy(file: Path) -> Path:
    settings.UPLOADS_DIR.mkdir(parents=True, exist_ok=True)
    target = settings.UPLOADS_DIR / f"{time.time_ns()}-{file.name}"
    shutil.copyfile(file, target)
    return target
