"""One log stream for many programs: each line begins with the name of the one that wrote it."""

import re
import threading
from collections.abc import Sequence
from typing import IO, TextIO

_COLOURS = (36, 35, 34, 32, 33, 96, 95, 94)
_RESET = "\x1b[0m"


class LogStream:
    """Writes whole lines, one at a time, whichever thread they come from."""

    def __init__(self, out: TextIO, names: Sequence[str]) -> None:
        self._out = out
        self._width = max(map(len, names), default=0)
        self._colours = dict(zip(names, _COLOURS * len(names), strict=False))
        self._has_colour = out.isatty()
        self._lock = threading.Lock()
        self._is_open = True

    def line(self, name: str, text: str) -> None:
        padded = name.ljust(self._width)
        if self._has_colour and name in self._colours:
            padded = f"\x1b[{self._colours[name]}m{padded}{_RESET}"
        with self._lock:
            self._write(f"{padded} | {text}\n")

    def follow(
        self, name: str, source: IO[bytes], routine: re.Pattern[str] | None = None
    ) -> threading.Thread:
        """Copy what a program writes, without blank and routine lines, until it closes its end."""

        def copy() -> None:
            with source:
                for raw in source:
                    text = raw.decode(errors="replace").rstrip()
                    if text and not (routine and routine.search(text)):
                        self.line(name, text)

        thread = threading.Thread(target=copy, name=f"log of {name}", daemon=True)
        thread.start()
        return thread

    def _write(self, text: str) -> None:
        # A reader that went away (`alignui start | head`) must not stop the programs.
        if not self._is_open:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):
            self._is_open = False
