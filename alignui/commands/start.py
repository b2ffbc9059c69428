import click

from alignui.embedded import machine


@click.command()
@click.argument("processes", nargs=-1, type=click.Choice(machine.PROCESSES))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
def command(processes: tuple[str, ...], host: str, port: int) -> None:
    """Start AlignUI on this machine and keep it running until Ctrl-C.

    Without PROCESSES everything starts: PostgreSQL and Redis (unless DATABASE_URL and
    CELERY_BROKER_URL name servers), the web, both workers and the schedule. A further machine
    names what it is for, as in: alignui start gpu
    """
    chosen = processes or machine.PROCESSES
    machine.run(machine.Machine(host=host, port=port, processes=chosen))
