"""What a Go template works on, and Go's notions of it.

Go's values are Python's: str, bool, int, float, None (nil), lists (slices) and dicts (maps with text keys, whose order is
that of their keys). Three things have classes of their own.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from inference.prompt.go_template.errors import GoTemplateError

#: Of bytes and elements that one rendering may make, over all of its texts.
MAX_MADE = 64 * 1024 * 1024


class OrderedMap(dict[str, Any]):
    """A map that is written as JSON in its own order, and printed as that JSON; a loop goes by the keys nevertheless."""


class TypeNames(tuple[str, ...]):
    """The types of a tool's parameter: one is written as its name, several as a list."""


class Record:
    """A struct: what its fields are called in templates, and what it is as JSON."""

    __slots__ = ("fields", "json", "prints_json")

    def __init__(self, fields: Mapping[str, Any], json: Any, *, prints_json: bool = False) -> None:
        self.fields = fields
        self.json = json
        #: As text it is its JSON, otherwise its fields in braces.
        self.prints_json = prints_json


class RecordList(list[Any]):
    """A list that is printed as JSON."""


class _Absent:
    """The value of nothing at all: fields of it are absent too, where those of nil are an error."""


ABSENT: Final = _Absent()


class Budget:
    """Bounds what one rendering may make in memory."""

    __slots__ = ("_left",)

    def __init__(self, size: int = MAX_MADE) -> None:
        self._left = size

    def take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise GoTemplateError("makes too much text")


def is_true(value: Any) -> bool:
    """Not empty and not zero; a struct always is."""
    return value is not ABSENT and (isinstance(value, Record) or bool(value))


def is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def kind_of(value: Any) -> str:
    """Of the basic kinds that can be compared: "bool", "int", "float", "string"; else empty."""
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "string")):
        if isinstance(value, kind):
            return name
    return ""


def type_name(value: Any) -> str:
    """As Go's messages have it."""
    if value is None or value is ABSENT:
        return "<nil>"
    names = {bool: "bool", int: "int", float: "float64", str: "string", TypeNames: "api.PropertyType"}
    for kind, name in names.items():
        if isinstance(value, kind):
            return name
    if isinstance(value, Mapping):
        return "map[string]interface {}"
    return "[]interface {}" if isinstance(value, list | tuple) else "struct"


def sorted_items(value: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((key, value[key]) for key in sorted(value))
