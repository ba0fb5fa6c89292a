"""The forms that make an API key and change one."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from uuid6 import uuid7

from webui.enums import ApiScope
from webui.forms.accounts import DisplayNameField
from webui.models import ApiKey, User
from webui.services.api_keys import ApiKeyRefused, scopes_for

#: What each scope opens, beside its checkbox.
SCOPE_HELP = {
    ApiScope.CHAT: _("Ask models for answers, in the forms of Ollama, OpenAI and Anthropic."),
    ApiScope.EMBED: _("Turn texts into vectors, and sort documents by how well they answer a question."),
    ApiScope.MANAGE: _("Add, change and delete models for everyone. Only for programs that have to."),
}
NEVER, ON_A_DATE, AS_BEFORE = "never", "date", "as-before"
_EXPIRIES: list[tuple[str, Any]] = [
    ("7", _("7 days")),
    ("30", _("30 days")),
    ("90", _("90 days")),
    ("365", _("One year")),
    (NEVER, _("Ever, until it is revoked")),
    (ON_A_DATE, _("Until a date…")),
]
#: Whoever wants more wants a key that works for ever.
LONGEST = timedelta(days=3653)


class KeyNameField(DisplayNameField):
    """Held to the same signs as a person's name: administrators read it too."""

    def __init__(self) -> None:
        super().__init__(help_text=_("What the key is for, such as “Laptop” or “Homework script”."))
        self.label = _("Key name")
        self.widget.attrs["autocomplete"] = "off"


class _ApiKeyFields(forms.Form):
    """What a person decides about a key."""

    name = KeyNameField()
    scopes = forms.MultipleChoiceField(label=_("What it may do"), widget=forms.CheckboxSelectMultiple)
    expiry = forms.ChoiceField(
        label=_("Works for"),
        choices=_EXPIRIES,
    )
    expires_on = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, data: Any = None, *, user: User, **options: Any) -> None:
        super().__init__(data, **options)
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [(scope.value, scope.label) for scope in scopes_for(user)]
        self.fields["expires_on"].widget.attrs["min"] = timezone.localdate().isoformat()

    @property
    def scopes_with_help(self) -> list[tuple[forms.boundfield.BoundWidget, Any]]:
        return [(box, SCOPE_HELP[ApiScope(box.data["value"])]) for box in self["scopes"].subwidgets]

    def clean_expires_on(self) -> date | None:
        day: date | None = self.cleaned_data["expires_on"]
        if day is not None and day > timezone.localdate() + LONGEST:
            raise ValidationError(_("Choose a day within the next ten years."), code="too_late")
        return day

    def clean(self) -> dict[str, Any]:
        is_missing = not self.cleaned_data.get("expires_on") and "expires_on" not in self.errors
        if self.cleaned_data.get("expiry") == ON_A_DATE and is_missing:
            self.add_error("expires_on", _("Choose the last day on which the key works."))
        return self.cleaned_data

    def expires_at(self) -> datetime | None:
        """When the valid form's key stops working: at the end of the day that was chosen, in the site's time zone."""
        expiry = self.cleaned_data["expiry"]
        if expiry == NEVER:
            return None
        if expiry != ON_A_DATE:
            return timezone.now() + timedelta(days=int(expiry))
        return timezone.make_aware(datetime.combine(self.cleaned_data["expires_on"] + timedelta(days=1), time.min))

    def add_refusal(self, refusal: ApiKeyRefused) -> None:
        field = refusal.field if refusal.field in self.fields else None
        self.add_error(field, refusal.sentence)


class ApiKeyForm(_ApiKeyFields):
    """Makes a key. `key_id` is the form's own: sent twice, it makes one key."""

    key_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, user: User) -> None:
        initial = {"key_id": uuid7(), "scopes": [ApiScope.CHAT, ApiScope.EMBED], "expiry": "90"}
        super().__init__(data, user=user, initial=initial)


class ApiKeyChangeForm(_ApiKeyFields):
    """Changes a key that works. It is shown on pages that have the other form too, so its fields have other ids."""

    def __init__(self, data: Any = None, *, key: ApiKey) -> None:
        initial = {"name": key.name, "scopes": key.scopes, "expiry": AS_BEFORE}
        super().__init__(data, user=key.user, initial=initial, auto_id="change_%s")
        self._key = key
        expiry = self.fields["expiry"]
        assert isinstance(expiry, forms.ChoiceField)
        others = [choice for choice in _EXPIRIES if key.expires_at or choice[0] != NEVER]
        expiry.choices = [(AS_BEFORE, self._as_before()), *others]

    def expires_at(self) -> datetime | None:
        return self._key.expires_at if self.cleaned_data["expiry"] == AS_BEFORE else super().expires_at()

    def _as_before(self) -> str:
        if self._key.expires_at is None:
            return gettext("As before: ever, until it is revoked")
        end = formats.date_format(timezone.localtime(self._key.expires_at), "SHORT_DATE_FORMAT")
        return gettext("As before: until %(end)s") % {"end": end}
