"""Reads the place in an answer where a call of a tool may stand, as it grows."""

import re
from dataclasses import dataclass

from inference.prompt.parsing.calls import Call, Tools, call_in_function_tag, call_in_pairs, calls_in_json
from inference.prompt.parsing.json_scanner import JsonScanner

#: What a call begins with, behind what marks it: a bracket that opens a list only where an object, a list or nothing is in it.
_OPENER = re.compile(r"<function=|<arg_key>|\{|\[(?=\s{0,32}[\[{\]])")
_MAY_OPEN = re.compile(r"\[\s{0,32}\Z|<[a-z_]{0,9}\Z")
#: Most text between a mark and the call itself, such as a tool's name.
_MAX_HEAD = 256
#: A bare JSON value whose beginning, so many characters, names no tool is an answer: it is not held back any longer.
_MAX_UNNAMED = 512
_MAX_CALL = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read up to `end`: the calls, or that there are none."""

    end: int
    calls: list[Call] | None = None


class CallReader:
    def __init__(self, tools: Tools, *, is_bare: bool) -> None:
        """`is_bare`: nothing marks the call; it has to begin at once."""
        self._tools = tools
        self._is_bare = is_bare
        self._opener: re.Match[str] | None = None
        self._scanner: JsonScanner | None = None

    def read(self, text: str) -> Reading | None:
        """None as long as it is not decided. `text` is the same as before, or longer."""
        if self._opener is None:
            self._opener = _OPENER.search(text)
            if self._opener is None:
                return self._without_opener(text)
            if self._opener.start() > (0 if self._is_bare else _MAX_HEAD):
                return Reading(0)
            self._scanner = JsonScanner(self._opener.start()) if self._opener.group() in "{[" else None
        reading = self._checked(self._read_json(text) if self._scanner is not None else self._read_tagged(text))
        size = len(text) if reading is None else reading.end
        return Reading(0) if size > _MAX_CALL else reading

    def _checked(self, reading: Reading | None) -> Reading | None:
        """Calls whose arguments are not what the tool takes are none: whoever offers a tool can rely on that."""
        if reading is None or not reading.calls or all(self._tools.accept(call) for call in reading.calls):
            return reading
        return Reading(reading.end)

    def _without_opener(self, text: str) -> Reading | None:
        may_open = _MAY_OPEN.search(text)
        if self._is_bare:
            return None if may_open is not None and may_open.start() == 0 else Reading(0)
        is_over = len(text) > _MAX_HEAD and (may_open is None or may_open.start() > _MAX_HEAD)
        return Reading(0) if is_over else None

    def _read_json(self, text: str) -> Reading | None:
        assert self._scanner is not None
        assert self._opener is not None
        end = self._scanner.end(text)
        if self._is_bare and not self._may_name_a_tool(text, end):
            return Reading(0)
        if self._scanner.is_too_deep:
            return Reading(0)
        if end is None:
            return None
        start = self._opener.start()
        return Reading(end, calls_in_json(text[start:end], text[:start], self._tools))

    def _may_name_a_tool(self, text: str, end: int | None) -> bool:
        is_decided = end is not None or len(text) >= _MAX_UNNAMED
        return not is_decided or self._tools.first_in(text[:end][:_MAX_UNNAMED]) is not None

    def _read_tagged(self, text: str) -> Reading | None:
        assert self._opener is not None
        start, is_function = self._opener.start(), self._opener.group() == "<function="
        closing = "</function>" if is_function else "</tool_call>"
        found = text.find(closing, start)
        if found < 0:
            return None
        if is_function:
            end = found + len(closing)
            return Reading(end, call_in_function_tag(text[start:end], self._tools))
        return Reading(found, call_in_pairs(text[:start], text[start:found], self._tools))
