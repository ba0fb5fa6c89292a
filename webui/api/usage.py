"""How many tokens an answer took, read off it as it goes by.

The runtime says so in a header of a whole answer and in a comment of an event stream, both of which are for this process alone
and taken off; the lines of Ollama's protocol have the counts in their last one. Another runtime may say it only in the body,
where it is read too. Text that a model wrote never counts: it stands inside JSON strings, so it begins no line, and no field
of its own is ever one of the answer.
"""

from dataclasses import dataclass

import msgspec

USAGE_HEADER = b"hearth-usage"
_COMMENT = b": usage "
#: A last line, or a body, that is longer than this is not read.
_LONGEST_JSON = 8 * 1024 * 1024


@dataclass(frozen=True)
class Usage:
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Told(msgspec.Struct):
    """The fields by which the protocols tell it: the runtime's header and OpenAI's `usage`, Anthropic's, Ollama's."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    prompt_eval_count: int = 0
    eval_count: int = 0
    usage: "_Told | None" = None
    error: msgspec.Raw = msgspec.Raw(b"null")

    def read(self) -> Usage:
        told = self.usage or self
        return Usage(
            told.prompt_tokens or told.input_tokens or told.prompt_eval_count,
            told.completion_tokens or told.output_tokens or told.eval_count,
        )


_decoder = msgspec.json.Decoder(_Told)


def read_usage(content: bytes) -> Usage | None:
    """None for what is not told as it should be."""
    told = _read(content)
    return told.read() if told is not None else None


def _read(content: bytes) -> _Told | None:
    try:
        return _decoder.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return None


class UsageReader:
    """Sees the pieces of a body and says which bytes go on to the client."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        #: Whether the protocol's last word is an error.
        self.is_error = False

    def take(self, piece: bytes) -> bytes:
        return piece

    def end(self) -> bytes:
        """What was held back; nothing more comes."""
        return b""


class LastLineReader(UsageReader):
    """Keeps the last line: of NDJSON the final object, of a JSON body all of it."""

    def __init__(self) -> None:
        super().__init__()
        self._line: list[bytes] = []
        self._num_bytes = 0

    def take(self, piece: bytes) -> bytes:
        end = piece.rfind(b"\n", 0, -1)
        if end >= 0 or (self._line and self._line[-1].endswith(b"\n")):
            self._line, self._num_bytes = [], 0
        kept = piece[end + 1 :] if end >= 0 else piece
        self._num_bytes += len(kept)
        self._line = [*self._line, kept] if self._num_bytes <= _LONGEST_JSON else []
        return piece

    def end(self) -> bytes:
        told = _read(b"".join(self._line))
        if told is not None:
            self.usage, self.is_error = told.read(), bytes(told.error) != b"null"
        return b""


class CommentReader(UsageReader):
    """Takes the comment out of an event stream. A line of a stream begins with `:` only where the runtime wrote it."""

    def __init__(self) -> None:
        super().__init__()
        self._is_at_line_start = True
        self._held = b""

    def take(self, piece: bytes) -> bytes:
        if not self._held and _COMMENT not in piece and not _may_begin(piece, self._is_at_line_start):
            return self._given(piece)
        return self._cut(self._held + piece, is_last=False)

    def end(self) -> bytes:
        return self._cut(self._held, is_last=True)

    def _cut(self, data: bytes, *, is_last: bool) -> bytes:
        self._held = b""
        start = 0 if self._is_at_line_start and data.startswith(_COMMENT) else data.find(b"\n" + _COMMENT) + 1
        if start == 0 and not (self._is_at_line_start and data.startswith(_COMMENT)):
            return self._hold_beginning(data, is_last=is_last)
        end = data.find(b"\n\n", start)
        if end < 0:
            if is_last or len(data) - start > 1000:
                return self._given(data)
            self._held = data[start:]
            return self._given(data[:start])
        self.usage = read_usage(data[start + len(_COMMENT) : end]) or self.usage
        return self._given(data[:start]) + self._given(data[end + 2 :])

    def _hold_beginning(self, data: bytes, *, is_last: bool) -> bytes:
        """The end of `data` may be the beginning of the comment."""
        line_start = data.rfind(b"\n") + 1
        tail = data[line_start:]
        is_line_start = line_start > 0 or self._is_at_line_start
        if is_last or not tail or not is_line_start or not _COMMENT.startswith(tail):
            return self._given(data)
        self._held = tail
        return self._given(data[:line_start])

    def _given(self, data: bytes) -> bytes:
        if data:
            self._is_at_line_start = data.endswith(b"\n")
        return data


def _may_begin(piece: bytes, is_at_line_start: bool) -> bool:
    """Whether the last line of `piece`, not ended, could become the comment."""
    start = piece.rfind(b"\n") + 1
    tail = piece[start:]
    return bool(tail) and (start > 0 or is_at_line_start) and _COMMENT.startswith(tail)


def reader_for(media_type: bytes) -> UsageReader:
    """By the content type of an answer that has no usage header."""
    kind = media_type.partition(b";")[0].strip().lower()
    if kind == b"text/event-stream":
        return CommentReader()
    if kind in (b"application/x-ndjson", b"application/json"):
        return LastLineReader()
    return UsageReader()
