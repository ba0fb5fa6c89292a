"""The line on which people write: editing, history, several lines, an editor."""

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.data_structures import Size
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import is_dumb_terminal

from inference.cli.chat.quoting import is_open

PROMPT, CONTINUATION = ">>> ", "... "
PLACEHOLDER = "Send a message (/? for help)"
_HISTORY = Path("~/.hearth/history")
_TRUE = ("1", "t", "true", "yes", "on")


class SwitchableHistory(History):
    """Keeps what is typed in a file as long as `is_kept`, or nowhere."""

    def __init__(self, path: Path, *, is_kept: bool) -> None:
        super().__init__()
        self.is_kept = is_kept
        self._file = FileHistory(path)
        self._path = path

    def load_history_strings(self) -> Iterable[str]:
        if not self.is_kept:
            return []
        try:
            return list(self._file.load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        if not self.is_kept:
            return
        # A conversation does not fail because its history cannot be kept, in a read-only home for example.
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._path.exists():
                self._path.touch(0o600)
            self._file.store_string(string)


class Typing:
    def __init__(self) -> None:
        is_kept = os.environ.get("OLLAMA_NOHISTORY", "").strip().strip("\"'").lower() not in _TRUE
        try:
            path = _HISTORY.expanduser()
        except RuntimeError:
            path, is_kept = _HISTORY, False
        self._history = SwitchableHistory(path, is_kept=is_kept)
        _choose_editor()

        self._session: PromptSession[str] = PromptSession(
            message=PROMPT,
            multiline=True,
            prompt_continuation=CONTINUATION,
            placeholder=_placeholder,
            history=self._history,
            key_bindings=_bindings(),
            style=Style.from_dict({"placeholder": "ansibrightblack"}),
            enable_suspend=True,
            tempfile_suffix=".txt",
            # Nothing here needs to know where on the screen the cursor is, and terminals that cannot say would be waited for.
            # One that can nothing is left to prompt_toolkit, which then shows what it is given and no more.
            output=None if is_dumb_terminal() else Vt100_Output(sys.stdout, _size, term=os.environ.get("TERM"), enable_cpr=False),
        )

    def read(self) -> str:
        """The next message. Raises `EOFError` after Ctrl-D, and `KeyboardInterrupt` after Ctrl-C on an empty line; on one that is
        not, Ctrl-C only empties it."""
        while True:
            try:
                return self._session.prompt()
            except KeyboardInterrupt:
                if not self._session.default_buffer.text:
                    raise

    def set_history(self, is_kept: bool) -> None:
        self._history.is_kept = is_kept


def _placeholder() -> FormattedText:
    """Only while there is something to type: not on the line that was left with Ctrl-C or Ctrl-D."""
    return FormattedText([("class:placeholder", "" if get_app().is_done else PLACEHOLDER)])


def _size() -> Size:
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return Size(rows=24, columns=80)
    return Size(rows=size.lines or 24, columns=size.columns or 80)


def _choose_editor() -> None:
    """prompt_toolkit starts what VISUAL names, before EDITOR."""
    if editor := os.environ.get("OLLAMA_EDITOR", "").strip():
        os.environ["VISUAL"] = editor


def _bindings() -> KeyBindings:
    bindings = KeyBindings()
    is_typing = has_focus(DEFAULT_BUFFER)

    @bindings.add("enter", filter=is_typing)
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_open(buffer.text):
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @bindings.add("escape", "enter", filter=is_typing)
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @bindings.add("c-g", filter=is_typing)
    def _edit(event: KeyPressEvent) -> None:
        event.current_buffer.open_in_editor(validate_and_handle=False)

    return bindings
