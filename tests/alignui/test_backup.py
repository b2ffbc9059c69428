"""A backup holds everything, is verified before it is used, and changes all or nothing."""

import io
import json
import stat
import tarfile
from pathlib import Path

import pytest
from django.db import connection

from alignui import backup
from annotation.core.errors import Conflict, Invalid, Unavailable
from annotation.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A folder with one file of each kind that people would miss."""
    for name in ("exports/7/train.jsonl", "checkpoints/3/head.npz", "uploads/prompts.csv"):
        file = tmp_path / "var" / name
        file.parent.mkdir(parents=True)
        file.write_text(f"content of {name}")
    (tmp_path / "var" / "secret_key").write_text("the key")
    return tmp_path / "var"


@pytest.fixture
def archive(var: Path, tmp_path: Path) -> Path:
    """A backup taken while one person had an account."""
    User.objects.create(username="ada", email="ada@example.org")
    target = tmp_path / "backup.tar.gz"
    backup.backup_create(target=target, var=var)
    return target


def accounts() -> list[str]:
    return list(User.objects.order_by("username").values_list("username", flat=True))


def test_everything_comes_back(archive: Path, tmp_path: Path) -> None:
    User.objects.update(username="somebody else")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    backup.backup_restore(source=archive, var=elsewhere, force=True)
    assert accounts() == ["ada"]
    for name in ("exports/7/train.jsonl", "checkpoints/3/head.npz", "uploads/prompts.csv"):
        assert (elsewhere / name).read_text() == f"content of {name}"
    assert (elsewhere / "secret_key").read_text() == "the key"
    assert stat.S_IMODE((elsewhere / "secret_key").stat().st_mode) == 0o600


def test_new_rows_can_be_added_after_a_restore(archive: Path, var: Path) -> None:
    backup.backup_restore(source=archive, var=var, force=True)
    User.objects.create(username="grace", email="grace@example.org")
    assert accounts() == ["ada", "grace"]


def test_only_its_owner_can_read_it(archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


def test_it_does_not_replace_an_earlier_backup(archive: Path, var: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(Conflict, match="exists already"):
        backup.backup_create(target=archive, var=var)
    assert archive.read_bytes() == before


def test_peoples_work_is_not_replaced_without_force(archive: Path, var: Path) -> None:
    User.objects.update(username="somebody else")
    with pytest.raises(Conflict, match=r"a database with 1 accounts.*--force"):
        backup.backup_restore(source=archive, var=var, force=False)
    assert accounts() == ["somebody else"]


def test_a_file_in_the_way_is_named(archive: Path, var: Path) -> None:
    User.objects.all().delete()
    with pytest.raises(Conflict, match=r"the file exports/7/train.jsonl"):
        backup.backup_restore(source=archive, var=var, force=False)


def test_a_truncated_file_changes_nothing(archive: Path, var: Path) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(Invalid, match=r"not a complete AlignUI backup.*Nothing was changed"):
        backup.backup_restore(source=archive, var=var, force=True)
    assert accounts() == ["ada"]


def test_a_changed_member_is_named(archive: Path, var: Path, tmp_path: Path) -> None:
    changed = rewritten(archive, tmp_path, {"exports/7/train.jsonl": b"other"})
    with pytest.raises(Invalid, match=r"damaged: exports/7/train.jsonl is not what"):
        backup.backup_restore(source=changed, var=var, force=True)


def test_a_dump_that_fails_half_way_changes_nothing(
    archive: Path, var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(archive) as opened:
        member = opened.extractfile("database.sql")
        assert member is not None
        broken = member.read() + b"\nSELECT 1/0;\n"
    monkeypatch.setattr(backup, "_sha256", lambda path: "same")
    changed = rewritten(archive, tmp_path, {"database.sql": broken}, digest="same")
    with pytest.raises(Unavailable, match="division by zero"):
        backup.backup_restore(source=changed, var=var, force=True)
    assert accounts() == ["ada"]


def test_a_name_that_leads_outside_is_refused(var: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.tar.gz"
    with tarfile.open(outside, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../escaped"), io.BytesIO())
    with pytest.raises(Invalid, match="not a complete AlignUI backup"):
        backup.backup_restore(source=outside, var=var, force=True)
    assert not (tmp_path / "escaped").exists()


def test_a_failed_backup_leaves_no_file(
    var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_write_archive", full)
    target = tmp_path / "backup.tar.gz"
    with pytest.raises(Unavailable, match=r"No space left on device.*Free some space"):
        backup.backup_create(target=target, var=var)
    assert [path.name for path in tmp_path.iterdir()] == ["var"]


def rewritten(
    archive: Path, folder: Path, replaced: dict[str, bytes], digest: str | None = None
) -> Path:
    """The archive with other members; `digest` replaces every digest in its manifest."""
    target = folder / "rewritten.tar.gz"
    with tarfile.open(archive) as old, tarfile.open(target, "w:gz") as new:
        for member in old.getmembers():
            source = old.extractfile(member)
            assert source is not None
            content = replaced.get(member.name, source.read())
            if member.name == "manifest.json" and digest:
                manifest = json.loads(content)
                manifest["members"] = dict.fromkeys(manifest["members"], digest)
                content = json.dumps(manifest).encode()
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return target


@pytest.fixture(autouse=True)
def _fresh_connection() -> None:
    """A restore replaces the tables under the open connection."""
    connection.close()
