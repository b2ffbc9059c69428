"""Under which account PostgreSQL runs: it refuses to run as root, which containers often are."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypedDict

from annotation.core.errors import Unavailable

# Tried in this order: the first only lets a process read and pass through, the second is
# what containers usually have.
_CAPABILITIES = ("dac_read_search", "dac_override")


class Credentials(TypedDict, total=False):
    """The keyword arguments of `subprocess.Popen` that change the account."""

    user: int
    group: int
    extra_groups: Sequence[int]


@dataclass(frozen=True, slots=True)
class Account:
    """How to start a program under the account that owns the database's files."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    @property
    def credentials(self) -> Credentials:
        if self.prefix or self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": ()}

    def owns(self, path: Path) -> bool:
        return path.stat().st_uid == self.uid

    def make_dir(self, path: Path) -> None:
        """Create the account's own private folder and refuse one that somebody else made."""
        if not path.exists():
            path.mkdir(mode=0o700)
            if self.uid != os.geteuid():
                os.chown(path, self.uid, self.gid)
        if path.is_symlink() or not self.owns(path):
            raise Unavailable(
                f"{path} belongs to another account.",
                hint="Remove it, or start AlignUI as the account that made it.",
            )


def database_account(folder: Path, data: Path, probe: Path) -> Account:
    """The account for the database in `data`: ours, or for root the one that owns the files.

    It must be able to pass through `folder` and to run `probe`, a program of PostgreSQL's.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    uid, gid = _owner(data) or _unprivileged()
    return _reaching(uid, gid, folder, probe)


def _owner(data: Path) -> tuple[int, int] | None:
    if not data.exists() or data.stat().st_uid == 0:
        return None
    return data.stat().st_uid, data.stat().st_gid


def _unprivileged() -> tuple[int, int]:
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


@cache
def _reaching(uid: int, gid: int, folder: Path, probe: Path) -> Account:
    """The account, with a capability to pass through closed folders (as /root) where it must."""
    plain = Account(uid, gid)
    candidates = [plain]
    if setpriv := shutil.which("setpriv"):
        candidates += [
            Account(uid, gid, _setpriv(setpriv, uid, gid, capability))
            for capability in _CAPABILITIES
        ]
    for account in candidates:
        if _can_reach(account, folder, probe):
            return account
    raise Unavailable(
        f"PostgreSQL will not run as root, and no other account can reach {folder}.",
        hint="Start AlignUI as an ordinary user, set ALIGNUI_VAR to a folder outside /root, "
        "or set DATABASE_URL to a PostgreSQL server.",
    )


def _setpriv(program: str, uid: int, gid: int, capability: str) -> tuple[str, ...]:
    return (
        program,
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        f"--inh-caps=+{capability}",
        f"--ambient-caps=+{capability}",
        "--pdeathsig=keep",
        "--",
    )


def _can_reach(account: Account, folder: Path, probe: Path) -> bool:
    command = [*account.prefix, "/bin/sh", "-c", 'test -x "$1" && "$2" --version', "sh"]
    finished = subprocess.run(
        [*command, str(folder), str(probe)],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        **account.credentials,
    )
    return finished.returncode == 0
