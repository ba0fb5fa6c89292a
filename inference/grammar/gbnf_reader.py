"""Reads the rules of a GBNF grammar: what refers to what, and how often it repeats."""

import re
from dataclasses import dataclass

from inference.errors import InvalidRequest
from inference.grammar.characters import ANY, CharacterSet, complement, united

MAX_REPETITIONS = 1000
_MAX_DEPTH = 32
_MAX_RULES = 5000
_SPACE = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_SPACE_AND_LINES = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_ESCAPE = r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[tnr\\\"\[\]])"
_CHARACTER = re.compile(rf"{_ESCAPE}|.", re.DOTALL)
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r"}
_LITERAL = re.compile(rf'"((?:{_ESCAPE}|[^"\\])*)"')
_CLASS = re.compile(rf"\[\^?(?:{_ESCAPE}|[^\]\\])+\]")
_BRACES = re.compile(r"\{[ \t]*(\d{1,6})[ \t]*(,)?[ \t]*(\d{1,6})?[ \t]*\}")
_REPEATS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


@dataclass(frozen=True, slots=True)
class Item:
    """A reference to a rule, a group, or characters. `most` None is without end."""

    name: str = ""
    group: "Alternatives | None" = None
    #: Where it is neither: the characters at each place of its text.
    units: tuple[CharacterSet, ...] = ()
    least: int = 1
    most: int | None = 1

    @property
    def first(self) -> CharacterSet:
        """What its text may begin with; nothing for "", a reference and a group."""
        return self.units[0] if self.units else ()


Alternatives = list[list[Item]]


def read_rules(text: str) -> dict[str, Alternatives]:
    """Raises `InvalidRequest` naming the line at fault."""
    return _Reader(text).rules()


class _Reader:
    def __init__(self, text: str) -> None:
        if "\0" in text:
            raise InvalidRequest("The grammar has a zero byte in it.")
        self._text = text
        self._at = 0

    def rules(self) -> dict[str, Alternatives]:
        rules: dict[str, Alternatives] = {}
        self._skip(_SPACE_AND_LINES)
        while self._at < len(self._text):
            name = self._name()
            if name in rules or len(rules) >= _MAX_RULES:
                raise self._error(f"the rule {name} is there twice" if name in rules else "there are too many rules")
            self._skip(_SPACE)
            if not self._text.startswith("::=", self._at):
                raise self._error("::= was expected after a rule's name")
            self._at += 3
            self._skip(_SPACE_AND_LINES)
            rules[name] = self._alternatives(0)
            if self._at < len(self._text) and self._text[self._at] not in "\r\n":
                raise self._error("the end of the rule was expected")
            self._skip(_SPACE_AND_LINES)
        return rules

    def _alternatives(self, depth: int) -> Alternatives:
        if depth > _MAX_DEPTH:
            raise self._error("groups are nested too deeply")
        space = _SPACE_AND_LINES if depth else _SPACE
        found: Alternatives = [[]]
        while self._at < len(self._text):
            if self._text[self._at] == "|":
                self._at += 1
                self._skip(_SPACE_AND_LINES)
                found.append([])
                continue
            item = self._item(depth)
            if item is None:
                break
            self._skip(space)
            item = self._repeated(item)
            self._skip(space)
            found[-1].append(item)
        return found

    def _item(self, depth: int) -> Item | None:
        """None at what can be no item, which is left for the caller."""
        character = self._text[self._at]
        if character == "(":
            self._at += 1
            self._skip(_SPACE_AND_LINES)
            group = self._alternatives(depth + 1)
            if not self._text.startswith(")", self._at):
                raise self._error("a group is not closed")
            self._at += 1
            return Item(group=group)
        if character == ".":
            self._at += 1
            return Item(units=(ANY,))
        if match := (_LITERAL if character == '"' else _CLASS).match(self._text, self._at):
            self._at = match.end()
            return Item(units=_units_of(match[0]))
        if _NAME.match(self._text, self._at):
            return Item(name=self._name())
        if character in '"[<!*+?{':
            raise self._error(f"what begins with {character} cannot be used here")
        return None

    def _repeated(self, item: Item) -> Item:
        if self._at >= len(self._text):
            return item
        if repeat := _REPEATS.get(self._text[self._at]):
            self._at += 1
            least, most = repeat
        elif match := _BRACES.match(self._text, self._at):
            self._at = match.end()
            least = int(match[1])
            most = int(match[3]) if match[3] else None if match[2] else least
        else:
            return item
        if max(least, most or 0) > MAX_REPETITIONS or (most is not None and most < least):
            raise self._error(f"a repetition has to be in order and at most {MAX_REPETITIONS}")
        return Item(item.name, item.group, item.units, least, most)

    def _name(self) -> str:
        match = _NAME.match(self._text, self._at)
        if match is None:
            raise self._error("a rule's name was expected")
        self._at = match.end()
        return match[0]

    def _skip(self, space: re.Pattern[str]) -> None:
        match = space.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _error(self, what: str) -> InvalidRequest:
        line = self._text.count("\n", 0, self._at) + 1
        return InvalidRequest(f"The grammar cannot be read: in line {line}, {what}.")


def _units_of(text: str) -> tuple[CharacterSet, ...]:
    """The characters at each place of a literal, or of a class of characters, as it is written."""
    codes = [_code(match[0]) for match in _CHARACTER.finditer(text, 1, len(text) - 1)]
    if text[0] == '"':
        return tuple(((code, code),) for code in codes)
    is_negated = text[1] == "^"
    units = [match[0] for match in _CHARACTER.finditer(text, 1 + is_negated, len(text) - 1)]
    ranges, index = [], 0
    while index < len(units):
        is_range = units[index + 1 : index + 2] == ["-"] and index + 2 < len(units)
        low, high = _code(units[index]), _code(units[index + 2 if is_range else index])
        ranges.append((low, max(low, high)))
        index += 3 if is_range else 1
    found = united(ranges)
    return (complement(found) if is_negated else found,)


def _code(unit: str) -> int:
    if len(unit) == 1:
        return ord(unit)
    kind, digits = unit[1], unit[2:]
    return int(digits, 16) if kind in "xuU" else ord(_CONTROLS.get(kind, kind))
