"""The children's output: prefixed line by line, coloured on a terminal, its last words kept as the cause of a failure."""

import os
import re
import sys
from collections import deque
from typing import TextIO

LONGEST_LINE = 8192
RESET = "\x1b[0m"
COLOURS = {"hearth": "\x1b[35m", "web": "\x1b[36m", "runtime": "\x1b[32m", "bootstrap": "\x1b[34m"}
LEVEL_COLOURS = {"CRITICAL": "\x1b[31m", "ERROR": "\x1b[31m", "WARNING": "\x1b[33m"}
WIDTH = max(len(name) for name in COLOURS)

# "package.module.SomeError: sentence", the last line of a Python traceback.
EXCEPTION = re.compile(r"^(?P<type>(?:\w+\.)*[A-Z]\w*): (?P<text>.+)$")
# "2026-01-31 12:00:00,123 ERROR package.module: sentence", the time being optional.
LEVEL = re.compile(r"^(?:\d{4}-\d\d-\d\d [\d:,.]+ )?(?P<level>CRITICAL|ERROR|WARNING|INFO)(?: [\w.]+)?: ")


def _wants_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write_line(name: str, line: str, stream: TextIO | None = None) -> None:
    """Print one line of the process `name`. A closed terminal ends no process: the line is lost, nothing more."""
    stream = stream or sys.stdout
    prefix = f"{name:<{WIDTH}} |"
    if _wants_colour(stream):
        prefix = f"{COLOURS.get(name, '')}{prefix}{RESET}"
        match = LEVEL.match(line)
        colour = LEVEL_COLOURS.get(match["level"], "") if match else ""
        line = f"{colour}{line}{RESET}" if colour else line
    try:
        print(prefix, line, file=stream, flush=True)
    except (OSError, ValueError):
        return


class Output:
    """Takes one process's raw output, writes whole lines, and remembers the last ones."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._rest = b""
        self._last: deque[str] = deque(maxlen=20)

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._write(line)
        if len(self._rest) > LONGEST_LINE:
            self.close()

    def close(self) -> None:
        """Write what is left of a last line without its end."""
        if self._rest:
            self._write(self._rest)
        self._rest = b""

    def _write(self, raw: bytes) -> None:
        line = raw[:LONGEST_LINE].decode("utf-8", errors="replace").rstrip()
        if line.strip():
            self._last.append(line)
            write_line(self.name, line)

    @property
    def last_line(self) -> str:
        return self._last[-1].strip() if self._last else ""

    def cause(self) -> str:
        """The last thing said, as a sentence without the exception's class or the log level; empty if nothing was said."""
        line = LEVEL.sub("", self.last_line)
        match = EXCEPTION.match(line)
        text = match["text"] if match else line
        return f"{text[:1].upper()}{text[1:]}" if text else ""

    @property
    def is_configuration_error(self) -> bool:
        """Whether the process ended over a malformed setting, which no second start can mend."""
        match = EXCEPTION.match(LEVEL.sub("", self.last_line))
        return match is not None and match["type"].endswith(("ConfigurationError", "ImproperlyConfigured", "SettingsError"))
