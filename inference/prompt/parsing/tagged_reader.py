"""Reads a call's arguments that are written between tags, as they grow, looking at each character about once."""

import re

from inference.grammar.tag_forms import TagForm
from inference.prompt.parsing.held import is_beginning
from inference.prompt.parsing.json_scanner import JsonScanner

_JSON_START = re.compile(r'\s*([{\["])')
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class TaggedReader:
    def __init__(self, form: TagForm, start: int, in_json: frozenset[str]) -> None:
        """`start` is where the first argument may stand. `in_json` names those whose values are JSON, in whose strings tags are
        none; the values of others end with the first closing tag."""
        self._form = form
        self._after_key = re.compile(r"\s*".join(map(re.escape, form.after_key)))
        self._in_json = in_json
        self._position = start
        #: Up to here there is no closing tag.
        self._searched = 0
        self._scanner: JsonScanner | None = None
        #: The arguments that are complete, in order.
        self.pairs: list[tuple[str, str]] = []

    def end(self, text: str) -> int | None:
        """The place where the end tag begins, or None as long as it is not there. `text` is the same as before, or longer."""
        while True:
            opening, end = (text.find(tag, self._position) for tag in (self._form.opening, self._form.end))
            if end >= 0 and not 0 <= opening < end:
                return end
            if opening < 0 or not self._read_argument(text, opening + len(self._form.opening)):
                return None

    def _read_argument(self, text: str, start: int) -> bool:
        found = self._after_key.search(text, start)
        if found is None:
            return False
        name, value = text[start : found.start()].strip(), found.end()
        end = self._end_of_json(text, value) if name in self._in_json else self._closing(text, value)
        if end is None:
            return False
        margin = self._form.margin
        self.pairs.append((name, text[value:end].removeprefix(margin).removesuffix(margin)))
        self._position, self._searched, self._scanner = end + len(self._form.closing), 0, None
        return True

    def _closing(self, text: str, start: int) -> int | None:
        closing = self._form.closing
        end = text.find(closing, max(start, self._searched))
        self._searched = len(text) - len(closing) + 1
        return None if end < 0 else end

    def _end_of_json(self, text: str, start: int) -> int | None:
        """Of a value that is JSON; of any other, as of a text."""
        begun = _JSON_START.match(text, start)
        if begun is None:
            return self._closing(text, start)
        end = self._end_of_string(text, begun.start(1)) if begun[1] == '"' else self._end_of_brackets(text, begun.start(1))
        if end is None:
            return None
        rest = text[end:].lstrip()
        if rest.startswith(self._form.closing):
            return len(text) - len(rest)
        if not rest or is_beginning(rest, [self._form.closing]):
            return None
        self._searched = 0
        return self._closing(text, start)

    def _end_of_brackets(self, text: str, start: int) -> int | None:
        self._scanner = self._scanner or JsonScanner(start)
        end = self._scanner.end(text)
        self._scanner = None if end is not None else self._scanner
        return end

    def _end_of_string(self, text: str, start: int) -> int | None:
        found = _JSON_STRING.match(text, start)
        return found.end() if found else None
