import shutil
import zipfile
from pathlib import Path

import click

from alignui.embedded.session import database_up
from alignui.follow import How, Work, finish, project_named, run_options
from annotation.core.errors import Conflict, Unavailable
from annotation.models import Run
from rewardmodel.selectors import checkpoint_named
from rewardmodel.services.uses import package_archive, packaging_request


@click.command()
@click.argument("project")
@click.option("--checkpoint", type=click.IntRange(min=1), help="Its id; default: the one in use.")
@click.option("--criterion", default="overall", show_default=True,
              help="Whose reward; “all” for an output for each.")  # fmt: skip
@click.option("--license", "license_name", default="other", show_default=True,
              help="For the model card, such as apache-2.0.")  # fmt: skip
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write the folder here.")
@run_options
def command(
    *, project: str, checkpoint: int | None, criterion: str, license_name: str,
    output: Path | None, how: How,
) -> None:  # fmt: skip
    """Write PROJECT's reward model as a folder that transformers and TRL load."""
    if output is not None and output.exists():
        raise Conflict(f"{output} exists.", hint="Name another folder.")
    with database_up():
        found = project_named(project)
        run = packaging_request(
            actor=None, project=found, license_name=license_name, criterion=criterion,
            checkpoint=checkpoint_named(found, checkpoint),
        )  # fmt: skip
        run = finish(run, _work, how)
        if output is not None and run.state == Run.State.SUCCEEDED:
            _unpack(package_archive(run), output)


def _unpack(archive: Path, output: Path) -> None:
    """The archive's one folder, under the name that was asked for."""
    draft = output.with_name(f".{output.name}.part")
    try:
        with zipfile.ZipFile(archive) as files:
            files.extractall(draft)
        next(draft.iterdir()).rename(output)
    except OSError as error:
        raise Unavailable(f"{output} could not be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    click.echo(f"{output}: load it with AutoModelForSequenceClassification.", err=True)


def _work() -> Work:
    from rewardmodel.jobs.package import packaging_work

    return packaging_work
