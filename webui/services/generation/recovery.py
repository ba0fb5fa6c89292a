"""What no generation runs any more but the rows still say so: after a crash at the next start, and on the way out.

One web process owns all running rows, so at its start each of them is a leftover.
"""

import asyncio
import atexit
import logging
import sys
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from webui.enums import RUNNING_STATUSES, MessageStatus
from webui.models import Message
from webui.services.errors import interruption

logger = logging.getLogger(__name__)


def recover_interrupted() -> int:
    """Marks every row that was being written when the process ended; returns their number. For the start of the process."""
    return _interrupt(Message.objects.all())


def settle_orphan(message_id: UUID) -> None:
    """Marks one row that says it is running though nothing runs it."""
    _interrupt(Message.objects.filter(pk=message_id))


def _interrupt(messages: QuerySet[Message]) -> int:
    return messages.filter(status__in=RUNNING_STATUSES).update(
        status=MessageStatus.INTERRUPTED,
        finish_reason="abort",
        finished_at=timezone.now(),
        **interruption(),
    )


def save_on_exit() -> None:
    """Has running answers saved as interrupted when the process is told to end.

    daphne knows no ASGI lifespan, so this hangs on Twisted's reactor where it runs us, and everywhere on the interpreter's exit.
    """
    atexit.register(_save_at_exit)
    if "twisted.internet.reactor" in sys.modules:
        from twisted.internet import reactor
        from twisted.internet.defer import Deferred

        def shut_down() -> "Deferred[None]":
            from webui.services.generation.registry import registry

            return Deferred.fromFuture(asyncio.ensure_future(registry.shut_down()))

        reactor.addSystemEventTrigger("before", "shutdown", shut_down)  # type: ignore[arg-type]


def _save_at_exit() -> None:
    module = sys.modules.get("webui.services.generation.registry")
    if module is None:
        return
    for generation in module.registry.unsaved():
        try:
            row = Message.objects.filter(pk=generation.job.message_id)
            row.filter(status__in=RUNNING_STATUSES).update(content=generation.stream.text, thinking=generation.stream.thinking)
            settle_orphan(generation.job.message_id)
        except Exception:
            logger.exception("Message %s could not be saved on exit", generation.job.message_id)
