"""Writes the answers to `/api/chat` and `/api/generate`: one JSON object a line."""

import time
from typing import Any

import msgspec

from inference.api.errors import error_body
from inference.api.lines import AnswerPart, Content, event_line, final_line, output_line, rendered_line
from inference.api.writer import WholeAnswer
from inference.errors import InferenceError
from inference.scheduler import Finished
from inference.scheduler.stream import Status

NDJSON_TYPE = "application/x-ndjson"


class NdjsonWriter:
    """A `Writer`. `model` is the name as the client gave it."""

    media_type = NDJSON_TYPE

    def __init__(self, model: str, content: Content, *, wants_events: bool = False, is_render_only: bool = False) -> None:
        """`is_render_only`: the prompt is the answer."""
        self._model = model
        self._content = content
        self._wants_events = wants_events
        self._is_render_only = is_render_only
        self._started_ns = time.monotonic_ns()

    def event(self, status: Status) -> bytes:
        return _line(event_line(status)) if self._wants_events else b""

    def sign_of_life(self) -> bytes:
        """A piece of the answer with nothing in it: all clients know such lines from models that think."""
        return _line(output_line(self._model, self._content, AnswerPart()))

    def begin(self, index: int) -> bytes:
        return b""

    def part(self, index: int, part: AnswerPart) -> bytes:
        return _line(output_line(self._model, self._content, part))

    def finish(self, index: int, finished: Finished) -> bytes:
        return _line(self._final(finished, AnswerPart()))

    def end(self) -> bytes:
        return b""

    def failure(self, error: InferenceError) -> bytes:
        return error_body(error) + b"\n"

    def whole(self, answers: list[WholeAnswer]) -> dict[str, Any]:
        (answer,) = answers
        if self._is_render_only and answer.rendered is not None:
            return rendered_line(self._model, answer.rendered)
        return self._final(answer.finished, answer.part)

    def _final(self, finished: Finished, part: AnswerPart) -> dict[str, Any]:
        elapsed = time.monotonic_ns() - self._started_ns
        return final_line(self._model, self._content, finished, part, total_duration_ns=elapsed, knows_hearth=self._wants_events)


def _line(fields: dict[str, Any]) -> bytes:
    return msgspec.json.encode(fields) + b"\n"
