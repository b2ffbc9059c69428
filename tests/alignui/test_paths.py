"""Where things live, and the secret that is drawn once."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignui.embedded import paths

FOLDER_NAMES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1)


def test_the_folder_is_the_one_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIGNUI_VAR", "/srv/alignui")
    assert paths.var_dir() == Path("/srv/alignui")
    monkeypatch.delenv("ALIGNUI_VAR")
    assert paths.var_dir() == Path(paths.__file__).parents[2] / "var"


@given(FOLDER_NAMES)
def test_every_socket_fits_its_address(name: str) -> None:
    var = Path("/srv") / name
    sockets = [
        paths.redis_socket(var),
        paths.postgres_socket_dir(var) / paths.POSTGRES_SOCKET_NAME,
    ]
    assert all(len(str(path).encode()) <= 100 for path in sockets)
    assert all(str(path).isascii() and " " not in str(path) for path in sockets)


def test_long_folders_do_not_share_a_socket() -> None:
    long = Path("/srv") / ("x" * 200)
    assert paths.redis_socket(long / "a") != paths.redis_socket(long / "b")
    assert paths.redis_socket(long).parent != paths.postgres_socket_dir(long)


def test_the_database_address_names_the_socket() -> None:
    var = Path("/srv/alignui")
    parts = urlsplit(paths.database_url(var))
    assert (parts.scheme, parts.username, parts.path) == ("postgresql", "alignui", "/alignui")
    assert parse_qs(parts.query) == {"host": [str(paths.postgres_socket_dir(var))]}


def test_the_secret_key_is_long_private_and_drawn_once(tmp_path: Path) -> None:
    var = tmp_path / "var"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: paths.secret_key(var), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert stat.S_IMODE((var / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in var.iterdir()] == ["secret_key"]


def test_two_installations_draw_different_keys(tmp_path: Path) -> None:
    assert paths.secret_key(tmp_path / "a") != paths.secret_key(tmp_path / "b")


def test_others_can_list_nothing(tmp_path: Path) -> None:
    var = tmp_path / "var"
    paths.make_folders(var)
    folders = [var, *var.iterdir()]
    assert not any(folder.stat().st_mode & (stat.S_IROTH | stat.S_IRGRP) for folder in folders)
    assert not any(folder.stat().st_mode & stat.S_IXOTH for folder in folders[1:])
