"""Regular expressions of JSON schemas (`pattern`), as rules for the inside of a JSON string or for a plain text."""

import re
from collections.abc import Callable

from inference.errors import InvalidRequest
from inference.grammar.characters import ANY, CharacterSet, complement, in_json_string, united
from inference.grammar.rules import Rules

_MAX_PATTERN_CHARACTERS = 1024
_MAX_DEPTH = 20
_MAX_REPETITIONS = 1000
_DIGITS: CharacterSet = ((0x30, 0x39),)
_WORD: CharacterSet = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACES: CharacterSet = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))
_NO_LINE_END = complement(((0x0A, 0x0A), (0x0D, 0x0D)))
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACES} | {
    "D": complement(_DIGITS), "W": complement(_WORD), "S": complement(_SPACES),
}  # fmt: skip
_CONTROLS = {"n": 0x0A, "t": 0x09, "r": 0x0D, "f": 0x0C, "0": 0x00, "v": 0x0B}
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})")
_BRACES = re.compile(r"\{(\d{1,6})(,)?(\d{1,6})?\}")
_GROUP = re.compile(r"\((?:\?(?::|P?<[A-Za-z_]\w*>))?")


class PatternReader:
    """Recursive descent; each method returns an expression and whether it may be nothing at all."""

    def __init__(self, pattern: str, rules: Rules, *, write: Callable[[CharacterSet], str] = in_json_string) -> None:
        """`write` gives the expression for one character of a set, empty where there is none."""
        if len(pattern) > _MAX_PATTERN_CHARACTERS:
            raise InvalidRequest(f"format: a pattern is longer than {_MAX_PATTERN_CHARACTERS} characters.")
        self._pattern = pattern
        self._rules = rules
        self._write = write
        self._at = 0
        self._anything = f"{self._one(ANY)}*"

    def expression(self) -> str:
        """For all strings in which the pattern is found. Raises `InvalidRequest` for what cannot be expressed."""
        found = [self._anchored_branch()]
        while self._take("|"):
            found.append(self._anchored_branch())
        if self._at < len(self._pattern):
            raise self._error("a ) closes nothing")
        return self._rules.add(" | ".join(found))

    def _anchored_branch(self) -> str:
        """^ and $ stand for themselves only at the ends of the whole pattern's branches."""
        before = "" if self._take("^") else self._anything
        body, _ = self._sequence(0)
        after = "" if self._take("$") else self._anything
        return " ".join(part for part in (before, body, after) if part) or '""'

    def _alternatives(self, depth: int) -> tuple[str, bool]:
        if depth > _MAX_DEPTH:
            raise self._error("groups are nested too deeply")
        parts = [self._sequence(depth)]
        while self._take("|"):
            parts.append(self._sequence(depth))
        body = " | ".join(body or '""' for body, _ in parts)
        return (self._rules.add(body) if len(parts) > 1 else body), any(is_hollow for _, is_hollow in parts)

    def _sequence(self, depth: int) -> tuple[str, bool]:
        parts, is_hollow = [], True
        while self._at < len(self._pattern) and self._peek() not in "|)":
            if self._peek() == "$" and depth == 0 and self._pattern[self._at + 1 : self._at + 2] in ("", "|"):
                break
            body, may_be_nothing = self._repeated(*self._atom(depth))
            parts.append(body)
            is_hollow = is_hollow and may_be_nothing
        return " ".join(part for part in parts if part), is_hollow

    def _repeated(self, body: str, is_hollow: bool) -> tuple[str, bool]:
        least, most = 1, 1
        match = _BRACES.match(self._pattern, self._at)
        if match:
            self._at = match.end()
            least = int(match[1])
            most = int(match[3]) if match[3] else None if match[2] else least  # type: ignore[assignment]
        elif self._at < len(self._pattern) and self._peek() in "*+?":
            sign = self._pattern[self._at]
            self._at += 1
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]  # type: ignore[assignment]
        else:
            return body, is_hollow
        # Taking as little as possible finds the same strings.
        self._take("?")
        if self._at < len(self._pattern) and self._peek() in "*+?":
            raise self._error("a repetition cannot be repeated")
        if max(least, most or 0) > _MAX_REPETITIONS or (most is not None and most < least):
            raise self._error(f"a repetition has to be in order and at most {_MAX_REPETITIONS}")
        if is_hollow:
            raise self._error("what may be empty cannot be repeated")
        return self._rules.repeat(self._rules.add(body), least, most), least == 0

    def _atom(self, depth: int) -> tuple[str, bool]:
        character = self._peek()
        if character == "(":
            match = _GROUP.match(self._pattern, self._at)
            assert match is not None, "it begins with the parenthesis"
            self._at = match.end()
            if self._pattern.startswith("?", self._at):
                raise self._error("looking ahead or behind is not possible")
            body, is_hollow = self._alternatives(depth + 1)
            if not self._take(")"):
                raise self._error("a group is not closed")
            return (f"({body})" if body else ""), is_hollow
        self._at += 1
        if character == "[":
            return self._one(self._class()), False
        if character == ".":
            return self._one(_NO_LINE_END), False
        if character == "\\":
            return self._one(self._escape()), False
        if character in "^$*+?{":
            raise self._error(f"{character} cannot stand here")
        return self._one(((ord(character), ord(character)),)), False

    def _class(self) -> CharacterSet:
        is_negated, ranges = self._take("^"), list[tuple[int, int]]()
        while not self._take("]"):
            low = self._class_member()
            is_range = self._pattern.startswith("-", self._at) and not self._pattern.startswith("-]", self._at)
            if not is_range:
                ranges += low
                continue
            self._at += 1
            high = self._class_member()
            if len(low) != 1 or len(high) != 1 or low[0][0] != low[0][1] or high[0][0] < low[0][0]:
                raise self._error("a range of characters is not in order")
            ranges.append((low[0][0], high[0][1]))
        found = united(ranges)
        return complement(found) if is_negated else found

    def _class_member(self) -> CharacterSet:
        character = self._peek()
        self._at += 1
        if character == "\\":
            return ((0x08, 0x08),) if self._take("b") else self._escape()
        return ((ord(character), ord(character)),)

    def _escape(self) -> CharacterSet:
        if match := _HEX.match(self._pattern, self._at):
            self._at = match.end()
            code = int(match[1] or match[2], 16)
            return ((code, code),)
        character = self._peek()
        self._at += 1
        if character in _CLASSES:
            return _CLASSES[character]
        if character.isalnum() and character not in _CONTROLS:
            raise self._error(f"\\{character} is not possible")
        code = _CONTROLS.get(character, ord(character))
        return ((code, code),)

    def _one(self, characters: CharacterSet) -> str:
        expression = self._write(characters)
        if not expression:
            raise self._error("no character is possible at one place")
        return self._rules.add(expression)

    def _peek(self) -> str:
        if self._at >= len(self._pattern):
            raise self._error("it ends too early")
        return self._pattern[self._at]

    def _take(self, text: str) -> bool:
        is_there = self._pattern.startswith(text, self._at)
        self._at += len(text) * is_there
        return is_there

    def _error(self, what: str) -> InvalidRequest:
        return InvalidRequest(f"format: a pattern cannot be used: {what} (at character {self._at + 1}).")
