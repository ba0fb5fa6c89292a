"""Shows on stderr that an answer is on its way, and what it waits for."""

import sys
import threading
from typing import Any, Self

from inference.cli.terminal import is_terminal

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAME_S = 0.1


class Spinner:
    """Runs from `start`, or the beginning of a `with` block, until `stop`; nothing happens where stderr is no terminal."""

    def __init__(self) -> None:
        self._text = ""
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if is_terminal(sys.stderr):
            self._thread = threading.Thread(target=self._turn, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._thread is not None:
            self._ended.set()
            self._thread.join()
            self._thread = None

    def show(self, event: dict[str, Any]) -> None:
        """An event of the runtime: loading, queued, or reading the prompt."""
        match event.get("event"):
            case "loading":
                self._text = f"loading {_percent(event.get('fraction'))}"
            case "queued":
                seconds = event.get("seconds")
                self._text = f"waiting, position {event.get('position')}" + (f", about {seconds} s" if seconds else "")
            case "prompt":
                self._text = f"reading {event.get('completed')} of {event.get('total')} tokens"

    def _turn(self) -> None:
        number = 0
        while not self._ended.is_set():
            sys.stderr.write(f"\r{_FRAMES[number % len(_FRAMES)]} {self._text}\x1b[K")
            sys.stderr.flush()
            number += 1
            self._ended.wait(_FRAME_S)
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _percent(fraction: Any) -> str:
    return f"{fraction * 100:.0f}%" if isinstance(fraction, int | float) else ""
