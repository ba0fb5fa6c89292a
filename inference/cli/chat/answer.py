"""Shows one answer while it is being written: thinking in grey, then the text, then what it took."""

import sys
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import click

from inference.cli.chat.wrapping import PlainText, Wrapper, writer
from inference.cli.figures import human_span
from inference.cli.spinner import Spinner
from inference.cli.terminal import is_terminal

_GREY, _PLAIN = "\x1b[90m", "\x1b[0m"


@dataclass
class Answer:
    """What came of it; `is_whole` is False when Ctrl-C ended it."""

    content: str = ""
    thinking: str = ""
    is_whole: bool = False


class AnswerView:
    def __init__(self, *, has_wordwrap: bool, hides_thinking: bool) -> None:
        self._is_terminal = is_terminal(sys.stdout)
        self._has_wordwrap = has_wordwrap
        self._hides_thinking = hides_thinking
        self._text: Wrapper | PlainText = self._writer()
        self._is_thinking = False

    def show(self, lines: Generator[dict[str, Any], None, None], *, is_verbose: bool) -> Answer:
        """Raises `CommandError`. Ctrl-C ends the answer, on the server too, and not the program."""
        answer, last = Answer(), {}
        try:
            with Spinner() as spinner:
                for line in lines:
                    if "event" in line:
                        spinner.show(line)
                        continue
                    self._take(line, answer, spinner)
                    last = line
            answer.is_whole = True
        except KeyboardInterrupt:
            pass
        finally:
            lines.close()
            self._end_thinking()
            self._end(answer)
        if is_verbose and last.get("done"):
            for row in timings(last):
                click.echo(row, err=True)
        return answer

    def _take(self, line: dict[str, Any], answer: Answer, spinner: Spinner) -> None:
        message = line.get("message") or {"content": line.get("response", ""), "thinking": line.get("thinking", "")}
        thinking, content = str(message.get("thinking") or ""), str(message.get("content") or "")
        answer.thinking += thinking
        answer.content += content
        if thinking and not self._hides_thinking:
            spinner.stop()
            self._begin_thinking()
            self._write(self._text.feed(thinking))
        if content:
            spinner.stop()
            self._end_thinking()
            self._write(self._text.feed(content))

    def _begin_thinking(self) -> None:
        if not self._is_thinking:
            self._is_thinking = True
            self._write(f"Thinking...\n{_GREY if self._is_terminal else ''}")

    def _end_thinking(self) -> None:
        if self._is_thinking:
            self._is_thinking = False
            self._write(f"{_PLAIN if self._is_terminal else ''}\n...done thinking.\n\n")
            self._text = self._writer()

    def _end(self, answer: Answer) -> None:
        if self._is_terminal:
            self._write("\n\n")
        elif answer.content and not answer.content.endswith("\n"):
            self._write("\n")

    def _writer(self) -> Wrapper | PlainText:
        return writer(is_terminal=self._is_terminal, has_wordwrap=self._has_wordwrap)

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def timings(final: dict[str, Any]) -> list[str]:
    """The rows of `--verbose`, from an answer's last line."""

    def seconds(name: str) -> float:
        return float(final.get(f"{name}_duration") or 0) / 1e9

    rows = [(f"{name} duration", human_span(seconds(name))) for name in ("total", "load") if seconds(name) > 0]
    for name, label in (("prompt_eval", "prompt eval"), ("eval", "eval")):
        if count := final.get(f"{name}_count"):
            rows.append((f"{label} count", f"{count} token(s)"))
            rows.append((f"{label} duration", human_span(seconds(name))))
            if seconds(name) > 0:
                rows.append((f"{label} rate", f"{count / seconds(name):.2f} tokens/s"))
    return [f"{label + ':':<21} {value}" for label, value in rows]
