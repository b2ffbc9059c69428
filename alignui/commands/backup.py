from pathlib import Path

import click

from alignui import backup
from alignui.embedded import paths
from alignui.embedded.session import database_up


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def command(file: Path | None) -> None:
    """Write the database, exports, checkpoints, uploads and the secret key to FILE.

    Works while AlignUI runs. Keep the file where only you can read it.
    """
    target = (file or Path(backup.default_name())).resolve()
    with database_up():
        manifest = backup.backup_create(target=target, var=paths.var_dir())
    size = target.stat().st_size / 1e6
    click.echo(f"{target}: {len(manifest.members)} files, {size:.1f} MB, mode 600.")
