import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from alignui.acquisition_study.files import given_set
from alignui.acquisition_study.protocol import Protocol
from alignui.acquisition_study.report import table, write_report
from alignui.acquisition_study.sets import LabelledSet
from alignui.acquisition_study.study import Study, study
from annotation.core.errors import Invalid
from rewardmodel.core.function_names import FUNCTION_NAMES

DEFAULT_FUNCTIONS = "portfolio,prediction_oriented,uncertainty,bald,robust_d_optimal"


@click.command()
@click.option(
    "--set",
    "name",
    default="pandalm",
    show_default=True,
    help="pandalm, llmfao, synthetic, near-duplicates, outliers, coin-flips, skewed, "
    "prior-weak, prior-strong, project:SLUG, or a JSONL file with features.",
)
@click.option(
    "--functions",
    default=DEFAULT_FUNCTIONS,
    show_default=True,
    help="Separated by commas; random is always replayed too.",
)
@click.option("--seeds", default=20, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--first-seed", default=0, show_default=True, type=click.IntRange(min=0),
    help="Other seeds are other splits, which nothing was chosen on.",
)  # fmt: skip
@click.option("--budget", default=400, show_default=True, type=click.IntRange(min=2))
@click.option("--batch", default=10, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--start",
    default=20,
    show_default=True,
    type=click.IntRange(min=2),
    help="Labels at random before the first batch.",
)
@click.option("--control-share", default=0.1, show_default=True, type=click.FloatRange(0, 1))
@click.option(
    "--jobs", default=1, show_default=True, type=click.IntRange(min=1), help="Processes at once."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for study.json, the plots and a page.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs: the whole study.")
def command(
    *, name: str, functions: str, seeds: int, first_seed: int, budget: int, batch: int, start: int,
    control_share: float, jobs: int, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Replay a labelled set: how many labels would each acquisition function have saved?

    Nothing is asked of anybody. Use it to choose a function before spending money.
    """
    chosen = [each.strip() for each in functions.split(",") if each.strip()]
    if unknown := [each for each in chosen if each not in FUNCTION_NAMES]:
        raise Invalid(
            f"There is no acquisition function “{unknown[0]}”.",
            hint=f"There are {', '.join(FUNCTION_NAMES)}.",
        )
    protocol = Protocol(budget, batch, start, control_share)
    with _bar(as_json) as report:
        found = study(
            name, chosen, protocol, seeds=seeds, first_seed=first_seed, jobs=jobs,
            given=_given(name), report=report,
        )  # fmt: skip
    written = write_report(found, out) if out else []
    _print(found, written, as_json=as_json)


def _given(name: str) -> LabelledSet | None:
    """A project's own labels or a file's; None for a set that is known by name."""
    if name.startswith("project:"):
        from alignui.acquisition_study.projects import project_set
        from alignui.embedded.session import database_up
        from alignui.follow import project_named

        with database_up():
            return project_set(project_named(name.removeprefix("project:")))
    return given_set(Path(name)) if name.endswith((".jsonl", ".jsonl.gz")) else None


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    columns = (
        TextColumn("Replaying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("replaying", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _print(found: Study, written: list[Path], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.to_dict()))
        return
    click.echo(f"{found.name}: {found.about} {found.seeds} seeds, {found.labels[-1]} labels.")
    for function, saved, by_chance, on_the_way, accuracy, worst, says in table(found)[1:]:
        click.echo(
            f"{function:22} saves {saved} (chance {by_chance}; on the way {on_the_way}); accuracy "
            f"{accuracy}, at worst {worst} labels. {says}"
        )
    for path in written:
        click.echo(f"Wrote {path}.")
