"""What the runtime says while it answers, as types; the one place that knows the wire names of `/api/chat` and of errors.

A real Ollama stands behind the same reader: it sends no `event` lines and no `hearth` object, and its errors carry no code.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from webui.services.errors import RuntimeFailure, failure_from_code

Stage = Literal["loading", "queued", "prompt", "thinking", "streaming"]
_NANOSECONDS = 1_000_000
_CODE_BY_STATUS = {400: "invalid_request", 404: "model_not_found", 503: "queue_full"}
#: As many characters as the row of a message has room for.
LONGEST_CODE = 40


@dataclass(frozen=True)
class Delta:
    """Text that continues the answer, or what the model thinks before it; seldom both."""

    text: str = ""
    thinking: str = ""


@dataclass(frozen=True)
class Progress:
    """What happens before the answer's first token. `fraction` is 0 to 1; `position` counts those who wait before us,
    `seconds` is about how long; tokens of the prompt."""

    stage: Stage
    fraction: float | None = None
    position: int | None = None
    seconds: int | None = None
    completed: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Done:
    """The end of an answer. Counts in tokens, times in milliseconds; None where the runtime did not report them."""

    finish_reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    dropped_tokens: int | None = None
    load_ms: int | None = None
    prompt_eval_ms: int | None = None
    eval_ms: int | None = None


Event = Delta | Progress | Done


def parse_line(line: bytes, model: str) -> Event | None:
    """The event of one NDJSON line; None for a line that says nothing to us. Raises RuntimeFailure for an error or garbage."""
    try:
        data = json.loads(line)
    except ValueError:
        raise failure_from_code("stream_broken", "", model) from None
    if not isinstance(data, dict):
        raise failure_from_code("stream_broken", "", model)
    if "error" in data:
        raise failure_from_code(error_code(data.get("code")), plain_text(data["error"]), model)
    if "event" in data:
        return _progress(data)
    if data.get("done") is True:
        return _done(data)
    return _delta(data)


def last_delta(line: bytes) -> Delta | None:
    """Text that rides on the final line, as some servers send it."""
    return _delta(json.loads(line))


def _delta(data: dict[str, Any]) -> Delta | None:
    message = data.get("message")
    if not isinstance(message, dict):
        return None
    delta = Delta(plain_text(message.get("content")), plain_text(message.get("thinking")))
    return delta if delta.text or delta.thinking else None


def refusal(status: int, content: bytes, model: str) -> RuntimeFailure:
    """The failure for an answer of `status` 400 or more. Without JSON, 404 and 405 mean that the path is not known there."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        return failure_from_code("not_supported" if status in {404, 405} else "engine_error", "", model)
    code = data.get("code")
    if not isinstance(code, str) or not code:
        code = _CODE_BY_STATUS.get(status)
    return failure_from_code(error_code(code), plain_text(data.get("error")), model)


def _progress(data: dict[str, Any]) -> Progress | None:
    if data["event"] == "loading":
        return Progress("loading", fraction=_fraction(data.get("fraction")))
    if data["event"] == "queued":
        # The runtime counts from 1, which is the next to be taken.
        place = _count(data.get("position"))
        return Progress("queued", position=max(0, place - 1) if place is not None else None, seconds=_count(data.get("seconds")))
    if data["event"] == "prompt":
        return Progress("prompt", completed=_count(data.get("completed")), total=_count(data.get("total")))
    return None


def _done(data: dict[str, Any]) -> Done:
    additions = data.get("hearth")
    dropped = _count(additions.get("dropped_tokens")) if isinstance(additions, dict) else None
    return Done(
        finish_reason=plain_text(data.get("done_reason"))[:16] or "stop",
        prompt_tokens=_count(data.get("prompt_eval_count")),
        completion_tokens=_count(data.get("eval_count")),
        dropped_tokens=dropped,
        load_ms=_milliseconds(data.get("load_duration")),
        prompt_eval_ms=_milliseconds(data.get("prompt_eval_duration")),
        eval_ms=_milliseconds(data.get("eval_duration")),
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 2**31 else None


def _milliseconds(value: object) -> int | None:
    return _count(round(value / _NANOSECONDS)) if isinstance(value, int | float) and 0 <= value < 2**63 else None


def _fraction(value: object) -> float | None:
    # NaN, which equals nothing, would not be JSON for the page.
    return float(min(max(value, 0), 1)) if isinstance(value, int | float) and value == value else None


def error_code(value: object) -> str:
    """An error's code as it is stored; a server that gives none, such as Ollama, gets one."""
    return plain_text(value)[:LONGEST_CODE] or "engine_error"


def plain_text(value: object) -> str:
    """A string that any database and socket can hold: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
