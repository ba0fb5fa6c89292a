"""Names calls of tools as Kimi K2 does, by which its template says whose result a result is."""

from typing import Any

#: In a template of this family.
MARK = "<|tool_calls_section_begin|>"


def with_counted_calls(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same messages, each call with the id that its place in the conversation gives it: `functions.NAME:NUMBER`."""
    names: dict[str, str] = {}
    counted = []
    number = 0
    for message in messages:
        if message.get("tool_calls"):
            calls = []
            for call in message["tool_calls"]:
                function = call.get("function")
                name = f"functions.{function.get('name', '') if isinstance(function, dict) else ''}:{number}"
                names[str(call.get("id", ""))] = name
                calls.append({**call, "id": name})
                number += 1
            message = {**message, "tool_calls": calls}
        elif message.get("tool_call_id") in names:
            message = {**message, "tool_call_id": names[message["tool_call_id"]]}
        counted.append(message)
    return counted
