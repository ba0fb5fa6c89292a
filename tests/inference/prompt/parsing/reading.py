"""Short ways to parse answers in tests."""

import json
from collections.abc import Iterable
from typing import Any

from inference.prompt.parsing import AnswerEvent, AnswerParser, AnswerSyntax, ContentDelta, ThinkingDelta, ToolCall
from inference.prompt.parsing.thinking import ThinkingTags

THINKING = AnswerSyntax(thinking=ThinkingTags())


def tool(name: str, **properties: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = [tool("get_weather", city="string", days="integer", deep="object"), tool("get_weather_map", city="string"), tool("now")]


def parse(
    pieces: Iterable[str], syntax: AnswerSyntax = THINKING, *, tools: list[dict[str, Any]] = TOOLS, **wishes: bool
) -> list[Any]:
    """Thinking and content joined as ("thinking", text) and ("content", text); calls as (index, name, arguments in JSON)."""
    parser = AnswerParser(syntax, tools=tools, **{"parses_thinking": True, **wishes})  # type: ignore[arg-type]
    events = [event for piece in pieces for event in parser.feed(piece)] + parser.finish()
    return joined(events)


def joined(events: list[AnswerEvent]) -> list[Any]:
    parts: list[Any] = []
    for event in events:
        if isinstance(event, ToolCall):
            assert event.id.startswith("call_")
            assert len(event.id) == 13
            parts.append((event.index, event.name, json.dumps(event.arguments)))
            continue
        assert event.text
        kind = {ThinkingDelta: "thinking", ContentDelta: "content"}[type(event)]
        if parts and parts[-1][0] == kind:
            parts[-1] = (kind, parts[-1][1] + event.text)
        else:
            parts.append((kind, event.text))
    return parts
