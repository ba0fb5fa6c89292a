"""Go's `Sprintf`: verbs, flags, widths, and its ways to complain within the text."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from inference.prompt.go_template.errors import GoTemplateError
from inference.prompt.go_template.printing import MAX_DEPTH, float_text, text_of
from inference.prompt.go_template.values import (
    ABSENT,
    Budget,
    OrderedMap,
    Record,
    RecordList,
    TypeNames,
    is_integer,
    sorted_items,
    type_name,
)

_DIRECTIVE = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:(\.)(\*|\d*))?(.?)", re.DOTALL)
#: As in Go.
_LONGEST_WIDTH = 1_000_000
_QUOTED = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"'}


class _Arguments:
    def __init__(self, values: tuple[Any, ...]) -> None:
        self.values = values
        self.num_used = 0

    def take(self) -> Any:
        """`IndexError` when there are no more."""
        value = self.values[self.num_used]
        self.num_used += 1
        return value


class Directive:
    """What stands between `%` and the verb."""

    __slots__ = ("flags", "precision", "verb", "width")

    def __init__(self, flags: str, width: int | None, precision: int | None, verb: str) -> None:
        self.flags, self.width, self.precision, self.verb = flags, width, precision, verb


def printf(budget: Budget, pattern: str, *values: Any) -> str:
    """Raises `GoTemplateError`."""
    arguments = _Arguments(values)
    parts: list[str] = []
    for part in _parts(budget, pattern, arguments):
        budget.take(len(part))
        parts.append(part)
    if arguments.num_used < len(values):
        parts.append(f"%!(EXTRA {', '.join([_extra(value, budget) for value in values[arguments.num_used :]])})")
    return "".join(parts)


def _parts(budget: Budget, pattern: str, arguments: _Arguments) -> Iterator[str]:
    position = 0
    for match in _DIRECTIVE.finditer(pattern):
        yield pattern[position : match.start()]
        position = match.end()
        yield from _directive(budget, match, arguments)
    yield pattern[position:]


def _directive(budget: Budget, match: re.Match[str], arguments: _Arguments) -> Iterator[str]:
    flags, width, dot, precision, verb = match.groups()
    wanted_width, complaint = _size(width, arguments, "WIDTH")
    yield complaint
    wanted_precision, complaint = _size(precision or "0", arguments, "PREC") if dot else (None, "")
    yield complaint
    if wanted_width is not None and wanted_width < 0:
        flags, wanted_width = flags + "-", -wanted_width
    if not verb:
        yield "%!(NOVERB)"
    elif verb == "%":
        yield "%"
    elif arguments.num_used >= len(arguments.values):
        yield f"%!{verb}(MISSING)" if verb != "!" else "%!!(NOVERB)"
    else:
        yield formatted(Directive(flags, wanted_width, wanted_precision, verb), arguments.take(), budget)


def _size(text: str | None, arguments: _Arguments, name: str) -> tuple[int | None, str]:
    """A width or precision, and Go's complaint when it cannot be one."""
    if text is None:
        return None, ""
    value: Any
    if text == "*":
        try:
            value = arguments.take()
        except IndexError:
            value = None
    else:
        value = int(text) if len(text) <= len(str(_LONGEST_WIDTH)) else None
    if not is_integer(value) or abs(value) > _LONGEST_WIDTH or (name == "PREC" and value < 0):
        return None, f"%!(BAD{name})" if text == "*" or value is None else ""
    return value, ""


def formatted(directive: Directive, value: Any, budget: Budget, depth: int = 0) -> str:
    """One value by one verb; of lists and maps, each element."""
    if directive.verb == "T":
        return _padded(directive, type_name(value))
    if depth > MAX_DEPTH:
        raise GoTemplateError("prints a value that is nested too deeply")
    if isinstance(value, OrderedMap | RecordList) or (isinstance(value, Record) and value.prints_json):
        value = text_of(value, budget)
    if isinstance(value, TypeNames) and len(value) < 2:
        value = "".join(value)
    if isinstance(value, list | tuple | Mapping | Record):
        return _container(directive, value, budget, depth + 1)
    text = _plain(directive, value) if directive.verb == "v" else _by_kind(directive, value)
    text = f"%!{directive.verb}({_described(value, directive)})" if text is None else text
    budget.take(len(text))
    return text


