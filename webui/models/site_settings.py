"""What the administrator decides at run time: one row, made when first asked for."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from webui.enums import ApiKeyMakers, Registration


class SiteSettings(models.Model):
    """The only row has primary key 1. Locked (`select_for_update`) wherever the first administrator is decided."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    registration = models.CharField(_("registration"), max_length=16, choices=Registration.choices, default=Registration.APPROVAL)
    api_key_makers = models.CharField(
        _("who may create API keys"), max_length=16, choices=ApiKeyMakers.choices, default=ApiKeyMakers.EVERYONE
    )
    default_model = models.CharField(_("default model"), max_length=255, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="site_settings_single_row")]

    def __str__(self) -> str:
        return "site settings"

    @classmethod
    def load(cls) -> "SiteSettings":
        return cls.objects.get_or_create(pk=1)[0]
