"""Writes the answers to `/v1/responses`: events around items, each of which begins, grows and ends."""

from http import HTTPStatus
from typing import Any

from inference.api.answer import SSE_TYPE
from inference.api.errors import status_of
from inference.api.lines import AnswerPart
from inference.api.openai.logprobs import chat_logprobs
from inference.api.responses.items import encode_thinking
from inference.api.responses.output import CallItem, ended, message_item, new_id, new_response, text_part
from inference.api.responses.schemas import ResponsesBody
from inference.api.responses.tools import ResponseTools
from inference.api.sse import LIFE_COMMENT, named_event, status_comment
from inference.api.writer import WholeAnswer
from inference.errors import InferenceError
from inference.prompt.parsing import ToolCall
from inference.scheduler import Finished
from inference.scheduler.stream import Status

_ENCRYPTED = "reasoning.encrypted_content"


class ResponsesWriter:
    """A `Writer`. Thinking is an item of its own: as a summary where one was asked for, else as what was thought. An answer that
    is not streamed is made by the same steps."""

    media_type = SSE_TYPE

    def __init__(self, body: ResponsesBody, tools: ResponseTools | None = None) -> None:
        """`tools` are the body's."""
        self._tools = tools or ResponseTools()
        self._response = new_response(body)
        self._wants_events = body.hearth.events
        self._sums_up = bool(body.reasoning.summary or body.reasoning.generate_summary)
        self._encrypts = _ENCRYPTED in body.include
        self._num_events = 0
        self._num_thinking_tokens = 0
        self._output: list[dict[str, Any]] = []
        #: Of the item that is open: "message", "reasoning", or empty.
        self._open = ""
        self._item_id = ""
        self._text = ""
        self._logprobs: list[dict[str, Any]] = []

    def event(self, status: Status) -> bytes:
        return status_comment(status) if self._wants_events else b""

    def sign_of_life(self) -> bytes:
        return LIFE_COMMENT

    def begin(self, index: int) -> bytes:
        return self._event("response.created", response=self._response) + self._event(
            "response.in_progress", response=self._response
        )

    def part(self, index: int, part: AnswerPart) -> bytes:
        self._num_thinking_tokens += part.num_thinking_tokens
        pieces = []
        if part.thinking:
            pieces.append(self._grow_thinking(part.thinking))
        if part.text or (part.logprobs and self._open == "message"):
            pieces.append(self._grow_message(part))
        pieces += [self._call(call) for call in part.tool_calls]
        return b"".join(pieces)

    def finish(self, index: int, finished: Finished) -> bytes:
        end = ended(finished, self._num_thinking_tokens)
        left = self._leave(end["status"])
        return left + self._event(f"response.{end['status']}", response={**self._response, **end, "output": self._output})

    def end(self) -> bytes:
        return b""

    def failure(self, error: InferenceError) -> bytes:
        code = "invalid_prompt" if status_of(error) == HTTPStatus.BAD_REQUEST else "server_error"
        self._leave("incomplete")
        failed = {"status": "failed", "error": {"code": code, "message": str(error)}, "output": self._output}
        return self._event("response.failed", response={**self._response, **failed})

    def whole(self, answers: list[WholeAnswer]) -> dict[str, Any]:
        (answer,) = answers
        self.part(0, answer.part)
        end = ended(answer.finished, self._num_thinking_tokens)
        self._leave(end["status"])
        return {**self._response, **end, "output": self._output}

    def _grow_thinking(self, text: str) -> bytes:
        entered = self._enter("reasoning")
        self._text += text
        if self._sums_up:
            return entered + self._grown("response.reasoning_summary_text.delta", summary_index=0, delta=text)
        return entered + self._grown("response.reasoning_text.delta", content_index=0, delta=text)

    def _grow_message(self, part: AnswerPart) -> bytes:
        entered = self._enter("message")
        logprobs = (chat_logprobs(part.logprobs) or {"content": []})["content"]
        self._text += part.text
        self._logprobs += logprobs
        return entered + self._grown("response.output_text.delta", content_index=0, delta=part.text, logprobs=logprobs)

    def _call(self, call: ToolCall) -> bytes:
        left = self._leave("completed")
        item = CallItem(call, self._tools.client_tool(call.name))
        self._item_id = item.id
        begun = self._event("response.output_item.added", output_index=len(self._output), item=item.begun())
        grown = self._grown(f"response.{item.event}.delta", delta=item.content)
        grown += self._grown(f"response.{item.event}.done", **item.whole())
        return left + begun + grown + self._done(item.ended())

    def _enter(self, kind: str) -> bytes:
        if self._open == kind:
            return b""
        left = self._leave("completed")
        self._open, self._text, self._logprobs = kind, "", []
        self._item_id = new_id("msg_" if kind == "message" else "rs_")
        item = message_item(self._item_id, [], "in_progress") if kind == "message" else self._reasoning_item("", "in_progress")
        added = self._event("response.output_item.added", output_index=len(self._output), item=item)
        return left + added + self._part_event("added", "")

    def _leave(self, status: str) -> bytes:
        if not self._open:
            return b""
        if self._open == "message":
            done = self._grown("response.output_text.done", content_index=0, text=self._text, logprobs=self._logprobs)
            item = message_item(self._item_id, [text_part(self._text, self._logprobs)], status)
        else:
            kind, place = ("summary_text", "summary_index") if self._sums_up else ("text", "content_index")
            done = self._grown(f"response.reasoning_{kind}.done", **{place: 0}, text=self._text)
            item = self._reasoning_item(self._text, status)
        done += self._part_event("done", self._text)
        self._open = ""
        return done + self._done(item)

    def _part_event(self, what: str, text: str) -> bytes:
        if self._open == "message":
            part = text_part(text, self._logprobs)
            return self._grown(f"response.content_part.{what}", content_index=0, part=part)
        if self._sums_up:
            part = {"type": "summary_text", "text": text}
            return self._grown(f"response.reasoning_summary_part.{what}", summary_index=0, part=part)
        return self._grown(f"response.content_part.{what}", content_index=0, part={"type": "reasoning_text", "text": text})

    def _reasoning_item(self, text: str, status: str) -> dict[str, Any]:
        item: dict[str, Any] = {"id": self._item_id, "type": "reasoning", "status": status, "summary": []}
        if text and self._sums_up:
            item["summary"] = [{"type": "summary_text", "text": text}]
        elif text:
            item["content"] = [{"type": "reasoning_text", "text": text}]
        if text and self._encrypts:
            item["encrypted_content"] = encode_thinking(text)
        return item

    def _done(self, item: dict[str, Any]) -> bytes:
        event = self._event("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        return event

    def _grown(self, kind: str, **fields: Any) -> bytes:
        """Of the item that is being written."""
        return self._event(kind, item_id=self._item_id, output_index=len(self._output), **fields)

    def _event(self, kind: str, **fields: Any) -> bytes:
        number, self._num_events = self._num_events, self._num_events + 1
        return named_event({"type": kind, "sequence_number": number, **fields})
