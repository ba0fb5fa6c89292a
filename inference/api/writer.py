"""What a protocol has to say how an answer looks on the wire; `inference.api.answer` does the rest."""

from dataclasses import dataclass
from typing import Any, Protocol

from inference.api.lines import AnswerPart
from inference.errors import InferenceError
from inference.scheduler import Finished, Rendered
from inference.scheduler.stream import Status


@dataclass(frozen=True)
class WholeAnswer:
    """`rendered` is there where the runner told about the prompt."""

    part: AnswerPart
    finished: Finished
    rendered: Rendered | None = None


class Writer(Protocol):
    """Writes one HTTP answer, of one choice or, where a request asks for several, of each under its `index`.

    Each method but `whole` gives bytes of a stream, empty for nothing. What it remembers between calls is of that one answer.
    """

    @property
    def media_type(self) -> str:
        """Of a stream; an answer that is not streamed is JSON."""

    def event(self, status: Status) -> bytes:
        """What is waited for before the first token; only clients that asked for events are told."""

    def sign_of_life(self) -> bytes:
        """While a long prompt is computed: some clients and proxies give up on a server that is silent for a minute."""

    def begin(self, index: int) -> bytes:
        """Once for each choice, before its first part or its end."""

    def part(self, index: int, part: AnswerPart) -> bytes: ...

    def finish(self, index: int, finished: Finished) -> bytes: ...

    def end(self) -> bytes:
        """After all choices have finished."""

    def failure(self, error: InferenceError) -> bytes:
        """In place of everything that would have come: the status of the HTTP answer is said already."""

    def whole(self, answers: list[WholeAnswer]) -> dict[str, Any]:
        """The answer to a request that did not want a stream."""
