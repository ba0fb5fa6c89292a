"""Brings a conversation into the form that gpt-oss's chat template can write.

As published, that template knows one message with instructions, the first; one call of a tool in a message; and beside a call
either thinking or content, not both. It takes a tool's result to be of the call before it, wants a description of each tool, and
a text for each default beside choices.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inference.harmony import ANALYSIS, CHANNEL, COMMENTARY, END, FINAL, MESSAGE, START

_INSTRUCTING = ("system", "developer")
_PREAMBLE = f"{END}{START}assistant{CHANNEL}{COMMENTARY}{MESSAGE}"

Message = dict[str, Any]


def writable(messages: Sequence[Message]) -> list[Message]:
    """The same conversation, as messages of a Jinja template. Nothing is left out but empty instructions."""
    instructions = "\n\n".join(
        message["content"] for message in messages if message["role"] in _INSTRUCTING and message["content"]
    )
    others = [message for message in messages if message["role"] not in _INSTRUCTING]
    first = [{"role": "system", "content": instructions}] if instructions else []
    return [*first, *_with_calls_apart(others)]


def understandable(variables: Mapping[str, Any]) -> dict[str, Any]:
    """What the template hears beside the messages, with tools as it reads them."""
    tools = variables.get("tools")
    return {**variables, "tools": [_described(tool) for tool in tools]} if tools else dict(variables)


def begun_message(content: str, thinking: str) -> str:
    """The beginning of an answer that is to be gone on with, behind the role of the assistant."""
    if not content:
        return f"{CHANNEL}{ANALYSIS}{MESSAGE}{thinking}" if thinking else ""
    final = f"{CHANNEL}{FINAL}{MESSAGE}{content}"
    return f"{CHANNEL}{ANALYSIS}{MESSAGE}{thinking}{END}{START}assistant{final}" if thinking else final


def _described(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = {"description": "", **tool["function"]}
    parameters = function.get("parameters")
    if isinstance(parameters, Mapping) and isinstance(properties := parameters.get("properties"), Mapping):
        shown = {name: _with_plain_default(schema) for name, schema in properties.items()}
        function["parameters"] = {**parameters, "properties": shown}
    return {**tool, "function": function}


def _with_plain_default(schema: Any) -> Any:
    """Beside choices, the template takes a default to be a text."""
    if not isinstance(schema, Mapping) or isinstance(schema.get("default", ""), str):
        return schema
    is_choice = schema.get("enum") or schema.get("oneOf")
    return {key: value for key, value in schema.items() if key != "default"} if is_choice else schema


def _with_calls_apart(messages: Sequence[Message]) -> Iterator[Message]:
    index = 0
    while index < len(messages):
        message = messages[index]
        index += 1
        if not message.get("tool_calls"):
            yield message
            continue
        results = []
        while index < len(messages) and messages[index]["role"] == "tool":
            results.append(messages[index])
            index += 1
        yield from _exchange(message, results)


def _exchange(message: Message, results: list[Message]) -> Iterator[Message]:
    """Each call with its result behind it; the thinking before the first."""
    waiting = list(results)
    for number, call in enumerate(message["tool_calls"]):
        one = {**message, "tool_calls": [call]}
        yield _with_preamble(one) if number == 0 else {**one, "content": "", "thinking": "", "reasoning_content": ""}
        result = _result_of(call, waiting)
        if result is not None:
            waiting.remove(result)
            yield result
    yield from waiting


def _result_of(call: Mapping[str, Any], waiting: Sequence[Message]) -> Message | None:
    """By the call's id; without ids, in order."""
    identifier = call.get("id")
    named = [result for result in waiting if identifier and result.get("tool_call_id") == identifier]
    unnamed = [result for result in waiting if not result.get("tool_call_id")]
    return next(iter([*named, *unnamed]), None)


def _with_preamble(message: Message) -> Message:
    """What was said to the user before a call goes, with the marks of a message of its own, behind the thinking."""
    thinking = message.get("thinking")
    if not thinking or not message["content"]:
        return message
    whole = thinking + _PREAMBLE + message["content"]
    return {**message, "content": "", "thinking": whole, "reasoning_content": whole}
