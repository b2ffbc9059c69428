import json
import sys
from dataclasses import asdict

import click
import django

from alignui.checks import Finding, Level, findings

_SIGNS = {Level.OK: "ok     ", Level.WARNING: "warning", Level.PROBLEM: "PROBLEM"}
_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: one list of findings.")
def command(as_json: bool) -> None:
    """Say what is wrong with this deployment, and what to do about it.

    Exit status 1 when something must be mended; warnings alone are exit status 0.
    """
    django.setup()
    found = list(findings())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        _print(found)
    sys.exit(any(finding.level is Level.PROBLEM for finding in found))


def _print(found: list[Finding]) -> None:
    width = max(len(finding.name) for finding in found)
    for finding in found:
        sign = click.style(_SIGNS[finding.level], fg=_COLOURS[finding.level])
        click.echo(f"{sign}  {finding.name:{width}}  {finding.message}")
        if finding.hint and finding.level is not Level.OK:
            click.echo(f"{'':9}{'':{width}}  → {finding.hint}")
