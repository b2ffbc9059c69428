import click

from alignui.embedded.session import database_up
from alignui.follow import How, Work, finish, project_named, run_options
from annotation.core.errors import NotFound
from annotation.models import Policy, Project
from rewardmodel.services import generation_request


@click.command()
@click.argument("project")
@click.option("--policy", "names", multiple=True, help="Its name; default: every active policy.")
@click.option("--samples", type=click.IntRange(1, 100), help="For each prompt and policy.")
@click.option("--prompts", type=click.IntRange(min=1), help="The first so many prompts only.")
@run_options
def command(
    *, project: str, names: tuple[str, ...], samples: int | None, prompts: int | None, how: How
) -> None:
    """Let PROJECT's policies write the completions that are missing."""
    with database_up():
        found = project_named(project)
        chosen = None if prompts is None else list(found.prompts.order_by("id")[:prompts])
        run = generation_request(
            actor=None,
            project=found,
            policies=_policies(found, names),
            prompts=chosen,
            samples=samples,
        )
        finish(run, _work, how)


def _policies(project: Project, names: tuple[str, ...]) -> list[Policy]:
    active = project.policies.filter(provider=Policy.Provider.TRANSFORMERS, is_active=True)
    known = {policy.name: policy for policy in active}
    absent = [name for name in names if name not in known]
    if absent:
        there = ", ".join(known) or "none"
        raise NotFound(f"No policy “{absent[0]}” can write here; these can: {there}.")
    return [known[name] for name in names] if names else list(known.values())


def _work() -> Work:
    from rewardmodel.jobs.generate import generation_work

    return generation_work
