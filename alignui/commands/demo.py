from contextlib import closing

import click
from django.db import connection

from alignui.embedded import machine
from alignui.embedded.supervisor import Supervisor


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--no-generate", is_flag=True, help="Let no language model write.")
def command(host: str, port: int, no_generate: bool) -> None:
    """Start AlignUI with three projects to try, and print who can sign in.

    Everything is loaded once: a second start goes on where the first one was stopped.
    """
    chosen = machine.Machine(host=host, port=port)

    def after_ready(supervisor: Supervisor) -> None:
        from alignui.demo import load, people

        with closing(connection):
            cast = people.cast_load()
            supervisor.say(f"Open {chosen.address} and sign in (kept in {people.logins_file()}):")
            for name, password in people.logins().items():
                supervisor.say(f"  {name:10}  {password}")
            load.load(cast, say=supervisor.say, is_generating=not no_generate)

    machine.run(chosen, after_ready)
