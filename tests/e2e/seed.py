"""Stored conversations for browser tests that need what a small model would not write."""

import json

from tests.site import Site

SCRIPT = """
import json
from webui.enums import MessageRole
from webui.models import Conversation, Message, User
user = User.objects.get(email={email!r})
conversation = Conversation.objects.create(owner=user, title={title!r}, model="smollm2:135m")
parent = None
rows = []
for index, text in enumerate(json.loads({texts!r})):
    role = MessageRole.ASSISTANT if index % 2 else MessageRole.USER
    parent = Message(conversation=conversation, parent=parent, role=role, content=text, model="smollm2:135m")
    rows.append(parent)
Message.objects.bulk_create(rows)
conversation.active_leaf = parent
conversation.save()
print(conversation.id)
"""


def store_conversation(site: Site, email: str, title: str, texts: list[str]) -> str:
    """Questions and answers in turn. Returns the conversation's address."""
    code = SCRIPT.format(email=email, title=title, texts=json.dumps(texts))
    return f"{site.url}/c/{site.manage('shell', '-c', code).strip().splitlines()[-1]}/"
