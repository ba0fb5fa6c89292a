"""One message of a conversation. The tree is made by `parent`; ids are UUIDv7, so they sort by time."""

from django.db import models
from django.utils import timezone
from uuid6 import uuid7

from webui.enums import RUNNING_STATUSES, MessageRole, MessageStatus


class Message(models.Model):
    """Token counts and times are the runtime's, of the last run that wrote into it; null where it did not report them.

    Times are in milliseconds. `content` is Markdown, saved about once a second while an answer streams.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey("Conversation", on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    role = models.CharField(max_length=16, choices=MessageRole.choices)
    content = models.TextField(blank=True)
    #: What the model thought before it answered: plain text, shown folded, and never part of a prompt.
    thinking = models.TextField(blank=True)
    #: Whether the answer was asked for with thinking.
    wants_thinking = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=MessageStatus.choices, default=MessageStatus.COMPLETE)
    model = models.CharField(max_length=255, blank=True)
    finish_reason = models.CharField(max_length=16, blank=True)
    #: Set with status `failed` or `interrupted`: a code of `inference.errors` and a sentence for the reader.
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)
    #: Oldest prompt tokens left out because the conversation outgrew the context.
    dropped_tokens = models.PositiveIntegerField(null=True)
    ttft_ms = models.PositiveIntegerField(null=True)
    load_ms = models.PositiveIntegerField(null=True)
    prompt_eval_ms = models.PositiveIntegerField(null=True)
    eval_ms = models.PositiveIntegerField(null=True)
    thinking_ms = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("id",)
        indexes = [
            models.Index(
                fields=["status"], name="message_running", condition=models.Q(status__in=[str(s) for s in RUNNING_STATUSES])
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.id}"

    @property
    def is_running(self) -> bool:
        return self.status in RUNNING_STATUSES

    @property
    def tokens_per_second(self) -> float | None:
        if not self.completion_tokens or not self.eval_ms:
            return None
        return self.completion_tokens * 1000 / self.eval_ms
