"""Reads back what a writer of server-sent events wrote, and makes what it is given."""

import json
from typing import Any

from inference.runner.messages import RequestStats, TokenLogprob
from inference.scheduler import Finished


def chunks_of(content: bytes) -> list[Any]:
    """Each event's data; `[DONE]` and comments as text."""
    events = content.decode().split("\n\n")
    assert events.pop() == ""
    return [_value(event) for event in events]


def _value(event: str) -> Any:
    name, _, data = event.partition(": ")
    assert name in ("data", "") and "\n" not in event
    return json.loads(data) if name and data != "[DONE]" else data


def finished(reason: str = "stop", *, prompt: int = 7, completion: int = 3, cached: int = 0, dropped: int = 0) -> Finished:
    stats = RequestStats(
        num_prompt_tokens=prompt, num_completion_tokens=completion, num_cached_tokens=cached, num_dropped_tokens=dropped
    )
    return Finished(reason, stats, 0)


def logprob(text: str, *top: tuple[str, float]) -> TokenLogprob:
    return TokenLogprob(text.encode(), -0.5, [(piece.encode(), value) for piece, value in top])
