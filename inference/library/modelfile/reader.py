"""Reads Modelfiles with the grammar of Ollama's parser (its `parser/parser.go` and the tests beside it).

A command is a word at the beginning of a line; its value is the rest of that line, or, when it begins with one or three
double quotes, everything up to a line that ends with as many. Nothing is escaped inside quotes.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.library.modelfile.errors import ModelfileError
from inference.library.modelfile.modelfile import ROLES, Modelfile
from inference.library.modelfile.parameters import DEPRECATED, LISTS, read_parameter

COMMANDS = (
    "from", "license", "template", "system", "adapter", "draft", "renderer", "parser", "parameter", "message", "requires",
)  # fmt: skip
MAX_BYTES = 16 * 1024 * 1024
_COMMAND = re.compile(r"([A-Za-z]+)(?:\s+(.*))?\Z", re.DOTALL)
_WORD = re.compile(r"(\w+)[ \t]+(.*)\Z", re.DOTALL)
_VERSION = re.compile(r"v?\d+(\.\d+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?\Z")
_END = "unexpected EOF"
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Command:
    """`name` is in lower case; `argument` is a parameter's name or a message's role, else empty."""

    line: int
    name: str
    argument: str
    value: str


def read_modelfile(content: bytes | str) -> Modelfile:
    """Raises `ModelfileError`."""
    commands = list(read_commands(decode(content) if isinstance(content, bytes) else content))
    if not any(command.name == "from" for command in commands):
        raise ModelfileError("no FROM line")
    return Modelfile(
        sources=_all(commands, "from"),
        adapters=_all(commands, "adapter"),
        drafts=_all(commands, "draft"),
        parameters=_parameters(commands),
        template=_last(commands, "template"),
        system=_last(commands, "system"),
        licenses=_all(commands, "license"),
        messages=[{"role": command.argument, "content": command.value} for command in commands if command.name == "message"],
        renderer=_last(commands, "renderer"),
        parser=_last(commands, "parser"),
        requires=_requires(commands),
    )


def read_modelfile_at(path: Path) -> Modelfile:
    """Raises `ModelfileError`, or `OSError` when the file cannot be read."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ModelfileError(f"the Modelfile is larger than {MAX_BYTES // 1024**2} MiB")
    return read_modelfile(content)


def decode(content: bytes) -> str:
    """UTF-8, or what a byte order mark says. Raises `ModelfileError`."""
    mark, encoding = next(((mark, name) for mark, name in _BOMS if content.startswith(mark)), (b"", "utf-8"))
    try:
        return content[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        raise ModelfileError("the Modelfile is not text in UTF-8 or UTF-16") from None


def read_commands(text: str) -> Iterator[Command]:
    """Every command in its order. Raises `ModelfileError` at the first line that is none."""
    lines = _Lines(text)
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _COMMAND.match(line.lstrip())
        if match is None or match[1].lower() not in COMMANDS:
            listed = ", ".join(f'"{name}"' for name in COMMANDS[:-1])
            raise ModelfileError(f'(line {number}): command must be one of {listed}, or "{COMMANDS[-1]}"')
        name, rest = match[1].lower(), match[2] or ""
        argument = ""
        if name in ("parameter", "message"):
            argument, rest = _split(rest)
        if name == "message" and argument not in ROLES:
            raise ModelfileError(f'(line {number}): message role must be one of "system", "user", or "assistant"')
        value = lines.value(rest)
        yield Command(number, name, argument, value)


class _Lines:
    """Lines without the line feed that ends them, numbered from 1, of which a value may take some."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._next = 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        while self._next < len(self._lines):
            self._next += 1
            yield self._next, self._lines[self._next - 1]

    def value(self, first: str) -> str:
        """The value that begins with this text. Raises `ModelfileError` when its quotes are never closed."""
        if not first.strip():
            raise ModelfileError(_END)
        quotes = '"""' if first.startswith('"""') else '"' if first.startswith('"') else ""
        if not quotes:
            return first.strip()
        parts, num_characters = [first], len(first.strip())
        while not (parts[-1].rstrip().endswith(quotes) and num_characters >= 2 * len(quotes)):
            if self._next >= len(self._lines):
                raise ModelfileError(_END)
            parts.append(self._lines[self._next])
            # Only whether it is more than the quotes themselves counts, so what is trimmed elsewhere does not matter.
            num_characters += 1 + len(parts[-1])
            self._next += 1
        return "\n".join(parts).strip()[len(quotes) : -len(quotes)]


def _split(rest: str) -> tuple[str, str]:
    match = _WORD.match(rest)
    if match is None:
        raise ModelfileError(_END)
    return match[1], match[2]


def _all(commands: list[Command], name: str) -> list[str]:
    return [command.value for command in commands if command.name == name]


def _last(commands: list[Command], name: str) -> str | None:
    return next(iter(reversed(_all(commands, name))), None)


def _parameters(commands: list[Command]) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for command in commands:
        if command.name != "parameter":
            continue
        name = command.argument.lower()
        value = read_parameter(name, command.value)
        if name in DEPRECATED:
            continue
        if name in LISTS:
            parameters.setdefault(name, []).append(value)
        else:
            parameters[name] = value
    return parameters


def _requires(commands: list[Command]) -> str | None:
    version = _last(commands, "requires")
    if version is not None and not _VERSION.match(version):
        raise ModelfileError("requires must be a valid semver (e.g. 0.14.0)")
    return version
