"""Finds the end of a JSON value in text that is still growing, looking at each character once."""

import re

_MARK = re.compile(r'["{}\[\]]')
_IN_STRING = re.compile(r'["\\]')
_MAX_DEPTH = 64


class JsonScanner:
    """Counts brackets outside of strings; whether the value is JSON is for others to see."""

    def __init__(self, start: int) -> None:
        """`start` is where the value's first bracket, or its quotation mark, stands."""
        self._position = start
        self._depth = 0
        self._is_in_string = False
        self.is_too_deep = False

    def end(self, text: str) -> int | None:
        """The place after the value, or None as long as it is not complete. `text` is the same as before, or longer."""
        while self._position < len(text):
            match = (_IN_STRING if self._is_in_string else _MARK).search(text, self._position)
            if match is None:
                self._position = len(text)
                break
            char = match.group()
            if char == "\\":
                if match.end() >= len(text):
                    self._position = match.start()
                    break
                self._position = match.end() + 1
                continue
            self._position = match.end()
            if char == '"':
                self._is_in_string = not self._is_in_string
                if self._depth == 0 and not self._is_in_string:
                    return self._position
                continue
            self._depth += 1 if char in "{[" else -1
            self.is_too_deep |= self._depth > _MAX_DEPTH
            if self._depth <= 0:
                return self._position
        return None
