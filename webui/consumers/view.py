"""One answer shown on one page: follows a stream at the pace at which the socket takes frames."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from webui.markdown import BlockView
from webui.markdown.view import LARGEST_FRAME
from webui.services.generation.stream import Ending, Stream
from webui.services.inference_events import Progress

#: Seconds between the frames of one view: what comes in between travels together.
PAUSE = 0.03
Send = Callable[[str], Awaitable[None]]


def encode(message: Any) -> str:
    """Compact JSON; text stays text, so that a token of Chinese costs its bytes and not escapes."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


async def show_stream(stream: Stream, *, number: int, offset: int, send: Send, thought: int = 0) -> Ending:
    """Sends what there is from `offset` on and what comes, until the stream has ended; returns how. Sends no final event.
    `thought` characters of the thinking are on the page."""
    view = BlockView(stream.blocks, stream=number, offset=offset)
    told: Progress | None = None
    seen = -1
    while True:
        # The ending is looked at before the frames: what comes after it is nothing.
        ending, progress = stream.ending, stream.progress
        if progress is not None and progress is not told:
            told = progress
            await send(encode(_status(number, progress)))
        frames = [*_thinking_frames(number, thought, stream.thinking), *view.frames()]
        thought = max(thought, len(stream.thinking))
        for frame in frames:
            await send(encode(frame))
        if ending is not None:
            return ending
        if frames:
            await asyncio.sleep(max(view.next_delay, PAUSE))
        seen = await stream.changed(seen)


def _thinking_frames(number: int, thought: int, thinking: str) -> list[list[object]]:
    """What was thought since, in pieces, each with how many characters the page then has."""
    starts = range(thought, len(thinking), LARGEST_FRAME)
    pieces = (thinking[start : start + LARGEST_FRAME] for start in starts)
    return [[number, [start + len(piece), piece]] for start, piece in zip(starts, pieces, strict=True)]


def _status(number: int, progress: Progress) -> dict[str, Any]:
    message: dict[str, Any] = {"type": "generation.status", "stream": number, "status": progress.stage}
    details = {"fraction": progress.fraction, "position": progress.position, "seconds": progress.seconds}
    details |= {"completed": progress.completed, "total": progress.total}
    return message | {name: value for name, value in details.items() if value is not None}
