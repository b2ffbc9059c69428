"""A supervisor over the small programs described in its argument, for tests to watch and kill.

The argument is JSON: stages, each a list of {"name", "code", "stop_seconds", "rank"}, where `code`
is Python.
"""

import json
import sys

from alignui.embedded.output import LogStream
from alignui.embedded.program import Program
from alignui.embedded.supervisor import StopRequested, Supervisor
from annotation.core.errors import AlignUIError


def main() -> int:
    stages = json.loads(sys.argv[1])
    names = ["alignui", *(program["name"] for stage in stages for program in stage)]
    with Supervisor(LogStream(sys.stdout, names)) as supervisor:
        try:
            for stage in stages:
                supervisor.start([_program(**program) for program in stage])
            supervisor.wait_until_ready(seconds=10)
            supervisor.say("Ready")
            supervisor.watch()
        except StopRequested:
            return 0
        except AlignUIError as error:
            supervisor.say(f"Error: {error}")
            return 1
    return 0


def _program(name: str, code: str, stop_seconds: float = 5.0, rank: int = 0) -> Program:
    command = (sys.executable, "-uc", code)
    return Program(name=name, command=command, stop_seconds=stop_seconds, rank=rank)


if __name__ == "__main__":
    sys.exit(main())
