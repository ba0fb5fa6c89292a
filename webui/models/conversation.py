"""A conversation: an owner, a title and a tree of messages of which one branch is shown."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from uuid6 import uuid7

from webui.enums import TitleSource


class Conversation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations")
    title = models.CharField(_("title"), max_length=200)
    title_source = models.CharField(max_length=8, choices=TitleSource.choices, default=TitleSource.EXCERPT)
    model = models.CharField(_("model"), max_length=255)
    #: Whether the next answer is asked for with thinking, where the model can.
    wants_thinking = models.BooleanField(default=False)
    system_prompt = models.TextField(_("system prompt"), blank=True)
    #: Last message of the branch that is shown; the branch is its chain of parents.
    active_leaf = models.ForeignKey("Message", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    #: Time of the last message, not of the last change: a rename does not move a conversation up.
    active_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-active_at", "-id")
        indexes = [models.Index(fields=["owner", "-active_at", "-id"], name="conversation_sidebar")]

    def __str__(self) -> str:
        return self.title
