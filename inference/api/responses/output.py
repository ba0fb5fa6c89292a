"""The output items of a response, and the response around them."""

import os
import time
from typing import Any

import msgspec

from inference.api.openai.envelope import hearth_field
from inference.api.responses.schemas import ResponsesBody
from inference.api.responses.tools import ClientTool, custom_input
from inference.prompt.parsing import ToolCall
from inference.scheduler import Finished

#: Those that can be called here.
_CLIENT_TOOLS = ("function", "custom", "namespace")


def new_id(prefix: str) -> str:
    return prefix + os.urandom(16).hex()


def new_response(body: ResponsesBody) -> dict[str, Any]:
    """What is the same from its beginning to its end; what was asked for comes back."""
    reasoning, text = body.reasoning, body.text.format
    shape = {name: getattr(text, name) for name in ("type", "name", "schema", "strict") if text and getattr(text, name)}
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "metadata": body.metadata,
        "model": body.model,
        "output": [],
        "parallel_tool_calls": body.parallel_tool_calls,
        "previous_response_id": None,
        "reasoning": {"effort": reasoning.effort or None, "summary": reasoning.summary or reasoning.generate_summary or None},
        "store": False,
        "temperature": body.temperature,
        "text": {"format": shape or {"type": "text"}} | ({"verbosity": body.text.verbosity} if body.text.verbosity else {}),
        "tool_choice": "auto" if body.tool_choice is None else body.tool_choice,
        "tools": [tool for tool in body.tools if tool["type"] in _CLIENT_TOOLS],
        "top_logprobs": body.top_logprobs or 0,
        "top_p": body.top_p,
        "truncation": body.truncation,
        "usage": None,
    }


def ended(finished: Finished, num_thinking_tokens: int) -> dict[str, Any]:
    """The fields that change with the end."""
    stats = finished.stats
    is_complete = finished.finish_reason in ("stop", "load")
    return {
        "status": "completed" if is_complete else "incomplete",
        "completed_at": int(time.time()) if is_complete else None,
        "incomplete_details": None if is_complete else {"reason": "max_output_tokens"},
        "usage": {
            "input_tokens": stats.num_prompt_tokens,
            "input_tokens_details": {"cached_tokens": stats.num_cached_tokens, "cache_write_tokens": 0},
            "output_tokens": stats.num_completion_tokens,
            "output_tokens_details": {"reasoning_tokens": min(num_thinking_tokens, stats.num_completion_tokens)},
            "total_tokens": stats.num_prompt_tokens + stats.num_completion_tokens,
        },
        **hearth_field([finished]),
    }


def text_part(text: str, logprobs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def message_item(identifier: str, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    return {"id": identifier, "type": "message", "role": "assistant", "status": status, "content": content}


class CallItem:
    """One call, in the words of the tool that the client knows."""

    def __init__(self, call: ToolCall, tool: ClientTool) -> None:
        text = custom_input(call.arguments) if tool.is_custom else None
        self._is_custom = tool.is_custom
        self._kind = "custom_tool_call" if tool.is_custom else "function_call"
        self._field = "input" if tool.is_custom else "arguments"
        self._named = {"call_id": call.id, "name": tool.name} | ({"namespace": tool.namespace} if tool.namespace else {})
        self.id = new_id("ctc_" if tool.is_custom else "fc_")
        #: The arguments as JSON, or a custom tool's text.
        self.content = text if text is not None else msgspec.json.encode(call.arguments).decode()
        self.event = "custom_tool_call_input" if tool.is_custom else "function_call_arguments"

    def begun(self) -> dict[str, Any]:
        return self._item("", "in_progress")

    def ended(self) -> dict[str, Any]:
        return self._item(self.content, "completed")

    def whole(self) -> dict[str, Any]:
        """What the event says in which the content is there."""
        return {self._field: self.content} | ({} if self._is_custom else {"name": self._named["name"]})

    def _item(self, content: str, status: str) -> dict[str, Any]:
        return {"id": self.id, "type": self._kind, **self._named, self._field: content, "status": status}
