import click

from alignui.embedded.session import database_up
from alignui.follow import How, Work, finish, project_named, run_options
from annotation.models import Run
from annotation.services.agreement import agreement_work
from annotation.services.audits import audit_work
from annotation.services.people_reports import people_work
from annotation.services.pluralism import pluralism_work
from annotation.services.runs import run_create

WORKS: dict[str, Work] = {
    Run.Kind.AGREEMENT: agreement_work,
    Run.Kind.AUDIT: audit_work,
    Run.Kind.PEOPLE: people_work,
    Run.Kind.PLURALISM: pluralism_work,
}


@click.command()
@click.argument("what", type=click.Choice([str(kind) for kind in WORKS]))
@click.argument("project")
@click.option(
    "--with-quarantined", is_flag=True,
    help="With the judgments that quarantines leave out; kept apart from the other snapshots.",
)  # fmt: skip
@run_options
def command(*, what: str, project: str, with_quarantined: bool, how: How) -> None:
    """Measure WHAT of PROJECT as it stands: agreement, biases, its people, or who prefers what."""
    with database_up():
        run = run_create(
            actor=None, project=project_named(project), kind=what,
            params={"with_quarantined": with_quarantined},
        )  # fmt: skip
        finish(run, lambda: WORKS[what], how)
