"""The `alignui` command: finds its subcommands, and turns every error of ours into one line."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from pkgutil import iter_modules
from typing import NoReturn

import click
from django.db import OperationalError

import alignui
from alignui import commands
from annotation.core.errors import AlignUIError

# Only these need nothing of Django's, or prepare the services before they need it.
_WITHOUT_DJANGO = {"start", "demo", "check", "bench", "prove-assignment"}


class Commands(click.Group):
    """Loads a subcommand's module only when it is asked for: `alignui start` needs no torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        # A command that is named like a word of Python's has its module end in an underscore.
        names = (module.name.rstrip("_") for module in iter_modules(commands.__path__))
        return sorted(name.replace("_", "-") for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        if cmd_name not in _WITHOUT_DJANGO and not ctx.resilient_parsing:
            _set_up_django()
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name.replace("-", "_")
        found = import_module(f"alignui.commands.{module}").command
        return found if isinstance(found, click.Command) else None


@click.group(cls=Commands)
@click.version_option(alignui.__version__, prog_name="alignui")
def group() -> None:
    """Human preferences you can trust: collect, audit, learn from and export them."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; exit 0 only when it succeeded, else say in one line what is wrong."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alignui.settings")
    try:
        group(arguments, prog_name="alignui")
    except AlignUIError as error:
        _leave(str(error))
    except OperationalError as error:
        reason = " ".join(str(error).split())
        _leave(f"The database does not answer: {reason} Start it with: alignui start")


def _leave(message: str) -> NoReturn:
    click.echo(f"alignui: {message}", err=True)
    sys.exit(1)


def _set_up_django() -> None:
    import django

    django.setup()
    # Makes our broker the one to which commands send work.
    import_module("alignui.celery")


if __name__ == "__main__":
    main()
