import click

from alignui.embedded.session import database_up
from alignui.follow import How, Work, finish, project_named, run_options
from rewardmodel.services import acquisition_request


@click.command()
@click.argument("project")
@run_options
def command(*, project: str, how: How) -> None:
    """Choose PROJECT's most telling comparisons, with a random control arm, and open them."""
    with database_up():
        run = acquisition_request(actor=None, project=project_named(project))
        finish(run, _work, how)


def _work() -> Work:
    from rewardmodel.jobs.acquire import acquisition_work

    return acquisition_work
