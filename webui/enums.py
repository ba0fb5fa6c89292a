"""Choices shared by models, forms and services; apart from the models so that nothing has to import them in a circle."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person may do once let in."""

    ADMINISTRATOR = "administrator", _("Administrator")
    MEMBER = "member", _("Member")


class Registration(models.TextChoices):
    """Who may make an account after the first one."""

    OPEN = "open", _("Open: anyone may register")
    APPROVAL = "approval", _("Approval: an administrator lets each person in")
    CLOSED = "closed", _("Closed: nobody may register")


class ApiScope(models.TextChoices):
    """What an API key opens."""

    CHAT = "chat", _("Chat")
    EMBED = "embed", _("Embeddings")
    MANAGE = "manage", _("Manage models")


class ApiKeyMakers(models.TextChoices):
    """Who may make API keys. Keys that exist go on working whatever is decided."""

    EVERYONE = "everyone", _("Everyone who is signed in")
    ADMINISTRATORS = "administrators", _("Administrators only")


class Audience(models.TextChoices):
    """Who may use a model. Administrators always may: they decide it."""

    EVERYONE = "everyone", _("Everyone who is signed in")
    ADMINISTRATORS = "administrators", _("Administrators only")
    CHOSEN = "chosen", _("Chosen people")


class MessageRole(models.TextChoices):
    SYSTEM = "system", _("System")
    USER = "user", _("You")
    ASSISTANT = "assistant", _("Assistant")


class MessageStatus(models.TextChoices):
    """Life of an assistant message. User messages are `complete` from the start."""

    QUEUED = "queued", _("Waiting")
    STREAMING = "streaming", _("Answering")
    COMPLETE = "complete", _("Complete")
    STOPPED = "stopped", _("Stopped")
    INTERRUPTED = "interrupted", _("Interrupted")
    FAILED = "failed", _("Failed")


#: A generation owns the row: only it may change the content.
RUNNING_STATUSES = (MessageStatus.QUEUED, MessageStatus.STREAMING)


class TitleSource(models.TextChoices):
    """Who wrote a conversation's title; a person's title is never replaced by the model's."""

    EXCERPT = "excerpt", _("First words")
    MODEL = "model", _("Model")
    USER = "user", _("You")
