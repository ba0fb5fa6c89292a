"""What the runtime keeps of computed conversations is deleted with them."""

import asyncio
import logging
from uuid import UUID

from webui.services.errors import RuntimeFailure
from webui.services.event_loop import submit
from webui.services.inference_client import inference_client

logger = logging.getLogger(__name__)
#: Seconds between attempts, while the runtime does not answer.
_PAUSES = (2.0, 10.0, 60.0, 300.0, 1800.0)


def scope_of(owner_id: UUID, conversation_id: UUID | None = None) -> str:
    """The runtime's name for whose a prompt is; without a conversation, for all of a person's."""
    owner = f"user:{owner_id}"
    return owner if conversation_id is None else f"{owner}/conversation:{conversation_id}"


def forget_scope(scope: str) -> None:
    """Asks the runtime, in the background, for as long as it may be restarting; from any thread."""
    submit(lambda: _forget(scope))


async def _forget(scope: str) -> None:
    for pause in (*_PAUSES, None):
        try:
            await inference_client().forget(scope)
            return
        except RuntimeFailure as failure:
            if pause is None:
                logger.warning("The runtime was not told to forget %s: %s", scope, failure.sentence)
                return
        await asyncio.sleep(pause)
