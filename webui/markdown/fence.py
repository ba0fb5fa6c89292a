"""An open code fence at the top level: where its code begins, which line will close it, how much of it is safe to show."""

import re
from dataclasses import dataclass

# Any number of marks may grow into the line that closes the fence: such an unfinished last line is held back.
_MAYBE_CLOSING = re.compile(r" {0,3}(?:`*|~*)[ \t]*\r?\Z")
_OPENING = re.compile(r"( {0,3})(`{3,}|~{3,})([^\n]*)\n")


@dataclass(slots=True)
class Fence:
    """Offsets are in characters of the whole text."""

    start: int
    code_start: int
    info: str
    indent: int
    closing: re.Pattern[str]
    scanned: int

    def find_end(self, text: str, complete_end: int) -> int | None:
        """Return where the fence ends, if its closing line is among the complete lines; look at each line once."""
        match = self.closing.search(text, self.scanned, complete_end)
        if match:
            return match.end()
        self.scanned = complete_end
        return None

    def safe_end(self, text: str) -> int:
        """Return up to where the text is certainly code: an unfinished line that may close the fence is left out."""
        line_start = max(text.rfind("\n", self.code_start) + 1, self.code_start)
        if self.indent or _MAYBE_CLOSING.match(text, line_start):
            return line_start
        return len(text) - 1 if text.endswith("\r") else len(text)

    def code(self, text: str, start: int, end: int) -> str:
        """Return the code between two offsets, of which `start` begins a line when the fence is indented."""
        code = text[start:end].replace("\r\n", "\n")
        return re.sub(rf"^ {{1,{self.indent}}}", "", code, flags=re.MULTILINE) if self.indent else code


def open_fence(text: str, start: int) -> Fence | None:
    """Return the fence whose opening line is at `start`, if one is; the caller knows that nothing closes it yet."""
    match = _OPENING.match(text, start)
    if match is None:
        return None
    marks = match[2]
    closing = re.compile(rf"^ {{0,3}}{re.escape(marks[0])}{{{len(marks)},}}[ \t]*\r?\n", re.MULTILINE)
    return Fence(start, match.end(), match[3].strip(), len(match[1]), closing, match.end())
