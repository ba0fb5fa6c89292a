"""What an answer took that was cut off, because its client went away, its key ended or the runtime gave it up.

Nobody was told, so the runtime is asked, by the id that the request was given (`inference.api.usage_record`). That is done
beside everything else: whoever is cut off does not wait for it.
"""

import asyncio
import logging
import secrets
from collections import deque
from dataclasses import dataclass
from uuid import UUID

from webui.api.passing import read_answer
from webui.api.refusals import Refusal
from webui.api.upstream import UpstreamUnreachable, connect, upstream_target
from webui.api.usage import Usage, read_usage
from webui.services.api_key_usage import record_usage

logger = logging.getLogger(__name__)
#: Longer than the runtime lets anybody wait.
_PATIENCE_S = 40.0
_AT_ONCE = 8
#: Questions that wait for their turn; more are not asked.
MOST_WAITING = 2000


def new_request_id() -> str:
    return secrets.token_hex(16)


@dataclass(frozen=True)
class _Question:
    key_id: UUID
    request_id: str
    told: Usage


class CutAnswers:
    """The questions of one process, on its event loop."""

    def __init__(self) -> None:
        self._waiting: deque[_Question] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    def ask(self, key_id: UUID, request_id: str, *, told: Usage | None = None) -> None:
        """Counts for the key what the request took; `told` is what was heard of it, for where the runtime does not know."""
        if len(self._waiting) >= MOST_WAITING:
            logger.warning("Too many answers are being cut off: the tokens of one for the API key %s are not counted", key_id)
            return
        self._waiting.append(_Question(key_id, request_id, told or Usage()))
        if len(self._workers) < _AT_ONCE:
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def settled(self) -> None:
        """Once all that was asked until now has been answered."""
        while self._workers:
            await asyncio.wait(set(self._workers))

    async def _work(self) -> None:
        while self._waiting:
            question = self._waiting.popleft()
            usage = await _usage_of(question.request_id) or question.told
            if usage != Usage():
                record_usage(
                    question.key_id,
                    requests=0,
                    prompt_tokens=usage.prompt_tokens,
                    completion_tokens=usage.completion_tokens,
                )


async def _usage_of(request_id: str) -> Usage | None:
    """None where the runtime does not know, or does not answer."""
    target, headers = upstream_target(f"/api/hearth/usage/{request_id}", b"")
    try:
        async with asyncio.timeout(_PATIENCE_S):
            upstream = await connect()
            try:
                await upstream.send(b"GET", target, [*headers, (b"connection", b"close")])
                head, content = await read_answer(upstream)
            finally:
                upstream.close()
    except (UpstreamUnreachable, Refusal, TimeoutError):
        return None
    return read_usage(content) if head.status == 200 else None


cut_answers = CutAnswers()
