"""The objects that chat and generate answer with, in Ollama's shapes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from inference.runner.messages import TokenLogprob
from inference.scheduler import Finished, Loading, Output, Prefilling, Queued

#: Puts text into the part of a line in which chat and generate differ.
Content = Callable[[str], dict[str, Any]]


def chat_content(text: str) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}}


def generate_content(text: str) -> dict[str, Any]:
    return {"response": text}


def timestamp(time_ns: int | None = None) -> str:
    """RFC 3339 in UTC with nanoseconds; now, when no time is given."""
    seconds, fraction = divmod(time.time_ns() if time_ns is None else time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def output_line(model: str, content: Content, output: Output) -> dict[str, Any]:
    line = {"model": model, "created_at": timestamp(), **content(output.text), "done": False}
    return line | logprobs_field(output.logprobs)


def logprobs_field(logprobs: list[TokenLogprob]) -> dict[str, Any]:
    """Not there where nobody asked for it."""
    return {"logprobs": [_logprob(entry) for entry in logprobs]} if logprobs else {}


def _logprob(entry: TokenLogprob) -> dict[str, Any]:
    top = [_token(piece, logprob) for piece, logprob in entry.top]
    return _token(entry.piece, entry.logprob) | ({"top_logprobs": top} if top else {})


def _token(piece: bytes, logprob: float) -> dict[str, Any]:
    """A token may be part of a character: its bytes say exactly which."""
    return {"token": piece.decode("utf-8", "replace"), "logprob": logprob, "bytes": list(piece)}


def empty_line(model: str, content: Content, done_reason: str) -> dict[str, Any]:
    """The answer to a request that only loads or unloads."""
    return {"model": model, "created_at": timestamp(), **content(""), "done": True, "done_reason": done_reason}


def final_line(
    model: str, content: Content, finished: Finished, output: Output, *, total_duration_ns: int, knows_hearth: bool
) -> dict[str, Any]:
    """`output` is empty in a stream: some clients drop what the last line says. To a client that knows nothing of Hearth,
    an answer that was ended because it repeated itself has reached its length: Ollama has no word for it."""
    if finished.finish_reason == "load":
        return empty_line(model, content, "load")
    stats = finished.stats
    return {
        "model": model,
        "created_at": timestamp(),
        **content(output.text),
        "done": True,
        "done_reason": "length" if finished.finish_reason == "repeat" and not knows_hearth else finished.finish_reason,
        **logprobs_field(output.logprobs),
        "total_duration": total_duration_ns,
        "load_duration": finished.load_duration_ns,
        "prompt_eval_count": stats.num_prompt_tokens,
        "prompt_eval_duration": stats.prompt_eval_duration_ns,
        "eval_count": stats.num_completion_tokens,
        "eval_duration": stats.eval_duration_ns,
        "hearth": {"cached_tokens": stats.num_cached_tokens, "dropped_tokens": stats.num_dropped_tokens},
    }


def event_line(status: Loading | Queued | Prefilling) -> dict[str, Any]:
    match status:
        case Loading(fraction):
            return {"event": "loading", "fraction": round(fraction, 3)}
        case Queued(position, seconds):
            return {"event": "queued", "position": position} | ({} if seconds is None else {"seconds": seconds})
        case Prefilling(completed, total):
            return {"event": "prompt", "completed": completed, "total": total}