def _container(directive: Directive, value: Any, budget: Budget, depth: int) -> str:
    if isinstance(value, Mapping):
        pairs = [
            f"{formatted(directive, key, budget, depth)}:{formatted(directive, item, budget, depth)}"
            for key, item in sorted_items(value)
        ]
        return f"map[{' '.join(pairs)}]"
    items = value.fields.values() if isinstance(value, Record) else value
    inner = " ".join([formatted(directive, item, budget, depth) for item in items])
    return f"{{{inner}}}" if isinstance(value, Record) else f"[{inner}]"


def _plain(directive: Directive, value: Any) -> str:
    """As `%v`, whose plus is no sign but asks for the names of a struct's fields."""
    if isinstance(value, str):
        return _padded(directive, quoted(value) if "#" in directive.flags else value)
    if isinstance(value, float) or is_integer(value):
        unsigned = Directive(directive.flags.replace("+", ""), directive.width, directive.precision, "v")
        return _padded_number(unsigned, float_text(value) if isinstance(value, float) else _integer(unsigned, value))
    if value is None or value is ABSENT:
        return _padded(directive, "<nil>")
    return _padded(directive, "true" if value else "false")


def _by_kind(directive: Directive, value: Any) -> str | None:
    """None: the verb says nothing of such a value."""
    verb = directive.verb
    if isinstance(value, bool):
        return _padded(directive, "true" if value else "false") if verb == "t" else None
    if isinstance(value, str):
        return _of_text(directive, value)
    if isinstance(value, int):
        return _of_integer(directive, value)
    if isinstance(value, float) and verb in "eEfFgG":
        precision = directive.precision
        if precision is None and verb in "gG":
            return _padded_number(directive, float_text(value))
        return _padded_number(directive, f"{value:.{6 if precision is None else precision}{verb}}")
    return None


def _of_text(directive: Directive, value: str) -> str | None:
    cut = value if directive.precision is None else value[: directive.precision]
    match directive.verb:
        case "s":
            return _padded(directive, cut)
        case "q":
            is_raw = "#" in directive.flags and "`" not in cut and cut.isprintable()
            return _padded(directive, f"`{cut}`" if is_raw else quoted(cut))
        case "x" | "X":
            content = value.encode("utf-8", "replace").hex()
            return _padded(directive, content.upper() if directive.verb == "X" else content)
    return None


def _of_integer(directive: Directive, value: int) -> str | None:
    if directive.verb in "doxXb":
        return _padded_number(directive, _integer(directive, value))
    if directive.verb in "cqU" and 0 <= value <= 0x10FFFF:
        shown = {"c": chr(value), "q": f"'{chr(value)}'", "U": f"U+{value:04X}"}
        return _padded(directive, shown[directive.verb])
    return None


def _integer(directive: Directive, value: int) -> str:
    base = "d" if directive.verb == "v" else directive.verb
    digits = format(abs(value), base)
    prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(base, "") if "#" in directive.flags else ""
    return ("-" if value < 0 else "") + prefix + digits.zfill(directive.precision or 0)


def _padded_number(directive: Directive, text: str) -> str:
    if text[0] not in "+-":
        text = ("+" if "+" in directive.flags else " " if " " in directive.flags else "") + text
    return _padded(directive, text, zero_pads="-" not in directive.flags and "0" in directive.flags)


def _padded(directive: Directive, text: str, *, zero_pads: bool = False) -> str:
    width = directive.width or 0
    if zero_pads:
        return text.zfill(width)
    pad: Callable[[int], str] = text.ljust if "-" in directive.flags else text.rjust
    return pad(width)


def _extra(value: Any, budget: Budget) -> str:
    return "<nil>" if value is None or value is ABSENT else f"{type_name(value)}={text_of(value, budget)}"


def _described(value: Any, directive: Directive) -> str:
    """A value that its verb does not fit, with the verb's width."""
    if value is None or value is ABSENT:
        return "<nil>"
    return f"{type_name(value)}={_plain(directive, value)}"


def quoted(text: str) -> str:
    """As Go's `strconv.Quote`."""
    return '"' + "".join([_quoted_char(char) for char in text]) + '"'


def _quoted_char(char: str) -> str:
    if char in _QUOTED:
        return _QUOTED[char]
    code = ord(char)
    if char.isprintable():
        return char
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
