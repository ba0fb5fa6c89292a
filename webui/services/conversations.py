"""Renaming and deleting conversations. A new one is made by its first message: `services.messages.send_message`."""

from django.db import transaction

from webui.enums import RUNNING_STATUSES, TitleSource
from webui.models import Conversation
from webui.services.forgetting import forget_scope, scope_of
from webui.services.generation.registry import stop_generation
from webui.services.notices import conversation_changed
from webui.services.titles import cancel_title


def rename_conversation(conversation: Conversation, *, title: str) -> None:
    """Gives a person's title, which no model replaces any more."""
    conversation.title, conversation.title_source = title, TitleSource.USER
    conversation.save(update_fields=["title", "title_source"])
    cancel_title(conversation.pk)
    transaction.on_commit(lambda: conversation_changed(conversation.owner_id, conversation.pk))


def delete_conversation(conversation: Conversation) -> None:
    """Deletes it with all messages and what the runtime keeps of it; answers being written are stopped first."""
    owner_id, conversation_id = conversation.owner_id, conversation.pk
    cancel_title(conversation_id)
    running = conversation.messages.filter(status__in=RUNNING_STATUSES).values_list("pk", flat=True)
    for message_id in running:
        stop_generation(message_id)
    conversation.delete()
    transaction.on_commit(lambda: conversation_changed(owner_id, conversation_id))
    transaction.on_commit(lambda: forget_scope(scope_of(owner_id, conversation_id)))
