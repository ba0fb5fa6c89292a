"""Who may use an installed model on this site. A model without a row may be used by everyone."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from webui.enums import Audience


class ModelAccess(models.Model):
    """`key` is the model's name as `services.model_names.model_key` writes it; `people` count with the audience `chosen`."""

    key = models.CharField(primary_key=True, max_length=600, editable=False)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    audience = models.CharField(_("who may use it"), max_length=16, choices=Audience.choices, default=Audience.EVERYONE)
    people = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return self.key
