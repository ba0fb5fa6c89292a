"""The objects that chat and generate answer with, in Ollama's shapes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from inference.prompt.parsing import ToolCall
from inference.runner.messages import TokenLogprob
from inference.scheduler import Finished, Loading, Prefilling, Queued, Rendered


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """What one line says of an answer; of the last line of an answer that is not streamed, all of it."""

    text: str = ""
    thinking: str = ""
    tool_calls: Sequence[ToolCall] = ()
    #: Of the tokens that the part begins in, when they were asked for.
    logprobs: list[TokenLogprob] = field(default_factory=list)
    #: Tokens drawn for `thinking`; marks that are not shown count with what comes after them.
    num_thinking_tokens: int = 0


#: Puts a part into the fields in which chat and generate differ.
Content = Callable[[AnswerPart], dict[str, Any]]


def chat_content(part: AnswerPart) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": part.text} | _thinking_field(part)
    if part.tool_calls:
        message["tool_calls"] = [_tool_call(call) for call in part.tool_calls]
    return {"message": message}


def generate_content(part: AnswerPart) -> dict[str, Any]:
    return {"response": part.text} | _thinking_field(part)


def _thinking_field(part: AnswerPart) -> dict[str, Any]:
    return {"thinking": part.thinking} if part.thinking else {}


def _tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "function": {"index": call.index, "name": call.name, "arguments": call.arguments}}


def timestamp(time_ns: int | None = None) -> str:
    """RFC 3339 in UTC with nanoseconds; now, when no time is given."""
    seconds, fraction = divmod(time.time_ns() if time_ns is None else time_ns, 1_000_000_000)
    return f"{_date_and_time(seconds)}.{fraction:09d}Z"


@lru_cache(maxsize=8)
def _date_and_time(seconds: int) -> str:
    """Kept, since all tokens of a second have the same."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def output_line(model: str, content: Content, part: AnswerPart) -> dict[str, Any]:
    line = {"model": model, "created_at": timestamp(), **content(part), "done": False}
    return line | logprobs_field(part.logprobs)


def rendered_line(model: str, rendered: Rendered) -> dict[str, Any]:
    """The answer to `_debug_render_only`."""
    info = {"rendered_template": rendered.text} | ({"image_count": rendered.num_images} if rendered.num_images else {})
    return {"model": model, "created_at": timestamp(), "_debug_info": info}


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
    return {"model": model, "created_at": timestamp(), **content(AnswerPart()), "done": True, "done_reason": done_reason}


def final_line(
    model: str, content: Content, finished: Finished, part: AnswerPart, *, total_duration_ns: int, knows_hearth: bool
) -> dict[str, Any]:
    """`part` is empty in a stream: some clients drop what the last line says. To a client that knows nothing of Hearth,
    an answer that was ended because it repeated itself has reached its length: Ollama has no word for it."""
    if finished.finish_reason == "load":
        return empty_line(model, content, "load")
    stats = finished.stats
    return {
        "model": model,
        "created_at": timestamp(),
        **content(part),
        "done": True,
        "done_reason": "length" if finished.finish_reason == "repeat" and not knows_hearth else finished.finish_reason,
        **logprobs_field(part.logprobs),
        **({"context": list(finished.tokens)} if finished.tokens else {}),
        "total_duration": total_duration_ns,
        "load_duration": finished.load_duration_ns,
        "prompt_eval_count": stats.num_prompt_tokens,
        "prompt_eval_duration": stats.prompt_eval_duration_ns,
        "eval_count": stats.num_completion_tokens,
        "eval_duration": stats.eval_duration_ns,
        "hearth": {
            "cached_tokens": stats.num_cached_tokens,
            "dropped_tokens": stats.num_dropped_tokens,
            **context_field(finished),
        },
    }


def context_field(finished: Finished) -> dict[str, int]:
    """Not there where the answer had the context that was asked for."""
    return {"num_ctx": finished.num_ctx, "num_ctx_asked": finished.num_ctx_asked} if finished.num_ctx_asked else {}


def event_line(status: Loading | Queued | Prefilling) -> dict[str, Any]:
    match status:
        case Loading(fraction):
            return {"event": "loading", "fraction": round(fraction, 3)}
        case Queued(position, seconds):
            return {"event": "queued", "position": position} | ({} if seconds is None else {"seconds": seconds})
        case Prefilling(completed, total):
            return {"event": "prompt", "completed": completed, "total": total}
