"""Pieces of a stream of server-sent events."""

from typing import Any

import msgspec

from inference.api.lines import event_line
from inference.scheduler.stream import Status

#: With which OpenAI's streams end.
DONE = b"data: [DONE]\n\n"
#: Every client passes comments over.
LIFE_COMMENT = b": the prompt is being computed\n\n"


def data_event(value: Any) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def status_comment(status: Status) -> bytes:
    """What is waited for, as a comment: every client passes those over, and one that asked for events reads them."""
    return b": hearth " + msgspec.json.encode(event_line(status)) + b"\n\n"


def named_event(value: dict[str, Any]) -> bytes:
    """Under the name that its `type` says."""
    return b"event: " + str(value["type"]).encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n"
