"""`hearth run` in a pseudo-terminal, as a person sees it."""

import re
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect

from tests.command import PROGRAM, environment

TIMEOUT_S = 120
#: What a fresh prompt shows, until something is typed.
READY = "Send a message (/? for help)"
_SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[()][A-Z0-9]|[=>78M])")


class Terminal:
    """`text` is what the last step printed, without what steers a terminal."""

    def __init__(self, url: str, *arguments: str, home: Path, width: int = 100, **variables: str) -> None:
        self._child = pexpect.spawn(
            str(PROGRAM),
            list(arguments),
            env=environment(url, HOME=str(home), **variables),
            dimensions=(40, width),
            encoding="utf-8",
            timeout=TIMEOUT_S,
            cwd=str(home),
            # Ctrl-C reaches no program that was started where it is ignored, as by a shell in the background.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.text = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._child.close(force=True)

    def ready(self) -> str:
        """Waits for an empty prompt; what was printed before it."""
        return self.until(READY)

    def until(self, text: str) -> str:
        self._child.expect_exact(text)
        self.text = plain(str(self._child.before))
        return self.text

    def say(self, line: str) -> str:
        """Types a line and waits for the next prompt; what was printed between."""
        self.type(line)
        return self.ready()

    def type(self, line: str) -> None:
        self._child.send(f"{line}\r")

    def key(self, letter: str) -> None:
        """With Ctrl."""
        self._child.sendcontrol(letter)

    def ended(self) -> int:
        """Waits for the program to leave; its exit code."""
        self._child.expect(pexpect.EOF)
        self.text = plain(str(self._child.before))
        self._child.close()
        return int(self._child.exitstatus if self._child.exitstatus is not None else -1)


def plain(text: str) -> str:
    return _SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
