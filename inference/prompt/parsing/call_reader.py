"""Reads the place in an answer where a call of a tool may stand, as it grows."""

import re
from dataclasses import dataclass

from inference.grammar.tag_forms import FORMS, TagForm
from inference.prompt.parsing.calls import Call, Tools, calls_in_json
from inference.prompt.parsing.json_scanner import JsonScanner
from inference.prompt.parsing.tagged_reader import TaggedReader

#: What a call begins with, behind what marks it: a bracket that opens a list only where an object, a list or nothing is in it.
#: A tool without arguments may be nothing but its name.
_OPENER = re.compile(r"<function=|<invoke name=\"|<arg_key>|</tool_call>|\{|\[(?=\s{0,32}[\[{\]])")
_MAY_OPEN = re.compile(r"\[\s{0,32}\Z|</?[a-z_]{0,9}\Z|<invoke [a-z=\"]{0,6}\Z")
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
    def __init__(self, tools: Tools, *, is_bare: bool, has_margin: bool = True) -> None:
        """`is_bare`: nothing marks the call; it has to begin at once. `has_margin`: a value behind `<parameter=` has one."""
        self._has_margin = has_margin
        self._tools = tools
        self._is_bare = is_bare
        self._opener: re.Match[str] | None = None
        self._scanner: JsonScanner | None = None
        self._arguments: TaggedReader | None = None
        #: Of JSON within a tag, and where it ended.
        self._inner: JsonScanner | None = None
        self._end_of_json: int | None = None

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
        match self._opener.group():
            case "<function=":
                return self._read_function(text, ">", FORMS["parameters" if self._has_margin else "seed"])
            case '<invoke name="':
                return self._read_function(text, '">', FORMS["invoke"])
            case "<arg_key>":
                return self._read_arguments(text, text[: self._opener.start()], FORMS["pairs"], self._opener.start())
            case _:
                # Of a tool without arguments, in the notation where they are pairs.
                name = text[: self._opener.start()].strip()
                return Reading(self._opener.start(), [(name, {})]) if name in self._tools else Reading(0)

    def _read_function(self, text: str, behind_name: str, form: TagForm) -> Reading | None:
        assert self._opener is not None
        start = self._opener.end()
        after_name = text.find(behind_name, start)
        if after_name < 0 or after_name - start > _MAX_HEAD:
            return Reading(0) if max(after_name, len(text)) - start > _MAX_HEAD else None
        begin = after_name + len(behind_name)
        body = text[begin:].lstrip()
        name = text[start:after_name]
        if not body:
            return None if name.strip() in self._tools else Reading(0)
        if body[0] != "{":
            return self._read_arguments(text, name, form, begin)
        if name.strip() not in self._tools:
            return Reading(0)
        return self._read_json_in_tag(text, name, len(text) - len(body), form.end)

    def _read_json_in_tag(self, text: str, name: str, start: int, closing: str) -> Reading | None:
        self._inner = self._inner or JsonScanner(start)
        if self._end_of_json is None:
            self._end_of_json = self._inner.end(text)
        if self._inner.is_too_deep:
            return Reading(0)
        if self._end_of_json is None:
            return None
        end = text.find(closing, self._end_of_json)
        if end < 0:
            return None
        return Reading(end + len(closing), calls_in_json(text[start : self._end_of_json], name, self._tools))

    def _read_arguments(self, text: str, name: str, form: TagForm, start: int) -> Reading | None:
        name = name.strip()
        if name not in self._tools:
            return Reading(0)
        self._arguments = self._arguments or TaggedReader(form, start, self._tools.in_json_of(name))
        end = self._arguments.end(text)
        if end is None:
            return None
        call = self._tools.call_in_tags(name, self._arguments.pairs)
        return Reading(end + len(form.end) if form is not FORMS["pairs"] else end, [call])
