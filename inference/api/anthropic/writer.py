"""Writes the answers to `/v1/messages`."""

import base64
import hashlib
import os
import time
from typing import Any

import msgspec

from inference.api.answer import SSE_TYPE
from inference.api.error_shapes import anthropic_error
from inference.api.errors import status_of
from inference.api.lines import AnswerPart
from inference.api.openai.envelope import hearth_field
from inference.api.sse import named_event, status_comment
from inference.api.writer import WholeAnswer
from inference.errors import InferenceError
from inference.prompt.parsing import ToolCall
from inference.scheduler import Finished, Prefilling
from inference.scheduler.stream import Status

#: While a long prompt is computed, a sign of life so often.
_PING_S = 5.0


class MessagesWriter:
    """A `Writer`. The message begins as soon as the number of the prompt's tokens is known; each part of the answer is a block,
    and a call of a tool comes whole in one delta."""

    media_type = SSE_TYPE

    def __init__(
        self,
        model: str,
        *,
        max_tokens: int,
        stop_sequences: list[str],
        tells_cache: bool = False,
        hides_thinking: bool = False,
        wants_events: bool = False,
    ) -> None:
        """`tells_cache`: tokens that were computed before are no input tokens, but told beside them."""
        self._message = {"id": f"msg_{os.urandom(12).hex()}", "type": "message", "role": "assistant", "model": model}
        self._max_tokens = max_tokens
        self._stop_sequences = stop_sequences
        self._tells_cache = tells_cache
        self._hides_thinking = hides_thinking
        self._wants_events = wants_events
        self._is_started = False
        self._pinged_at = 0.0
        self._block = ""
        self._num_blocks = 0
        self._signature = hashlib.sha256()
        self._has_called = False

    def event(self, status: Status) -> bytes:
        comment = status_comment(status) if self._wants_events else b""
        if not isinstance(status, Prefilling):
            return comment
        if not self._is_started:
            return comment + self._start(status.total)
        return comment + (self._ping() if time.monotonic() - self._pinged_at > _PING_S else b"")

    def sign_of_life(self) -> bytes:
        return self._ping()

    def begin(self, index: int) -> bytes:
        return b"" if self._is_started else self._start(0)

    def part(self, index: int, part: AnswerPart) -> bytes:
        pieces = []
        if part.thinking:
            pieces.append(self._thinking(part.thinking))
        if part.text:
            pieces.append(self._enter("text", {"type": "text", "text": ""}))
            pieces.append(self._delta({"type": "text_delta", "text": part.text}))
        pieces += [self._call(call) for call in part.tool_calls]
        return b"".join(pieces)

    def finish(self, index: int, finished: Finished) -> bytes:
        delta, usage = self._end_of(finished), self._usage(finished)
        return self._leave() + named_event({"type": "message_delta", "delta": delta, "usage": usage, **hearth_field([finished])})

    def end(self) -> bytes:
        return named_event({"type": "message_stop"})

    def failure(self, error: InferenceError) -> bytes:
        return named_event(anthropic_error(error, status_of(error)))

    def whole(self, answers: list[WholeAnswer]) -> dict[str, Any]:
        (answer,) = answers
        part = answer.part
        content: list[dict[str, Any]] = []
        if part.thinking:
            self._signature.update(part.thinking.encode())
            shown = "" if self._hides_thinking else part.thinking
            content.append({"type": "thinking", "thinking": shown, "signature": self._take_signature()})
        if part.text:
            content.append({"type": "text", "text": part.text})
        content += [{**_tool_use(call), "input": call.arguments} for call in part.tool_calls]
        self._has_called = bool(part.tool_calls)
        end, usage = self._end_of(answer.finished), self._usage(answer.finished)
        return {**self._message, "content": content, **end, "usage": usage, **hearth_field([answer.finished])}

    def _start(self, num_prompt_tokens: int) -> bytes:
        self._is_started = True
        usage = _usage(num_prompt_tokens, 0, 0)
        message: dict[str, Any] = {**self._message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        return named_event({"type": "message_start", "message": message}) + self._ping()

    def _ping(self) -> bytes:
        self._pinged_at = time.monotonic()
        return named_event({"type": "ping"})

    def _thinking(self, text: str) -> bytes:
        self._signature.update(text.encode())
        entered = self._enter("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        return entered if self._hides_thinking else entered + self._delta({"type": "thinking_delta", "thinking": text})

    def _call(self, call: ToolCall) -> bytes:
        self._has_called = True
        arguments = msgspec.json.encode(call.arguments).decode()
        return (
            self._leave()
            + self._enter("tool_use", {**_tool_use(call), "input": {}})
            + self._delta({"type": "input_json_delta", "partial_json": arguments})
        )

    def _enter(self, kind: str, block: dict[str, Any]) -> bytes:
        if self._block == kind:
            return b""
        left = self._leave()
        self._block = kind
        return left + named_event({"type": "content_block_start", "index": self._num_blocks, "content_block": block})

    def _leave(self) -> bytes:
        if not self._block:
            return b""
        signed = b""
        if self._block == "thinking":
            signed = self._delta({"type": "signature_delta", "signature": self._take_signature()})
        stop = named_event({"type": "content_block_stop", "index": self._num_blocks})
        self._block, self._num_blocks = "", self._num_blocks + 1
        return signed + stop

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return named_event({"type": "content_block_delta", "index": self._num_blocks, "delta": delta})

    def _take_signature(self) -> str:
        """Clients want one, and send it back; here it proves nothing and is not looked at."""
        signature, self._signature = base64.b64encode(self._signature.digest()).decode(), hashlib.sha256()
        return signature

    def _end_of(self, finished: Finished) -> dict[str, Any]:
        is_stopped = bool(finished.stop_text) and finished.stop_text in self._stop_sequences
        reason = "end_turn"
        if self._has_called:
            reason = "tool_use"
        elif is_stopped:
            reason = "stop_sequence"
        elif finished.finish_reason == "length" and finished.stats.num_completion_tokens < self._max_tokens:
            reason = "model_context_window_exceeded"
        elif finished.finish_reason in ("length", "repeat"):
            # There is no word for an answer that was ended because it repeated itself.
            reason = "max_tokens"
        return {"stop_reason": reason, "stop_sequence": finished.stop_text if reason == "stop_sequence" else None}

    def _usage(self, finished: Finished) -> dict[str, int]:
        stats = finished.stats
        num_cached = stats.num_cached_tokens if self._tells_cache else 0
        return _usage(stats.num_prompt_tokens - num_cached, num_cached, stats.num_completion_tokens)


def _usage(num_input: int, num_cached: int, num_output: int) -> dict[str, int]:
    return {
        "input_tokens": num_input,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": num_cached,
        "output_tokens": num_output,
    }


def _tool_use(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{call.id.removeprefix('call_')}", "name": call.name}
