"""The rows that a generation writes, in one thread of their own: never on the event loop, never waiting behind a view.

Every write asks that the row is still running: a row that a person deleted or that was settled by a restart is left alone.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.utils import timezone

from webui.enums import RUNNING_STATUSES, MessageStatus
from webui.models import Conversation, Message
from webui.services.database_threads import run_in

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
_writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="generation-rows")


async def in_writer(function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
    """Runs a function that uses the database in the writer's thread."""
    return await run_in(_writer, function, *args, **kwargs)


def save_progress(message_id: UUID, content: str, thinking: str = "") -> bool:
    """Keeps what is there so far; False where the row is not this generation's any more."""
    running = Message.objects.filter(pk=message_id, status__in=RUNNING_STATUSES)
    return running.update(content=content, thinking=thinking, status=MessageStatus.STREAMING) == 1


def save_ending(message_id: UUID, fields: dict[str, Any]) -> str | None:
    """The one final save. Returns the conversation's title, or None where the row was gone or had ended before."""
    running = Message.objects.filter(pk=message_id, status__in=RUNNING_STATUSES)
    if running.update(finished_at=timezone.now(), **fields) != 1:
        return None
    return Conversation.objects.filter(messages=message_id).values_list("title", flat=True).first()
