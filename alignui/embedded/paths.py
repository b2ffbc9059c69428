"""Where things live under `var/`, and the addresses of the services that live there.

Settings import this module: it needs the standard library alone, and importing it does nothing.
"""

import hashlib
import os
import re
import secrets
from pathlib import Path
from urllib.parse import quote

DATABASE = "alignui"
POSTGRES_SOCKET_NAME = ".s.PGSQL.5432"

_FOLDERS = ("beat", "checkpoints", "exports", "models", "static", "uploads")

# A Unix socket's address holds 108 bytes on Linux and 104 on macOS, its final zero included.
_SOCKET_LIMIT = 100
# Characters that mean themselves in every URL and connection string that will carry the path.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")
# Not the `TMPDIR` of the moment: a cron job and a shell must find the same socket.
_SHORT_ROOT = Path("/tmp")


def var_dir() -> Path:
    """The one folder that holds everything this installation has written."""
    chosen = os.environ.get("ALIGNUI_VAR")
    if chosen:
        return Path(chosen).expanduser().resolve()
    return Path(__file__).resolve().parent.parent.parent / "var"


def postgres_data(var: Path) -> Path:
    return var / "postgres" / "data"


def postgres_socket_dir(var: Path) -> Path:
    return _socket_dir(var / "postgres" / "socket", POSTGRES_SOCKET_NAME)


def redis_data(var: Path) -> Path:
    return var / "redis"


def redis_socket(var: Path) -> Path:
    return _socket_dir(var / "redis", "redis.sock") / "redis.sock"


def database_url(var: Path) -> str:
    host = quote(str(postgres_socket_dir(var)), safe="")
    return f"postgresql://{DATABASE}@/{DATABASE}?host={host}"


def broker_url(var: Path) -> str:
    return f"redis+socket://{redis_socket(var)}"


def lock_file(var: Path) -> Path:
    return var / "alignui.lock"


def secret_key(var: Path) -> str:
    """The installation's secret key, drawn at first use and readable by its owner alone.

    Safe when several processes start at once: the first complete file wins and the others read it.
    """
    target = var / "secret_key"
    if not target.exists():
        make_private_dir(var)
        _write_once(target, secrets.token_urlsafe(50))
    return target.read_text(encoding="ascii").strip()


def make_folders(var: Path) -> None:
    """Create `var/` and, for its owner alone, what the programs expect in it."""
    make_private_dir(var)
    for name in _FOLDERS:
        (var / name).mkdir(mode=0o700, exist_ok=True)


def make_private_dir(path: Path) -> None:
    """Create a folder that others cannot list or read; leave an existing one as it is.

    Root's folder can be passed through, because PostgreSQL runs as another account below it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)


def _socket_dir(preferred: Path, name: str) -> Path:
    full = str(preferred / name)
    if len(os.fsencode(full)) <= _SOCKET_LIMIT and _PLAIN_PATH.fullmatch(full):
        return preferred
    digest = hashlib.sha256(os.fsencode(preferred)).hexdigest()[:16]
    return _SHORT_ROOT / f"alignui-{digest}"


def _write_once(target: Path, text: str) -> None:
    draft = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, target)
    except FileExistsError:
        return
    finally:
        draft.unlink()
