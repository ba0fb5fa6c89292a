"""Tells a person's open pages that something changed. What changed they fetch themselves: no content travels here.

Notices go through the channel layer, which may drop them when a page reads too slowly; nothing depends on each one arriving.
"""

from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer

from webui.services.event_loop import submit


def user_group(user_id: UUID) -> str:
    return f"user.{user_id}"


def conversation_changed(user_id: UUID, conversation_id: UUID) -> None:
    """The conversation is new, renamed, active again or gone: sidebars show something old."""
    _send(user_id, {"type": "conversation.changed", "conversation": str(conversation_id)})


def access_revoked(user_id: UUID) -> None:
    """The person signed out, was shut out or lost the right to enter: each open socket checks its session at once."""
    _send(user_id, {"type": "access.revoked"})


def _send(user_id: UUID, notice: dict[str, Any]) -> None:
    submit(lambda: get_channel_layer().group_send(user_group(user_id), notice))
