"""`python -m alignui.embedded up|down|status`: PostgreSQL and Redis alone, for developers."""

import sys

from alignui.embedded import paths, postgres, redis
from annotation.core.errors import AlignUIError


def up() -> None:
    var = paths.var_dir()
    if not (postgres.running(var) and postgres.is_ready(var)):
        postgres.start_detached(var)
    if not redis.is_ready(var):
        redis.start_detached(var)
    status()


def down() -> None:
    var = paths.var_dir()
    redis.stop(var)
    postgres.stop(var)


def status() -> None:
    var = paths.var_dir()
    database = "up" if postgres.running(var) and postgres.is_ready(var) else "down"
    print(f"PostgreSQL is {database}: {paths.database_url(var)}")
    print(f"Redis is {'up' if redis.is_ready(var) else 'down'}: {paths.broker_url(var)}")


def main() -> int:
    actions = {"up": up, "down": down, "status": status}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        print("Usage: python -m alignui.embedded up|down|status", file=sys.stderr)
        return 2
    try:
        actions[sys.argv[1]]()
    except AlignUIError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
