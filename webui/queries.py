"""Reads that more than one place needs: branches of the message tree and pages of the sidebar.

A branch is followed upwards by a recursive query, so that its cost depends on what is shown and not on the conversation's length.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo
from uuid import UUID

from django.db import connection
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from webui.access import visible_conversations
from webui.models import Conversation, Message, User

MESSAGES_PER_PAGE = 40
CONVERSATIONS_PER_PAGE = 40
#: A branch is never followed further than this, also not where stored parents form a circle.
LONGEST_BRANCH = 10_000

_BRANCH = """
WITH RECURSIVE branch(id, parent_id, distance) AS (
    SELECT id, parent_id, 1 FROM webui_message WHERE id = %s AND conversation_id = %s
    UNION ALL
    SELECT above.id, above.parent_id, branch.distance + 1
    FROM webui_message above JOIN branch ON above.id = branch.parent_id
    WHERE branch.distance < %s AND above.conversation_id = %s
)
SELECT webui_message.* FROM webui_message JOIN branch ON branch.id = webui_message.id ORDER BY branch.distance
"""


@dataclass
class BranchPage:
    """Messages of a branch, oldest first; `older_before` is the first one's id where older messages exist."""

    messages: list[Message]
    older_before: UUID | None


@dataclass
class SidebarGroup:
    label: str
    conversations: list[Conversation] = field(default_factory=list)


@dataclass
class SidebarPage:
    """`next_before`: the id to ask the next page with, None on the last one."""

    groups: list[SidebarGroup]
    next_before: UUID | None
    current_id: UUID | None = None


def _upwards(conversation: Conversation, leaf_id: UUID | None, limit: int) -> list[Message]:
    """At most `limit` messages from `leaf_id` towards the first one, newest first, in one query."""
    if leaf_id is None:
        return []
    prepare = Message._meta.pk.get_db_prep_value
    conversation_id = prepare(conversation.pk, connection)
    return list(Message.objects.raw(_BRANCH, [prepare(leaf_id, connection), conversation_id, limit, conversation_id]))


def branch_page(conversation: Conversation, *, before: Message | None = None, limit: int = MESSAGES_PER_PAGE) -> BranchPage:
    """The last `limit` messages of the shown branch, or of what lies above `before`, a message of the same conversation."""
    leaf_id = conversation.active_leaf_id if before is None else before.parent_id
    newest_first = _upwards(conversation, leaf_id, limit + 1)
    has_older = len(newest_first) > limit
    messages = newest_first[:limit][::-1]
    return BranchPage(messages, messages[0].pk if has_older else None)


def branch_messages(message: Message) -> list[Message]:
    """`message` and all messages above it, oldest first: what the model is shown."""
    return _upwards(message.conversation, message.pk, LONGEST_BRANCH)[::-1]


def sidebar_page(
    user: User, *, before: Conversation | None = None, current_id: UUID | None = None, limit: int = CONVERSATIONS_PER_PAGE
) -> SidebarPage:
    """One page of the user's conversations, newest first, grouped by day in the current time zone."""
    conversations = visible_conversations(user).only("id", "title", "active_at")
    if before is not None:
        conversations = conversations.filter(Q(active_at__lt=before.active_at) | Q(active_at=before.active_at, id__lt=before.pk))
    found = list(conversations.order_by("-active_at", "-id")[: limit + 1])
    shown = found[:limit]
    return SidebarPage(
        groups=_groups(shown, before, timezone.get_current_timezone()),
        next_before=shown[-1].pk if len(found) > limit else None,
        current_id=current_id,
    )


def _groups(conversations: list[Conversation], before: Conversation | None, zone: tzinfo) -> list[SidebarGroup]:
    """A first group that goes on with the last group of the page before has no label."""
    today = timezone.now().astimezone(zone).date()
    groups: list[SidebarGroup] = []
    label = day_label(before.active_at.astimezone(zone).date(), today) if before else ""
    for conversation in conversations:
        previous, label = label, day_label(conversation.active_at.astimezone(zone).date(), today)
        if not groups or previous != label:
            groups.append(SidebarGroup("" if previous == label else label))
        groups[-1].conversations.append(conversation)
    return groups


def day_label(day: date, today: date) -> str:
    """Heading for conversations of `day`: near days by name, this year's by month, older ones by month and year."""
    if day >= today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    if day >= today - timedelta(days=7):
        return _("Previous 7 days")
    if day >= today - timedelta(days=30):
        return _("Previous 30 days")
    return date_format(day, "F" if day.year == today.year else "F Y")
