import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from alignui.embedded.session import database_up
from alignui.follow import project_named
from alignui.simulation.annotators import draw_population
from alignui.simulation.people import tokens
from alignui.simulation.run import Bounds, Tally, simulate


@click.command()
@click.argument("project", default="live-generation")
@click.option("--annotators", default=6, show_default=True, type=click.IntRange(1, 64))
@click.option("--judgments", default=60, show_default=True, type=click.IntRange(min=1))
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(min=0.01))
@click.option("--patience", default=60.0, show_default=True, type=click.FloatRange(min=0),
              help="Seconds without work after which to stop.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, help="Decides tastes and every answer.")
@click.option("--url", default="http://localhost:8000", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs: what each annotator did.")
def command(
    *, project: str, annotators: int, judgments: int, minutes: float, patience: float, seed: int,
    url: str, as_json: bool,
) -> None:  # fmt: skip
    """Let synthetic annotators judge PROJECT through the REST interface of a running AlignUI.

    They share a hidden taste and differ in noise, position bias and fatigue; one is careless and
    one adversarial. Their judgments are marked as simulated, and exports leave them out.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)
    population = draw_population(size=annotators, seed=seed)
    bounds = Bounds(judgments=judgments, seconds=60 * minutes, idle_seconds=patience)
    with database_up():
        slug = project_named(project).slug
        names = [annotator.name for annotator in population.annotators]
        with tokens(project_named(slug), names) as secrets, _bar(judgments, as_json) as report:
            started = time.monotonic()
            tallies = simulate(
                url=url, project=slug, population=population, secrets=secrets, bounds=bounds,
                report=report,
            )  # fmt: skip
            seconds = time.monotonic() - started
    _print(slug, tallies, seconds, as_json=as_json)


@contextmanager
def _bar(total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    columns = (
        TextColumn("Judging"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("judging", total=total)
        yield lambda more: progress.advance(task, more)


def _print(project: str, tallies: list[Tally], seconds: float, *, as_json: bool) -> None:
    total = sum(tally.judgments for tally in tallies)
    rate = total / seconds if seconds else 0.0
    if as_json:
        summary = {
            "project": project, "judgments": total, "seconds": round(seconds, 3),
            "judgments_per_second": round(rate, 2), "annotators": [asdict(t) for t in tallies],
        }  # fmt: skip
        click.echo(json.dumps(summary, indent=2))
        return
    for tally in tallies:
        click.echo(
            f"{tally.name:14} {tally.kind:12} {tally.judgments:5} judgments, {tally.ties} ties, "
            f"{tally.first_slot} times the first"
        )
    click.echo(f"{total} simulated judgments of {project} in {seconds:.1f} s.")
    if not total:
        click.echo("Nothing was open for them: open a batch, or wait for one.")
