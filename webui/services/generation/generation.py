"""A generation: the live run that fills one assistant message. It belongs to no socket and to no request of a browser.

It reads the runtime's events, appends to the stream that readers watch, saves the row about once a second and exactly once at
the end. Only stopping it, deleting its message or ending the process ends it early.
"""

import asyncio
import logging
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from webui.enums import MessageStatus
from webui.services.errors import RuntimeFailure, interruption
from webui.services.generation.rows import in_writer, save_ending, save_progress
from webui.services.generation.stream import Ending, Stream
from webui.services.inference_client import ChatRequest, inference_client
from webui.services.inference_events import Delta, Done, Progress, Stage

logger = logging.getLogger(__name__)
SECONDS_BETWEEN_SAVES = 1.0
#: Times to try the final save, so that a database locked or restarting for a moment does not cost the answer its end.
FINAL_SAVES = 4


@dataclass(frozen=True)
class GenerationJob:
    """All that a generation needs, read before it starts. `text` is what an answer that is continued begins with, `thinking`
    what was thought before it."""

    message_id: UUID
    conversation_id: UUID
    owner_id: UUID
    request: ChatRequest
    text: str = ""
    thinking: str = ""
    wants_title: bool = False
    language: str = field(default_factory=lambda: translation.get_language() or "en")
    asked_at: float = field(default_factory=time.monotonic)


class Generation:
    """`run` is awaited by one task and always ends by itself; `stop` makes it end sooner."""

    def __init__(self, job: GenerationJob, stream: Stream) -> None:
        self.job = job
        self.stream = stream
        self.status = MessageStatus.QUEUED
        self._reading: asyncio.Task[None] | None = None
        self._ending: MessageStatus | None = None
        self._failure: RuntimeFailure | None = None
        self._done: Done | None = None
        self._ttft_ms: int | None = None
        self._thinks_since: float | None = None
        self._thinking_ms: int | None = None
        self._saving: asyncio.Task[None] | None = None
        self._next_save: asyncio.TimerHandle | None = None
        self._saved_at = 0.0

    async def run(self) -> MessageStatus:
        with translation.override(self.job.language):
            self._reading = asyncio.create_task(self._read())
            await asyncio.wait({self._reading})
            if not self._reading.cancelled() and (error := self._reading.exception()):
                logger.error("Generation of message %s failed", self.job.message_id, exc_info=error)
                self._failure = RuntimeFailure("internal", _("Something went wrong on the server while this was written."))
            return await self._finish()

    def stop(self, status: MessageStatus = MessageStatus.STOPPED) -> None:
        """Closes the request to the runtime and ends with `status`; what is there is kept. Too late is no error."""
        if self._ending is None and (self._reading is None or not self._reading.done()):
            self._ending = status
            if self._reading is not None:
                self._reading.cancel()

    async def _read(self) -> None:
        """Asks once, and once more if the runtime died before the first word."""
        if self._ending is not None:
            return
        for attempt in (1, 2):
            try:
                await self._read_answer()
                return
            except RuntimeFailure as failure:
                if attempt == 2 or not failure.is_crash or self._ttft_ms is not None:
                    self._failure = failure
                    return
                logger.warning("Message %s: %s Asking once more.", self.job.message_id, failure.sentence)

    async def _read_answer(self) -> None:
        async with aclosing(inference_client().chat(self.job.request)) as events:
            async for event in events:
                if isinstance(event, Delta):
                    self._append(event)
                elif isinstance(event, Done):
                    self._done = event
                elif self.status == MessageStatus.QUEUED:
                    self.stream.report(event)

    def _append(self, delta: Delta) -> None:
        if self._ttft_ms is None:
            self._ttft_ms = round((time.monotonic() - self.job.asked_at) * 1000)
            self.status = MessageStatus.STREAMING
        if delta.thinking:
            self._report("thinking")
            self._count_thinking()
            self.stream.think(delta.thinking)
        if delta.text:
            if self._report("streaming") and self._thinks_since is not None:
                self._count_thinking()
            self.stream.append(delta.text)
        self._save_later()

    def _report(self, stage: Stage) -> bool:
        """Tells readers what the model does now; False where they know."""
        if self.stream.progress is not None and self.stream.progress.stage == stage:
            return False
        self.stream.report(Progress(stage))
        return True

    def _count_thinking(self) -> None:
        """The time from the first thought to this one, or to the first word of the answer."""
        now = time.monotonic()
        self._thinks_since = self._thinks_since or now
        self._thinking_ms = round((now - self._thinks_since) * 1000)

    def _save_later(self) -> None:
        if self._next_save is None and (self._saving is None or self._saving.done()):
            wait = max(0.0, self._saved_at + SECONDS_BETWEEN_SAVES - time.monotonic())
            self._next_save = asyncio.get_running_loop().call_later(wait, self._save_soon)

    def _save_soon(self) -> None:
        self._next_save = None
        self._saved_at = time.monotonic()
        self._saving = asyncio.create_task(self._save())

    async def _save(self) -> None:
        try:
            if not await in_writer(save_progress, self.job.message_id, self.stream.text, self.stream.thinking):
                self.stop(MessageStatus.INTERRUPTED)
        except Exception:
            logger.exception("Message %s could not be saved; the next save tries again", self.job.message_id)

    async def _finish(self) -> MessageStatus:
        if self._next_save is not None:
            self._next_save.cancel()
        if self._saving is not None:
            await self._saving
        fields = self._final_fields()
        title = await self._save_ending(fields)
        self.status = fields["status"]
        self.stream.end(Ending(self.status, title or ""))
        return self.status

    async def _save_ending(self, fields: dict[str, Any]) -> str | None:
        for attempt in range(FINAL_SAVES):
            try:
                return await in_writer(save_ending, self.job.message_id, fields)
            except Exception:
                logger.exception("Message %s could not be finished (attempt %d)", self.job.message_id, attempt + 1)
                await asyncio.sleep(0.2 * 4**attempt)
        return None

    def _final_fields(self) -> dict[str, Any]:
        """The row's last change: status, text and the runtime's counts; or why there is not more text."""
        fields: dict[str, Any] = {"content": self.stream.text, "thinking": self.stream.thinking, "ttft_ms": self._ttft_ms}
        if self._thinking_ms is not None:
            fields["thinking_ms"] = self._thinking_ms
        if self._ending is not None:
            fields |= {"status": self._ending, "finish_reason": "abort"}
            return fields | (interruption() if self._ending == MessageStatus.INTERRUPTED else {})
        if self._failure is not None or self._done is None:
            failure = self._failure or RuntimeFailure("internal", _("The answer ended without a reason."))
            status = MessageStatus.FAILED if self._ttft_ms is None else MessageStatus.INTERRUPTED
            fields |= {"status": status, "finish_reason": "error", "error_code": failure.code}
            return fields | {"error_detail": failure.sentence}
        done = self._done
        return fields | {
            "status": MessageStatus.COMPLETE,
            "finish_reason": done.finish_reason,
            "prompt_tokens": done.prompt_tokens,
            "completion_tokens": done.completion_tokens,
            "dropped_tokens": done.dropped_tokens,
            "load_ms": done.load_ms,
            "prompt_eval_ms": done.prompt_eval_ms,
            "eval_ms": done.eval_ms,
        }
