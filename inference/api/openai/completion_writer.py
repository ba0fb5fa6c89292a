"""Writes the answers to `/v1/completions`."""

from collections.abc import Sequence
from typing import Any

from inference.api.answer import SSE_TYPE
from inference.api.error_shapes import openai_error
from inference.api.errors import status_of
from inference.api.lines import AnswerPart
from inference.api.openai.envelope import finish_reason_of, hearth_field, new_envelope, usage_of
from inference.api.openai.logprobs import TextLogprobs
from inference.api.sse import DONE, LIFE_COMMENT, data_event, status_comment
from inference.api.writer import WholeAnswer
from inference.errors import InferenceError
from inference.scheduler import Finished
from inference.scheduler.stream import Status


class CompletionWriter:
    """A `Writer`. Chunks and the whole answer have one shape."""

    media_type = SSE_TYPE

    def __init__(
        self,
        model: str,
        *,
        echoes: Sequence[str],
        choices_per_prompt: int = 1,
        includes_usage: bool = False,
        wants_events: bool = False,
    ) -> None:
        """`echoes` holds what stands before the text of each choice, mostly nothing."""
        self._envelope = new_envelope("cmpl-", model) | {"object": "text_completion"}
        self._echoes = echoes
        self._choices_per_prompt = choices_per_prompt
        self._includes_usage = includes_usage
        self._wants_events = wants_events
        self._logprobs = [TextLogprobs(len(echo)) for echo in echoes]
        self._finished: dict[int, Finished] = {}

    def event(self, status: Status) -> bytes:
        return status_comment(status) if self._wants_events else b""

    def sign_of_life(self) -> bytes:
        return LIFE_COMMENT

    def begin(self, index: int) -> bytes:
        return self._chunk(index, self._echoes[index]) if self._echoes[index] else b""

    def part(self, index: int, part: AnswerPart) -> bytes:
        if not part.text and not part.logprobs:
            return b""
        return self._chunk(index, part.text, self._logprobs[index].shape(part.logprobs))

    def finish(self, index: int, finished: Finished) -> bytes:
        self._finished[index] = finished
        return self._chunk(index, "", reason=finish_reason_of(finished), **hearth_field([finished]))

    def end(self) -> bytes:
        if not self._includes_usage:
            return DONE
        usage = usage_of([self._finished[index] for index in sorted(self._finished)], self._choices_per_prompt)
        return data_event({**self._envelope, "choices": [], "usage": usage}) + DONE

    def failure(self, error: InferenceError) -> bytes:
        return data_event(openai_error(error, status_of(error)))

    def whole(self, answers: list[WholeAnswer]) -> dict[str, Any]:
        finished = [answer.finished for answer in answers]
        return {
            **self._envelope,
            "choices": [self._choice(index, answer) for index, answer in enumerate(answers)],
            "usage": usage_of(finished, self._choices_per_prompt),
            **hearth_field(finished),
        }

    def _choice(self, index: int, answer: WholeAnswer) -> dict[str, Any]:
        logprobs = self._logprobs[index].shape(answer.part.logprobs)
        return _choice(index, self._echoes[index] + answer.part.text, logprobs, finish_reason_of(answer.finished))

    def _chunk(
        self, index: int, text: str, logprobs: dict[str, Any] | None = None, reason: str | None = None, **more: Any
    ) -> bytes:
        usage: dict[str, Any] = {"usage": None} if self._includes_usage else {}
        return data_event({**self._envelope, "choices": [_choice(index, text, logprobs, reason)], **usage, **more})


def _choice(index: int, text: str, logprobs: dict[str, Any] | None, reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}
