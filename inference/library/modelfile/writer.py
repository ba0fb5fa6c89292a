"""Writes Modelfiles that `reader`, and Ollama, read back as they were."""

import re
from collections.abc import Iterator
from typing import Any

from inference.library.modelfile.modelfile import ROLES, Modelfile

_BREAK = "\u200b"
#: Ollama's parser ends a line at either.
_LINE_END = re.compile(r"[\r\n]")
_NAME = re.compile(r"\w+\Z")
_THREE = re.compile(r'"{3,}')


def format_modelfile(modelfile: Modelfile, *, header: str = "") -> str:
    """`header` becomes comment lines before the first command."""
    comments = [f"# {line}".rstrip() for line in header.splitlines()]
    return "\n".join([*comments, *([""] if comments else []), *_commands(modelfile)]) + "\n"


def quote(text: str) -> str:
    """The text as a value: as it is where it is one line, else in quotes.

    A line that ends with the very quotes would end the value, and nothing can be escaped: where neither one nor three
    quotes serve, an invisible character is put between them.
    """
    if text and text == text.strip() and not _LINE_END.search(text) and not text.startswith('"'):
        return text
    for quotes in ('"""', '"'):
        if _is_safe_in(text, quotes):
            return f"{quotes}{text}{quotes}"
    broken = _THREE.sub(lambda match: _BREAK.join(match[0]), text)
    return f'"""{broken}"""'


def format_value(value: Any) -> str:
    """A parameter's value, or one element of a list of them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        # As Go writes it.
        return str(int(value))
    return quote(value) if isinstance(value, str) else str(value)


def _is_safe_in(text: str, quotes: str) -> bool:
    if quotes == '"' and text.startswith('""'):
        return False
    return not any(line.rstrip().endswith(quotes) for line in _LINE_END.split(text)[:-1])


def _commands(modelfile: Modelfile) -> Iterator[str]:
    yield from _lines("FROM", modelfile.sources)
    yield from _lines("ADAPTER", modelfile.adapters)
    yield from _lines("DRAFT", modelfile.drafts)
    for name in ("template", "system", "renderer", "parser", "requires"):
        value = getattr(modelfile, name)
        yield from _lines(name.upper(), [] if value is None else [value])
    for name, value in modelfile.parameters.items():
        # What stands in a model's files was written by others.
        if not _NAME.match(name):
            continue
        yield from (f"PARAMETER {name} {format_value(item)}" for item in (value if isinstance(value, list) else [value]))
    yield from (
        f"MESSAGE {message['role']} {quote(message['content'])}" for message in modelfile.messages if message["role"] in ROLES
    )
    yield from _lines("LICENSE", modelfile.licenses)


def _lines(command: str, values: list[str]) -> Iterator[str]:
    yield from (f"{command} {quote(value)}" for value in values)
