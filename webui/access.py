"""The only door to an object by its id: whoever may not see it hears the same 404 as if it were not there.

Ids come from addresses, forms and the socket and are not trusted. Nested ids are resolved through their parent.
"""

from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from webui.models import ApiKey, Conversation, Message, User


def visible_conversations(user: User) -> QuerySet[Conversation]:
    """Conversations that `user` may read: their own, and none at all while the account may not enter."""
    if not user.may_enter:
        return Conversation.objects.none()
    return Conversation.objects.filter(owner=user)


def get_conversation(user: User, conversation_id: UUID) -> Conversation:
    """Raises Http404 where it is missing or somebody else's."""
    conversation = visible_conversations(user).filter(pk=conversation_id).first()
    if conversation is None:
        raise Http404(_("This conversation does not exist."))
    return conversation


def get_message(user: User, message_id: UUID) -> Message:
    """The message with its `conversation` loaded. Raises Http404 where it is missing or in somebody else's conversation."""
    message = (
        Message.objects.filter(conversation__in=visible_conversations(user), pk=message_id).select_related("conversation").first()
    )
    if message is None:
        raise Http404(_("This message does not exist."))
    return message


def get_message_of(conversation: Conversation, message_id: UUID) -> Message:
    """A message by an id that is only valid inside `conversation`, which was itself got through this module."""
    message = conversation.messages.filter(pk=message_id).first()
    if message is None:
        raise Http404(_("This message does not exist."))
    message.conversation = conversation
    return message


def visible_api_keys(user: User) -> QuerySet[ApiKey]:
    """Keys that `user` may see and revoke here: their own, the newest first."""
    if not user.may_enter:
        return ApiKey.objects.none()
    return ApiKey.objects.filter(user=user)


def get_api_key(user: User, key_id: UUID) -> ApiKey:
    """Raises Http404 where it is missing or somebody else's."""
    key = visible_api_keys(user).filter(pk=key_id).first()
    if key is None:
        raise Http404(_("This API key does not exist."))
    return key


def visible_people(administrator: User, *, query: str = "") -> QuerySet[User]:
    """Everybody with an account, those waiting first; nobody at all for whoever is not an administrator.

    `query` is looked for in names and addresses.
    """
    if not (administrator.may_enter and administrator.is_administrator):
        return User.objects.none()
    found = User.objects.filter(Q(display_name__icontains=query) | Q(email__icontains=query)) if query else User.objects.all()
    return found.order_by("is_approved", "date_joined", "pk")


def get_person(administrator: User, user_id: UUID) -> User:
    """An account to decide about. Raises Http404 where it is missing or the asker is not an administrator."""
    person = visible_people(administrator).filter(pk=user_id).first()
    if person is None:
        raise Http404(_("This account does not exist."))
    return person
