from pathlib import Path

import click

from alignui import backup
from alignui.embedded import paths
from alignui.embedded.session import database_up


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace the accounts and files that are here.")
def command(file: Path, force: bool) -> None:
    """Put the backup FILE in place of what is here. Stop AlignUI first.

    The file is verified before anything is touched; after a failure everything is as it was.
    """
    var = paths.var_dir()
    with database_up(alone=True):
        paths.make_folders(var)
        manifest = backup.backup_restore(source=file.resolve(), var=var, force=force)
    click.echo(f"Restored what AlignUI {manifest.version} wrote on {manifest.created_at}.")
    click.echo("Start it with: alignui start")
