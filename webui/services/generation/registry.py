"""All generations of this process, by message id. Their tasks are referenced from here, so that none is collected early."""

import asyncio
import logging
from contextlib import suppress
from uuid import UUID

from webui.enums import MessageStatus
from webui.services import titles
from webui.services.event_loop import call_on_loop, submit
from webui.services.generation.generation import Generation, GenerationJob
from webui.services.generation.store import MemoryStore
from webui.services.generation.stream import Stream
from webui.services.notices import conversation_changed

logger = logging.getLogger(__name__)
#: How long a view waits for the end of an answer that it stopped.
SECONDS_TO_STOP = 2.0


class Registry:
    """Used on the event loop only; `start_generation` and `stop_generation` are for threads."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self._running: dict[UUID, Generation] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}

    def start(self, job: GenerationJob) -> None:
        """One generation a message: a second start while the first runs is a mistake of the caller."""
        assert job.message_id not in self._tasks, "this message is being generated"
        self._tasks[job.message_id] = asyncio.get_running_loop().create_task(self._run(job))

    def is_running(self, message_id: UUID) -> bool:
        return message_id in self._tasks

    async def find(self, message_id: UUID) -> Stream | None:
        """The message's stream, also for a while after its end."""
        return await self.store.find(message_id)

    def stop(self, message_id: UUID, status: MessageStatus = MessageStatus.STOPPED) -> bool:
        """Whether there was a generation to stop."""
        generation = self._running.get(message_id)
        if generation is not None:
            generation.stop(status)
        return generation is not None

    async def wait(self, message_id: UUID) -> None:
        """Until the generation has ended and its row is saved."""
        task = self._tasks.get(message_id)
        if task is not None:
            await asyncio.wait({task})

    async def shut_down(self, timeout_seconds: float = 4.0) -> None:
        """Ends what is running as interrupted and waits for the rows."""
        for generation in list(self._running.values()):
            generation.stop(MessageStatus.INTERRUPTED)
        if self._tasks:
            await asyncio.wait(set(self._tasks.values()), timeout=timeout_seconds)

    def unsaved(self) -> list[Generation]:
        return list(self._running.values())

    async def _run(self, job: GenerationJob) -> None:
        try:
            stream = await self.store.open(job.message_id, job.text, job.thinking)
            generation = self._running[job.message_id] = Generation(job, stream)
            status = await generation.run()
            await self.store.release(job.message_id, stream)
            conversation_changed(job.owner_id, job.conversation_id)
            if job.wants_title and status == MessageStatus.COMPLETE and stream.text.strip():
                titles.start_title(job.conversation_id, job.owner_id, job.request, stream.text)
        except Exception:
            logger.exception("Generation of message %s broke", job.message_id)
        finally:
            self._running.pop(job.message_id, None)
            self._tasks.pop(job.message_id, None)


registry = Registry()


def start_generation(job: GenerationJob) -> None:
    """Starts it on the web process's loop, from any thread. Raises RuntimeError where there is no loop to run on."""
    if not call_on_loop(registry.start, job):
        raise RuntimeError("No event loop is bound: generations run in the web process only.")


def stop_generation(message_id: UUID) -> bool:
    """Asks the generation to end, from any thread; False where this process runs none. Does not wait for the row."""
    return registry.is_running(message_id) and call_on_loop(registry.stop, message_id)


def wait_for_generation(message_id: UUID) -> None:
    """Waits a moment for the row of a generation that was stopped, from any thread but the loop's."""
    ended = submit(lambda: registry.wait(message_id))
    if ended is not None:
        with suppress(TimeoutError):
            ended.result(timeout=SECONDS_TO_STOP)
