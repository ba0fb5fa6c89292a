"""The functions that templates may call: those of Go's text/template and the four that Ollama adds.

Each gets the rendering's budget first. What one refuses is a `GoTemplateError`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn

from inference.prompt.go_template import comparison, printing
from inference.prompt.go_template.errors import GoTemplateError
from inference.prompt.go_template.json_text import json_text
from inference.prompt.go_template.printf import printf
from inference.prompt.go_template.type_script import type_script_type
from inference.prompt.go_template.values import ABSENT, Budget, is_integer, is_true, type_name

#: No bound.
ANY = 1 << 30


def _printf(budget: Budget, pattern: Any, *values: Any) -> str:
    if not isinstance(pattern, str):
        raise GoTemplateError(f"calls printf with {type_name(pattern)} in place of a text")
    return printf(budget, pattern, *values)


def _not(_budget: Budget, value: Any) -> bool:
    return not is_true(value)


def _len(_budget: Budget, value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    if isinstance(value, list | tuple | Mapping):
        return len(value)
    raise GoTemplateError(f"asks for the length of {type_name(value)}")


def _index(_budget: Budget, value: Any, *keys: Any) -> Any:
    if value is None:
        raise GoTemplateError("indexes nothing")
    for key in keys:
        if isinstance(value, Mapping):
            if not isinstance(key, str):
                raise GoTemplateError(f"looks into a map with {type_name(key)} in place of a text")
            value = value.get(key)
            continue
        sequence = value.encode("utf-8", "replace") if isinstance(value, str) else value
        if not isinstance(sequence, bytes | list | tuple):
            raise GoTemplateError(f"cannot index {type_name(value)}")
        value = sequence[_position(key, len(sequence) - 1)]
    return value


def _slice(budget: Budget, value: Any, *bounds: Any) -> Any:
    if len(bounds) > 3 or (len(bounds) == 3 and isinstance(value, str)):
        raise GoTemplateError("slices with too many bounds")
    sequence = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if not isinstance(sequence, bytes | list | tuple):
        raise GoTemplateError(f"cannot slice {type_name(value)}")
    start, end, *_capacity = [*(_position(bound, len(sequence)) for bound in bounds), *(0, len(sequence))[len(bounds) :]]
    if start > end:
        raise GoTemplateError(f"slices from {start} to {end}")
    budget.take(end - start)
    part = sequence[start:end]
    return part.decode("utf-8", "replace") if isinstance(part, bytes) else part


def _position(value: Any, last: int) -> int:
    if not is_integer(value):
        raise GoTemplateError(f"indexes with {type_name(value)} in place of a number")
    if not 0 <= value <= last:
        raise GoTemplateError(f"indexes out of range: {value}")
    return int(value)


def _json(budget: Budget, value: Any) -> str:
    return json_text(value, budget)


def _current_date(_budget: Budget, *_ignored: Any) -> str:
    return f"{datetime.now().astimezone():%Y-%m-%d}"


def _yesterday_date(_budget: Budget, *_ignored: Any) -> str:
    return f"{datetime.now().astimezone() - timedelta(days=1):%Y-%m-%d}"


def _type_script_type(_budget: Budget, value: Any) -> str:
    return type_script_type(value)


def _call(_budget: Budget, value: Any, *_arguments: Any) -> NoReturn:
    raise GoTemplateError(f"calls {type_name(value)}, which is no function")


def _short_circuit(_budget: Budget, *values: Any) -> Any:
    """`and` and `or` are the renderer's: they do not look at arguments that cannot matter."""
    return values[-1] if values else ABSENT


#: Name: what is called, and with how many arguments at least and at most.
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "and": (_short_circuit, 1, ANY),
    "or": (_short_circuit, 1, ANY),
    "not": (_not, 1, 1),
    "eq": (comparison.eq, 1, ANY),
    "ne": (comparison.ne, 2, 2),
    "lt": (comparison.lt, 2, 2),
    "le": (comparison.le, 2, 2),
    "gt": (comparison.gt, 2, 2),
    "ge": (comparison.ge, 2, 2),
    "len": (_len, 1, 1),
    "index": (_index, 1, ANY),
    "slice": (_slice, 1, ANY),
    "print": (printing.print_, 0, ANY),
    "println": (printing.println, 0, ANY),
    "printf": (_printf, 1, ANY),
    "html": (printing.html, 0, ANY),
    "js": (printing.js, 0, ANY),
    "urlquery": (printing.urlquery, 0, ANY),
    "call": (_call, 1, ANY),
    "json": (_json, 1, 1),
    "currentDate": (_current_date, 0, ANY),
    "yesterdayDate": (_yesterday_date, 0, ANY),
    "toTypeScriptType": (_type_script_type, 1, 1),
}
