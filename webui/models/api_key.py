"""Keys with which programs ask in a person's name, and what was asked with them, by day."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from uuid6 import uuid7

from webui.enums import ApiScope


class ApiKey(models.Model):
    """The text of a key is shown once and not kept: only its `sha256`, in hexadecimal, and the few signs it begins with.

    `scopes` is a list of `ApiScope` values. A key that was revoked or has expired stays in the list of its owner for a while.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(max_length=16, editable=False)
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    #: None: never.
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    #: Right to a minute.
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def scope_labels(self) -> list[str]:
        """The scopes as the reader's language names them."""
        return [str(scope.label) for scope in ApiScope if scope in self.scopes]

    @property
    def is_live(self) -> bool:
        """Whether the key itself still opens anything; its owner's right to enter is another question."""
        return self.revoked_at is None and not self.is_expired


class ApiKeyUsage(models.Model):
    """What one key was used for on one day of the site's time zone."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="usage")
    day = models.DateField()
    requests = models.PositiveBigIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ("day",)
        constraints = [models.UniqueConstraint(fields=["key", "day"], name="api_key_usage_by_day")]

    def __str__(self) -> str:
        return f"{self.key_id} {self.day}"

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens
