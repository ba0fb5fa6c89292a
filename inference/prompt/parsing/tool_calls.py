"""Parts an answer's calls of tools from its content."""

from collections.abc import Sequence
from enum import Enum, auto

from inference.grammar.tag_forms import BLOCKS, NAME_TAGS
from inference.prompt.parsing.call_reader import CallReader
from inference.prompt.parsing.calls import Call, Tools
from inference.prompt.parsing.held import first_mark, is_beginning, num_held

#: Before calls, in the notations of well-known models, whatever the template says.
COMMON_MARKS = (
    "<tool_call>",
    "[TOOL_CALLS]",
    "<|python_tag|>",
    "<|tool_call|>",
    "<function=",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁call▁begin｜>",
    "<|tool_calls_section_begin|>",
    "<|tool_call_begin|>",
    '<invoke name="',
    *BLOCKS,
)
#: Within them.
COMMON_SEPARATORS = ("[ARGS]", "[CALL_ID]", "<｜tool▁sep｜>", "<|tool_call_argument_begin|>")
#: After them.
COMMON_CLOSERS = (
    "</tool_call>",
    "[/TOOL_CALLS]",
    "<|/tool_call|>",
    "</function>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁calls▁end｜>",
    "<|tool_call_end|>",
    "<|tool_calls_section_end|>",
    "</invoke>",
    *(end for end, _tag in BLOCKS.values()),
    "<|eom_id|>",
)
_FENCE = "```"
#: Those that are part of the call.
_OPENING_MARKS = tuple(NAME_TAGS)


class _State(Enum):
    START = auto()
    CONTENT = auto()
    CALL = auto()
    AFTER = auto()


class ToolCallSplitter:
    """Nothing that may become a call is given out as content; what does not become one is, in the end, given out in full.
    White space before and after calls is left out."""

    def __init__(self, tools: Tools, marks: Sequence[str] = ()) -> None:
        """`marks` stand before calls, besides the common ones. JSON that an answer begins with may be a call too."""
        self._tools = tools
        self._marks = tuple(dict.fromkeys((*marks, *COMMON_MARKS)))
        closers = [f"</{mark[1:]}" for mark in marks if mark.startswith("<") and mark.endswith(">")]
        self._closers = tuple(dict.fromkeys((*closers, *COMMON_CLOSERS)))
        self._state = _State.START
        self._text = ""
        #: What stands before the call that is being read, white space and mark, in case it is none.
        self._before = ""
        self._reader: CallReader | None = None
        #: The call stood in a fence of Markdown, whose end is to come.
        self._is_fenced = False

    def feed(self, text: str) -> list[str | Call]:
        """Texts of content and calls, in order."""
        self._text += text
        pieces: list[str | Call] = []
        while self._step(pieces):
            pass
        return pieces

    def finish(self) -> list[str | Call]:
        """What was held back, when the answer ends."""
        rest, self._text = self._before + self._text, ""
        is_closer = self._state is _State.AFTER and len(rest.strip()) > 1 and is_beginning(rest.strip(), self._closers)
        kept = "" if is_closer else rest.strip() if self._state is _State.AFTER else rest
        return [kept] if kept else []

    def _step(self, pieces: list[str | Call]) -> bool:
        """Whether there may be more to do."""
        if not self._text:
            return False
        match self._state:
            case _State.START:
                return self._start()
            case _State.CONTENT:
                return self._content(pieces)
            case _State.CALL:
                return self._call(pieces)
            case _State.AFTER:
                return self._after()

    def _start(self) -> bool:
        begun = self._text.lstrip()
        space = self._text[: len(self._text) - len(begun)]
        if not begun:
            return False
        if begun[0] in "{[" and not is_beginning(begun, self._marks) and not begun.startswith(self._marks):
            self._open(space, begun, is_bare=True)
            return True
        matching = [mark for mark in self._marks if begun.startswith(mark)]
        if matching:
            mark = min(matching, key=len)
            self._open_marked(space, mark, begun[len(mark) :])
            return True
        if is_beginning(begun, self._marks):
            return False
        self._state = _State.CONTENT
        return True

    def _open_marked(self, space: str, mark: str, rest: str) -> None:
        if mark in _OPENING_MARKS:
            self._open(space, mark + rest, is_bare=False)
        else:
            self._open(space + mark, rest, is_bare=False)

    def _open(self, before: str, text: str, *, is_bare: bool) -> None:
        self._before, self._text = before, text
        self._reader = CallReader(self._tools, is_bare=is_bare, has_margin="<seed:tool_call>" not in before)
        self._state = _State.CALL

    def _content(self, pieces: list[str | Call]) -> bool:
        found = first_mark(self._text, self._marks)
        if found is None:
            certain = len(self._text) - num_held(self._text, self._marks)
            pieces += [self._text[:certain]] if certain else []
            self._text = self._text[certain:]
            return False
        start, mark = found
        pieces += [self._text[:start]] if start else []
        self._open_marked("", mark, self._text[start + len(mark) :])
        return True

    def _call(self, pieces: list[str | Call]) -> bool:
        assert self._reader is not None
        reading = self._reader.read(self._text)
        if reading is None:
            return False
        end, before = reading.end, self._before
        if reading.calls:
            pieces += reading.calls
            self._is_fenced = _FENCE in before + self._text[:end]
            self._state = _State.AFTER
        else:
            # At least a character goes out, so that the same place is not read again.
            end = end if end or before.strip() else 1
            pieces.append(before + self._text[:end])
            self._state = _State.CONTENT
        self._text, self._before, self._reader = self._text[end:], "", None
        return True

    def _after(self) -> bool:
        self._text = self._text.lstrip()
        closers = (*self._closers, _FENCE) if self._is_fenced else self._closers
        for closer in closers:
            if self._text.startswith(closer):
                self._text = self._text[len(closer) :]
                return True
        if not self._text or is_beginning(self._text, (*closers, *self._marks)):
            return False
        if self._text[0] in ",;":
            following = self._text[1:].lstrip()
            if not following:
                return False
            if following[0] == "{":
                self._text = following
            else:
                self._state = _State.CONTENT
            return True
        self._state = _State.START
        return True
