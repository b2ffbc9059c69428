import shutil
from pathlib import Path

import click

from alignui.embedded.session import database_up
from alignui.follow import How, finish, project_named, run_options
from annotation.core.errors import Conflict, Unavailable
from annotation.core.row_weights import OFF
from annotation.models import Export, Run
from annotation.services.exports import WEIGHTS, archive_path, export_work
from annotation.services.runs import run_create


@click.command()
@click.argument("project")
@click.option("--majority", is_flag=True, help="One row for a pair, not one for each judge.")
@click.option("--include-simulated", is_flag=True, help="With what synthetic annotators judged.")
@click.option(
    "--with-quarantined", is_flag=True, help="With the judgments that quarantines leave out."
)
@click.option(
    "--weights", type=click.Choice(WEIGHTS), default=OFF, show_default=True,
    help="Where the rows' probabilities and weights come from.",
)  # fmt: skip
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False),
    help="Copy the release to this zip file.",
)  # fmt: skip
@run_options
def command(
    *, project: str, majority: bool, include_simulated: bool, with_quarantined: bool, weights: str,
    output: Path | None, how: How,
) -> None:  # fmt: skip
    """Release PROJECT's judgments as a dataset: prompt, chosen, rejected, with a card."""
    if output is not None and output.exists():
        raise Conflict(f"{output} exists.", hint="Name another file.")
    with database_up():
        params = {
            "is_majority": majority, "include_simulated": include_simulated,
            "with_quarantined": with_quarantined, "weights": weights,
        }  # fmt: skip
        run = run_create(
            actor=None, project=project_named(project), kind=Run.Kind.EXPORT, params=params
        )
        run = finish(run, lambda: export_work, how)
        if output is not None and run.state == Run.State.SUCCEEDED:
            _copy(Export.objects.get(pk=run.result["export"]), output)


def _copy(export: Export, output: Path) -> None:
    try:
        shutil.copyfile(archive_path(export), output)
    except OSError as error:
        raise Unavailable(f"{output} could not be written: {error.strerror}.") from error
    click.echo(f"{output}: {export.rows} rows.", err=True)
