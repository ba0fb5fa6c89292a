"""Reads a call's arguments that are written between tags, as they grow, looking at each character about once."""

import re

from inference.grammar.tag_forms import TagForm
from inference.prompt.parsing.held import is_beginning
from inference.prompt.parsing.json_scanner import JsonScanner

_JSON_START = re.compile(r'\s*([{\["])')
_SPACE = re.compile(r"\s*")


class TaggedReader:
    def __init__(self, form: TagForm, start: int, in_json: frozenset[str]) -> None:
        """`start` is where the first argument may stand. `in_json` names those whose values are JSON, in whose strings tags are
        none; the values of others end with the first closing tag."""
        self._form = form
        self._after_key = re.compile(r"\s*".join(map(re.escape, form.after_key)))
        self._in_json = in_json
        self._position = start
        #: Of the argument whose value is being read: its name, and where the value begins.
        self._name = ""
        self._value: int | None = None
        #: Up to here the value has no closing tag.
        self._searched = 0
        self._scanner: JsonScanner | None = None
        self._end_of_json: int | None = None
        #: The arguments that are complete, in order.
        self.pairs: list[tuple[str, str]] = []

    def end(self, text: str) -> int | None:
        """The place where the end tag begins, or None as long as it is not there. `text` is the same as before, or longer."""
        while True:
            if self._value is None:
                opening, end = (text.find(tag, self._position) for tag in (self._form.opening, self._form.end))
                if end >= 0 and not 0 <= opening < end:
                    return end
                if opening < 0 or not self._begin(text, opening + len(self._form.opening)):
                    return None
            if not self._finish(text):
                return None

    def _begin(self, text: str, start: int) -> bool:
        """Whether the name is there, whose value comes next."""
        found = self._after_key.search(text, start)
        if found is None:
            return False
        self._name, self._value = text[start : found.start()].strip(), found.end()
        self._searched, self._scanner, self._end_of_json = found.end(), None, None
        return True

    def _finish(self, text: str) -> bool:
        """Whether the value is there to its closing tag."""
        end = self._closing_after_json(text) if self._name in self._in_json else self._closing(text)
        if end is None:
            return False
        margin = self._form.margin
        self.pairs.append((self._name, text[self._value : end].removeprefix(margin).removesuffix(margin)))
        self._position, self._value = end + len(self._form.closing), None
        return True

    def _closing(self, text: str) -> int | None:
        closing = self._form.closing
        end = text.find(closing, self._searched)
        self._searched = max(self._searched, len(text) - len(closing) + 1)
        return None if end < 0 else end

    def _closing_after_json(self, text: str) -> int | None:
        """Of a value that is JSON; of any other, as of a text."""
        if self._scanner is None:
            begun = _JSON_START.match(text, self._value or 0)
            if begun is None:
                return self._closing(text)
            self._scanner = JsonScanner(begun.start(1))
        if self._end_of_json is None:
            self._end_of_json = self._scanner.end(text)
        if self._end_of_json is None:
            return None
        found = _SPACE.match(text, self._end_of_json)
        assert found is not None, "it matches anything"
        closing, rest = self._form.closing, found.end()
        if text.startswith(closing, rest):
            return rest
        may_come = rest == len(text) or is_beginning(text[rest : rest + len(closing)], [closing])
        return None if may_come else self._closing(text)
