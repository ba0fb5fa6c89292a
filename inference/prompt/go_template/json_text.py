"""`json.Marshal` of Go: no spaces, `<`, `>` and `&` escaped, maps in the order of their keys."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from inference.prompt.go_template.errors import GoTemplateError
from inference.prompt.go_template.values import ABSENT, Budget, OrderedMap, Record, TypeNames, sorted_items

_MAX_DEPTH = 100
_ESCAPED = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\ud800-\udfff]')
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", '"': '\\"', "\\": "\\\\"}
_EXPONENT = re.compile(r"e([+-])0*(?=\d)")


def json_text(value: Any, budget: Budget) -> str:
    """Empty for what JSON has no word for (a number without end). Raises `GoTemplateError`."""
    parts = []
    try:
        for part in _parts(value, 0):
            budget.take(len(part))
            parts.append(part)
    except OverflowError:
        return ""
    return "".join(parts)


def _parts(value: Any, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise GoTemplateError("writes JSON that is nested too deeply")
    if isinstance(value, Record):
        value = value.json
    if isinstance(value, TypeNames) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        yield from _object(value, depth)
    elif isinstance(value, list | tuple):
        yield "["
        for index, item in enumerate(value):
            if index:
                yield ","
            yield from _parts(item, depth + 1)
        yield "]"
    else:
        yield _scalar(value)


def _object(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    items = value.items() if isinstance(value, OrderedMap) else sorted_items(value)
    yield "{"
    for index, (key, item) in enumerate(items):
        yield f"{',' if index else ''}{_quoted(key)}:"
        yield from _parts(item, depth + 1)
    yield "}"


def _scalar(value: Any) -> str:
    if value is None or value is ABSENT:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return _number(value) if isinstance(value, float) else _quoted(str(value))


def _number(value: float) -> str:
    """The shortest digits, with an exponent below 1e-6 and from 1e21 on."""
    if not math.isfinite(value):
        raise OverflowError
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        text = f"{value:.0f}" if value == int(value) else _positional(value)
        return text if value or math.copysign(1, value) > 0 else "-0"
    return _EXPONENT.sub(r"e\1", repr(value).replace(".0e", "e"))


def _positional(value: float) -> str:
    text = repr(value)
    if "e" not in text:
        return text
    mantissa, _, exponent = text.partition("e")
    num_digits = len(mantissa.partition(".")[2]) - int(exponent)
    return f"{value:.{num_digits}f}"


def _quoted(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    if "\ud800" <= char <= "\udfff":
        return "\\ufffd"
    return _SHORT.get(char) or f"\\u{ord(char):04x}"
