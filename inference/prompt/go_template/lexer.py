"""The text of a Go template to tokens, as text/template/parse of Go's standard library cuts it.

White space: `{{- ` takes away what stands before it and ` -}}` what stands after it. The minus belongs to the delimiter only
with a space beside it: `{{-3}}` is a number.
"""

import re
from dataclasses import dataclass
from typing import Literal

from inference.prompt.go_template.errors import GoTemplateError

Kind = Literal[
    "text", "open", "close", "end", "space", "assign", "declare", "pipe", "comma", "(", ")", "dot", "field", "variable",
    "identifier", "keyword", "bool", "nil", "number", "string", "char",
]  # fmt: skip

KEYWORDS = frozenset(("block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"))
MAX_SOURCE_CHARS = 512 * 1024
_SPACE = " \t\r\n"
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*|0[bB][01_]*"
    r"|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)"
)
_QUOTED = {
    '"': re.compile(r'"(?:[^"\\\n]|\\[^\n])*"'),
    "'": re.compile(r"'(?:[^'\\\n]|\\[^\n])*'"),
    "`": re.compile(r"`[^`]*`"),
}
_PUNCTUATION: dict[str, Kind] = {"|": "pipe", ",": "comma", "=": "assign", "(": "(", ")": ")"}


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    #: In characters from the start of the source.
    position: int


def tokens_of(source: str) -> list[Token]:
    """Ends with one token "end". Raises `GoTemplateError`."""
    if len(source) > MAX_SOURCE_CHARS:
        raise GoTemplateError(f"is longer than {MAX_SOURCE_CHARS} characters")
    return _Lexer(source).run()


def error_at(source: str, position: int, message: str) -> GoTemplateError:
    return GoTemplateError(f"has an error in line {source.count(chr(10), 0, position) + 1}: {message}")


class _Lexer:
    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._tokens: list[Token] = []
        self._num_open_parens = 0

    def run(self) -> list[Token]:
        source, trims_left = self._source, False
        while True:
            start = source.find("{{", self._position)
            text = source[self._position : start if start >= 0 else len(source)]
            if trims_left:
                text = text.lstrip(_SPACE)
            if start < 0:
                break
            trims_right = source[start + 2 : start + 3] == "-" and source[start + 3 : start + 4] in tuple(_SPACE)
            self._add("text", text.rstrip(_SPACE) if trims_right else text)
            self._position = start + (4 if trims_right else 2)
            if source.startswith("/*", self._position):
                trims_left = self._comment()
            else:
                self._add("open", "{{")
                trims_left = self._action(start)
        self._add("text", text)
        self._position = len(source)
        self._tokens.append(Token("end", "", len(source)))
        return self._tokens

    def _add(self, kind: Kind, text: str) -> None:
        if text or kind != "text":
            self._tokens.append(Token(kind, text, self._position))

    def _error(self, message: str, position: int | None = None) -> GoTemplateError:
        return error_at(self._source, self._position if position is None else position, message)

    def _comment(self) -> bool:
        end = self._source.find("*/", self._position + 2)
        if end < 0:
            raise self._error("unclosed comment")
        self._position = end + 2
        trims_left = self._close()
        if trims_left is None:
            raise self._error("comment ends before closing delimiter")
        return trims_left

    def _close(self) -> bool | None:
        """Passes a closing delimiter; says whether it trims. None: there is none here."""
        source, position = self._source, self._position
        if source.startswith("}}", position):
            self._position += 2
            return False
        if source[position : position + 1] in tuple(_SPACE) and source.startswith("-}}", position + 1):
            self._position += 4
            return True
        return None

    def _action(self, start: int) -> bool:
        """Up to and with the closing delimiter; says whether that trims what follows."""
        while True:
            position = self._position
            trims_left = self._close()
            if trims_left is not None:
                if self._num_open_parens:
                    raise self._error("unclosed left paren", position)
                self._tokens.append(Token("close", "}}", position))
                return trims_left
            if position >= len(self._source):
                raise self._error("unclosed action", start)
            self._next()

    def _next(self) -> None:
        source, position = self._source, self._position
        char = source[position]
        if char in _SPACE:
            self._spaces()
        elif source.startswith(":=", position):
            self._take("declare", 2)
        elif char in _PUNCTUATION:
            self._count_paren(char)
            self._take(_PUNCTUATION[char], 1)
        elif char in _QUOTED:
            match = _QUOTED[char].match(source, position)
            if match is None:
                raise self._error("unterminated quoted string")
            self._take("char" if char == "'" else "string", match.end() - position)
        elif char in "$.":
            self._name(char)
        elif char in "+-" or "0" <= char <= "9":
            self._number()
        elif _is_alphanumeric(char):
            self._word()
        else:
            raise self._error(f"unexpected {char!r}")

    def _take(self, kind: Kind, size: int) -> None:
        self._add(kind, self._source[self._position : self._position + size])
        self._position += size

    def _spaces(self) -> None:
        """A space that belongs to ` -}}` is left."""
        end = self._position
        while end < len(self._source) and self._source[end] in _SPACE:
            end += 1
        if self._source.startswith("-}}", end):
            end -= 1
        if end > self._position:
            self._take("space", end - self._position)

    def _count_paren(self, char: str) -> None:
        self._num_open_parens += {"(": 1, ")": -1}.get(char, 0)
        if self._num_open_parens < 0:
            raise self._error("unexpected right paren")

    def _name(self, char: str) -> None:
        if char == "." and self._source[self._position + 1 : self._position + 2].isdecimal():
            self._number()
            return
        size = self._word_size(self._position + 1) + 1
        kind: Kind = "variable" if char == "$" else "field" if size > 1 else "dot"
        self._take(kind, size)
        self._check_terminator()

    def _word(self) -> None:
        size = self._word_size(self._position)
        word = self._source[self._position : self._position + size]
        kind: Kind = "identifier"
        if word in KEYWORDS:
            kind = "keyword"
        elif word in ("true", "false"):
            kind = "bool"
        elif word == "nil":
            kind = "nil"
        self._take(kind, size)
        self._check_terminator()

    def _word_size(self, start: int) -> int:
        end = start
        while end < len(self._source) and _is_alphanumeric(self._source[end]):
            end += 1
        return end - start

    def _number(self) -> None:
        match = _NUMBER.match(self._source, self._position)
        assert match is not None, "every part of it may be empty"
        size = match.end() - self._position
        if not size or _is_alphanumeric(self._source[match.end() : match.end() + 1]):
            raise self._error("bad number syntax")
        self._take("number", size)

    def _check_terminator(self) -> None:
        following = self._source[self._position : self._position + 1]
        if following and following not in " \t\r\n.,|:()" and not self._source.startswith("}}", self._position):
            raise self._error(f"bad character {following!r}")


def _is_alphanumeric(char: str) -> bool:
    return char == "_" or char.isalpha() or char.isdecimal()
