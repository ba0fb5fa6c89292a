"""Makers of stored objects: each fills in whatever the test does not care about."""

from functools import cache
from itertools import count
from typing import Any

from django.contrib.auth.hashers import make_password

from tests.passwords import QuickArgon2
from webui.enums import ApiScope, MessageRole, MessageStatus, Role
from webui.models import ApiKey, Conversation, Message, User
from webui.services.api_keys import create_key

PASSWORD = "a lantern in the hallway"
_numbers = count(1)


@cache
def _hashed_password() -> str:
    hasher = QuickArgon2()
    return hasher.encode(PASSWORD, hasher.salt())


def make_user(**fields: Any) -> User:
    """An approved member who signs in with `PASSWORD`."""
    number = next(_numbers)
    password = fields.pop("password", None)
    defaults = {
        "email": f"person{number}@example.org",
        "display_name": f"Person {number}",
        "is_approved": True,
        "password": make_password(password) if password else _hashed_password(),
    }
    return User.objects.create(**{**defaults, **fields})


def make_administrator(**fields: Any) -> User:
    return make_user(role=Role.ADMINISTRATOR, **fields)


def make_conversation(*, user: User | None = None, messages: int = 0, **fields: Any) -> Conversation:
    """A conversation with `messages` finished messages, questions and answers in turn, the last of them the active leaf."""
    defaults = {"title": f"Conversation {next(_numbers)}", "model": "smollm2:135m"}
    conversation = Conversation.objects.create(owner=user or make_user(), **{**defaults, **fields})
    branch: list[Message] = []
    for number in range(messages):
        role = MessageRole.ASSISTANT if number % 2 else MessageRole.USER
        parent = branch[-1] if branch else None
        branch.append(Message(conversation=conversation, parent=parent, role=role, content=f"Message number {number}."))
    Message.objects.bulk_create(branch)
    if branch:
        conversation.active_leaf = branch[-1]
        conversation.save(update_fields=["active_leaf"])
    return conversation


def make_answer(*, user: User | None = None, conversation: Conversation | None = None, **fields: Any) -> Message:
    """The last message of a conversation: an answer to a question, complete unless `status` says otherwise."""
    conversation = conversation or make_conversation(user=user)
    question = Message.objects.create(
        conversation=conversation, parent=conversation.active_leaf, role=MessageRole.USER, content="Why is the sky blue?"
    )
    defaults = {"content": "Because of the air.", "status": MessageStatus.COMPLETE, "model": conversation.model}
    answer = Message.objects.create(
        conversation=conversation, parent=question, role=MessageRole.ASSISTANT, **{**defaults, **fields}
    )
    conversation.active_leaf = answer
    conversation.save(update_fields=["active_leaf"])
    return answer


def make_api_key(*, user: User | None = None, **fields: Any) -> tuple[ApiKey, str]:
    """A key for chat and embeddings, and its text; fields that the service would not set so are stored as they are."""
    number = next(_numbers)
    defaults = {"name": f"Key {number}", "scopes": [ApiScope.CHAT, ApiScope.EMBED]}
    asked = {name: fields.pop(name, default) for name, default in defaults.items()}
    key, text = create_key(user or make_user(), **asked)
    if fields:
        ApiKey.objects.filter(pk=key.pk).update(**fields)
        key.refresh_from_db()
    return key, text
