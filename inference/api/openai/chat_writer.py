"""Writes the answers to `/v1/chat/completions`."""

from typing import Any

import msgspec

from inference.api.answer import SSE_TYPE
from inference.api.error_shapes import openai_error
from inference.api.errors import status_of
from inference.api.lines import AnswerPart
from inference.api.openai.envelope import finish_reason_of, hearth_field, new_envelope, usage_of
from inference.api.openai.logprobs import chat_logprobs
from inference.api.sse import DONE, LIFE_COMMENT, data_event, status_comment
from inference.api.writer import WholeAnswer
from inference.errors import InferenceError
from inference.prompt.parsing import ToolCall
from inference.scheduler import Finished
from inference.scheduler.stream import Status


class ChatWriter:
    """A `Writer`. A call comes whole in one chunk; thinking comes under both names that clients know."""

    media_type = SSE_TYPE

    def __init__(self, model: str, *, num_choices: int = 1, includes_usage: bool = False, wants_events: bool = False) -> None:
        """`model` is the name as the client gave it."""
        self._envelope = new_envelope("chatcmpl-", model)
        self._includes_usage = includes_usage
        self._wants_events = wants_events
        self._num_choices = num_choices
        self._has_called: set[int] = set()
        self._finished: dict[int, Finished] = {}

    def event(self, status: Status) -> bytes:
        return status_comment(status) if self._wants_events else b""

    def sign_of_life(self) -> bytes:
        return LIFE_COMMENT

    def begin(self, index: int) -> bytes:
        return self._chunk(index, {"role": "assistant", "content": "", "refusal": None})

    def part(self, index: int, part: AnswerPart) -> bytes:
        delta: dict[str, Any] = {"content": part.text} if part.text or part.logprobs else {}
        delta |= _thinking_fields(part.thinking)
        if part.tool_calls:
            self._has_called.add(index)
            delta["tool_calls"] = [{"index": call.index, **_call(call)} for call in part.tool_calls]
        return self._chunk(index, delta, part) if delta else b""

    def finish(self, index: int, finished: Finished) -> bytes:
        self._finished[index] = finished
        return self._chunk(index, {}, reason=self._reason(index, finished), **hearth_field([finished]))

    def end(self) -> bytes:
        if not self._includes_usage:
            return DONE
        usage = usage_of([self._finished[index] for index in sorted(self._finished)], self._num_choices)
        return data_event({**self._envelope, "object": "chat.completion.chunk", "choices": [], "usage": usage}) + DONE

    def failure(self, error: InferenceError) -> bytes:
        return data_event(openai_error(error, status_of(error)))

    def whole(self, answers: list[WholeAnswer]) -> dict[str, Any]:
        finished = [answer.finished for answer in answers]
        return {
            **self._envelope,
            "object": "chat.completion",
            "choices": [self._choice(index, answer) for index, answer in enumerate(answers)],
            "usage": usage_of(finished, self._num_choices),
            **hearth_field(finished),
        }

    def _choice(self, index: int, answer: WholeAnswer) -> dict[str, Any]:
        part = answer.part
        message: dict[str, Any] = {"role": "assistant", "content": part.text, "refusal": None, **_thinking_fields(part.thinking)}
        if part.tool_calls:
            self._has_called.add(index)
            message |= {"content": part.text or None, "tool_calls": [_call(call) for call in part.tool_calls]}
        return {
            "index": index,
            "message": message,
            "logprobs": chat_logprobs(part.logprobs),
            "finish_reason": self._reason(index, answer.finished),
        }

    def _reason(self, index: int, finished: Finished) -> str:
        return "tool_calls" if index in self._has_called else finish_reason_of(finished)

    def _chunk(
        self, index: int, delta: dict[str, Any], part: AnswerPart | None = None, reason: str | None = None, **more: Any
    ) -> bytes:
        logprobs = chat_logprobs(part.logprobs) if part is not None else None
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        usage: dict[str, Any] = {"usage": None} if self._includes_usage else {}
        return data_event({**self._envelope, "object": "chat.completion.chunk", "choices": [choice], **usage, **more})


def _thinking_fields(thinking: str) -> dict[str, str]:
    """Ollama's name, and that of DeepSeek, vLLM and llama-server."""
    return {"reasoning": thinking, "reasoning_content": thinking} if thinking else {}


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = msgspec.json.encode(call.arguments).decode()
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
