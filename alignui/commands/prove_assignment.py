import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from alignui.embedded import paths
from alignui.proving import place
from alignui.proving.plan import Plan

if TYPE_CHECKING:
    from alignui.proving.trial import Report


@click.command()
@click.option("--annotators", default=64, show_default=True, type=click.IntRange(12, 256))
@click.option("--judgments", default=20_000, show_default=True, type=click.IntRange(min=100))
@click.option("--seed", default=1, show_default=True, help="Decides what is done, not when.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(*, annotators: int, judgments: int, seed: int, as_json: bool) -> None:
    """Prove that assignment is exact while everything around it fails.

    In a throw-away installation, annotators judge over HTTP by pages and by REST. Meanwhile web
    workers, servers, connections and the database are killed, clocks are wrong, replies are lost,
    answers come twice, leases are abandoned, and a lead pauses people and batches. Then the
    database is counted. Exit status 1 when a promise was broken.
    """
    plan = Plan.of_size(annotators=annotators, judgments=judgments, seed=seed)
    with place.installation() as var, _bar(judgments, as_json) as report:
        from alignui.proving.trial import trial  # needs Django, which needs the installation

        found = trial(
            plan, database_url=paths.database_url(var), folder=var, report=report,
            crash_database=lambda: place.crash_database(var),
        )  # fmt: skip
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _print(found)
    sys.exit(not found.is_exact)


@contextmanager
def _bar(total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("Judging"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("judging", total=total)
        yield lambda more: progress.advance(task, more)


def _print(found: "Report") -> None:
    sections = {
        "Figures": found.figures, "What annotators did": found.acts,
        "What went wrong around them": found.disruptions, "What the web answered": found.statuses,
    }  # fmt: skip
    for title, rows in sections.items():
        click.echo(click.style(title, bold=True))
        for name, number in rows.items():
            click.echo(f"{number:9,}  {name}")
    for violation in found.violations:
        click.echo(click.style("BROKEN", fg="red") + f"  {violation}")
    verdict = "exact" if found.is_exact else "NOT exact"
    click.echo(
        f"{found.plan.annotators} annotators, {found.comparisons:,} comparisons, "
        f"{found.seconds:.0f} s: assignment is {verdict}."
    )
