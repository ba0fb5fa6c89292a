"""The progress of a pull, push or create: on a terminal one line a layer with a bar, elsewhere plain lines."""

import sys
import time
from collections import deque
from collections.abc import Iterable
from typing import Any, Self

import click

from inference.cli.figures import human_bytes, remaining
from inference.cli.terminal import columns, is_terminal, visible

_SPEED_WINDOW_S = 10.0
_PLAIN_EVERY_S = 10.0
_MIN_BAR, _MAX_BAR = 4, 100
_LABEL = 24
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Layer:
    """One file that is transferred. Speed is that of the last seconds, in bytes a second."""

    def __init__(self, label: str, total: int, now: float) -> None:
        self.label = label
        self.total = total
        self.completed = 0
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])

    def update(self, completed: int, now: float) -> None:
        if completed < self.completed or (len(self._samples) == 1 and not self.completed):
            # What was there before this command began is no speed; what had to be fetched again neither.
            self._samples = deque([(now, completed)])
        self.completed = completed
        self._samples.append((now, completed))
        while len(self._samples) > 2 and self._samples[0][0] < now - _SPEED_WINDOW_S:
            self._samples.popleft()

    @property
    def is_done(self) -> bool:
        return self.completed >= self.total

    @property
    def percent(self) -> int:
        return min(100, self.completed * 100 // self.total) if self.total else 100

    @property
    def speed(self) -> float:
        (began, first), (ended, last) = self._samples[0], self._samples[-1]
        return (last - first) / (ended - began) if ended > began else 0.0

    @property
    def figures(self) -> str:
        """What stands behind the bar."""
        if self.is_done:
            return f"{human_bytes(self.total):>6}"
        text = f"{human_bytes(self.completed):>6}/{human_bytes(self.total)}"
        if self.speed >= 1:
            text += f" {human_bytes(int(self.speed)):>7}/s {remaining((self.total - self.completed) / self.speed):>6}"
        return text

    def line(self, width: int) -> str:
        head, tail = f"{self.label} {self.percent:>3}% ▕", f"▏ {self.figures}"
        cells = max(_MIN_BAR, min(_MAX_BAR, width - len(head) - len(tail) - 1))
        filled = cells * self.percent // 100
        return f"{head}{'█' * filled}{' ' * (cells - filled)}{tail}"


class Steps:
    """The steps of the work so far, in the order in which they came: texts, and layers by their digest."""

    def __init__(self) -> None:
        self.lines: list[str | Layer] = []
        self._layers: dict[tuple[str, str], Layer] = {}

    def update(self, event: dict[str, Any], now: float) -> Layer | str | None:
        """Takes a line of the stream in; what it changed, or None when it said nothing new."""
        status, total = visible(str(event.get("status", ""))), _count(event.get("total"))
        if not total:
            if not status or (self.lines and self.lines[-1] == status):
                return None
            self.lines.append(status)
            return status
        key = (str(event.get("digest", "")), status)
        if key not in self._layers:
            self._layers[key] = Layer(f"{status}...", total, now)
            self.lines.append(self._layers[key])
        layer = self._layers[key]
        layer.total = total
        layer.update(_count(event.get("completed")), now)
        return layer


class ProgressView:
    """Shows events on stderr as they come. Used as a context manager, so that the terminal is left in order."""

    def __init__(self) -> None:
        self._steps = Steps()
        self._live: Any = None
        self._frame = 0
        self._printed: dict[int, tuple[float, int]] = {}

    def __enter__(self) -> Self:
        if is_terminal(sys.stderr):
            from rich.console import Console
            from rich.live import Live

            console = Console(stderr=True, highlight=False, markup=False, legacy_windows=False)
            self._live = Live(console=console, get_renderable=self._render, refresh_per_second=10, vertical_overflow="crop")
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._frame = -1
            self._live.vertical_overflow = "visible"
            self._live.stop()

    def update(self, event: dict[str, Any]) -> None:
        now = time.monotonic()
        changed = self._steps.update(event, now)
        if self._live is None and changed is not None:
            self._print(changed, now)

    def follow(self, events: Iterable[dict[str, Any]]) -> None:
        for event in events:
            self.update(event)

    def _render(self) -> Any:
        from rich.text import Text

        lines = [line if isinstance(line, str) else line.line(columns()) for line in self._steps.lines]
        if lines and self._frame >= 0 and isinstance(self._steps.lines[-1], str) and self._steps.lines[-1] != "success":
            self._frame += 1
            lines[-1] = f"{lines[-1]} {_SPINNER[self._frame % len(_SPINNER)]}"
        return Text("\n".join(lines), no_wrap=True, overflow="crop")

    def _print(self, changed: Layer | str, now: float) -> None:
        """A line for every step; for a layer one at its beginning, every few seconds, and at its end."""
        if isinstance(changed, str):
            click.echo(changed, err=True)
            return
        last, percent = self._printed.get(id(changed), (0.0, -1))
        if percent == 100 or not (changed.is_done or percent < 0 or now - last >= _PLAIN_EVERY_S):
            return
        self._printed[id(changed)] = (now, changed.percent)
        click.echo(f"{changed.label} {changed.percent:>3}% {changed.figures}", err=True)


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
