import click

from alignui.embedded.session import database_up
from alignui.follow import How, Work, finish, project_named, run_options
from rewardmodel.services import training_request


@click.command()
@click.argument("project")
@run_options
def command(*, project: str, how: How) -> None:
    """Train PROJECT's reward model on the judgments as they stand."""
    with database_up():
        run = training_request(actor=None, project=project_named(project))
        finish(run, _work, how)


def _work() -> Work:
    from rewardmodel.jobs.train import training_work

    return training_work
