"""How Go's fmt package prints a value with `%v`, and what `print`, `println`, `html`, `js` and `urlquery` make of values."""

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from inference.prompt.go_template.errors import GoTemplateError
from inference.prompt.go_template.json_text import json_text
from inference.prompt.go_template.values import ABSENT, Budget, OrderedMap, Record, RecordList, TypeNames, sorted_items

MAX_DEPTH = 100
_HTML = {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}


def text_of(value: Any, budget: Budget, depth: int = 0) -> str:
    """As `%v`. Raises `GoTemplateError`."""
    if isinstance(value, str):
        text = value
    elif value is None or value is ABSENT:
        text = "<nil>"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int):
        text = str(value)
    elif isinstance(value, float):
        text = float_text(value)
    elif isinstance(value, OrderedMap | RecordList) or (isinstance(value, Record) and value.prints_json):
        return json_text(value, budget)
    else:
        return _container(value, budget, depth)
    budget.take(len(text))
    return text


def float_text(value: float) -> str:
    """The shortest digits, with an exponent below 1e-4 and from 1e21 on."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+}".capitalize().replace("inf", "Inf")
    if value and not 1e-4 <= abs(value) < 1e21:
        mantissa, _, exponent = f"{repr(value) if 'e' in repr(value) else format(value, '.17g')}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{exponent}"
    text = repr(value)
    return f"{value:.0f}" if "e" in text else text.removesuffix(".0")


def _container(value: Any, budget: Budget, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise GoTemplateError("prints a value that is nested too deeply")
    if isinstance(value, TypeNames) and len(value) < 2:
        return "".join(value)
    if isinstance(value, Mapping):
        pairs = (f"{key}:{text_of(item, budget, depth + 1)}" for key, item in sorted_items(value))
        return f"map[{' '.join(pairs)}]"
    items = value.fields.values() if isinstance(value, Record) else value
    inner = " ".join([text_of(item, budget, depth + 1) for item in items])
    return f"{{{inner}}}" if isinstance(value, Record) else f"[{inner}]"


def print_(budget: Budget, *values: Any) -> str:
    """Go's `Sprint`: a space between two values of which neither is a text."""
    parts: list[str] = []
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            parts.append(" ")
        parts.append(text_of(value, budget))
    return "".join(parts)


def println(budget: Budget, *values: Any) -> str:
    return " ".join([text_of(value, budget) for value in values]) + "\n"


def html(budget: Budget, *values: Any) -> str:
    return _replaced(_printable(budget, values), _HTML, budget)


def js(budget: Budget, *values: Any) -> str:
    text = _printable(budget, values)
    controls = {
        char: f"\\u{ord(char):04X}" for char in set(text) if not char.isprintable() and char not in _JS and char < "\U00010000"
    }
    return _replaced(text, _JS | controls, budget)


def urlquery(budget: Budget, *values: Any) -> str:
    text = _printable(budget, values)
    quoted = quote_plus(text.encode("utf-8", "replace"), safe="~")
    budget.take(len(quoted))
    return quoted


def _printable(budget: Budget, values: tuple[Any, ...]) -> str:
    """As `print_`, with the words for nothing that an action writes."""
    return print_(budget, *("<no value>" if value is None else value for value in values))


def _replaced(text: str, replacements: Mapping[str, str], budget: Budget) -> str:
    made = text.translate({ord(char): replacement for char, replacement in replacements.items()})
    budget.take(len(made))
    return made
