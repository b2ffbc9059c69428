import json

import click

from alignui.embedded.session import database_up
from alignui.follow import How, Work, finish, project_named, run_options
from annotation.core.errors import Invalid
from rewardmodel.services import training_request


@click.command()
@click.argument("project")
@click.option("--deep", help="What a deep reward is trained with this time, as a JSON object.")
@run_options
def command(*, project: str, deep: str | None, how: How) -> None:
    """Train PROJECT's reward model on the judgments as they stand."""
    changes = _object(deep) if deep else None
    with database_up():
        run = training_request(actor=None, project=project_named(project), deep=changes)
        finish(run, _work, how)


def _object(given: str) -> dict[str, object]:
    try:
        found = json.loads(given)
    except ValueError as error:
        raise Invalid(f"This is not JSON: {error}.", field="deep") from error
    if not isinstance(found, dict):
        raise Invalid('Give an object such as {"epochs": 1}.', field="deep")
    return found


def _work() -> Work:
    from rewardmodel.jobs.train import training_work

    return training_work
