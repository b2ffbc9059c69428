import json
import sys
from importlib import import_module
from pathlib import Path

import click

from annotation.core.errors import NotFound

_CHECKOUT = Path(__file__).resolve().parent.parent.parent


@click.command()
@click.argument("name")
@click.option("--short", is_flag=True, help="Fewer repetitions and less data.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(*, name: str, short: bool, as_json: bool) -> None:
    """Measure NAME on this machine, in a throw-away installation: start, page, import, ...

    `make bench` measures everything and rewrites docs/benchmarks.md.
    """
    if not (_CHECKOUT / "benchmarks").is_dir():
        raise NotFound(
            "Benchmarks come with a checkout of AlignUI, not with the installed package."
        )
    sys.path.insert(0, str(_CHECKOUT))
    known = import_module("benchmarks.names").NAMES
    if name not in known:
        raise NotFound(f"There is no benchmark “{name}”; there are: {', '.join(known)}.")
    figures = import_module("benchmarks.figures")
    about = figures.machine()
    measured = import_module(known[name]).measure(short=short)
    if as_json:
        click.echo(json.dumps(figures.document(name, measured, about), indent=2))
        return
    for figure in measured:
        goal = "" if figure.holds is None else ("  holds" if figure.holds else "  MISSED")
        ratio = "" if figure.ratio is None else f"  {figure.ratio:.3g} × {figure.baseline_name}"
        click.echo(f"{figure.name}: {figure.value:.4g} {figure.unit}{goal}{ratio}")
