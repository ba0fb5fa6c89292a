"""Forms of the models page."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from webui.enums import Audience
from webui.models import User
from webui.services.model_changes import LONGEST_NAME

SORTS = [
    ("name", _("By name")),
    ("newest", _("Newest first")),
    ("largest", _("Largest first")),
    ("smallest", _("Smallest first")),
    ("family", _("By family")),
    ("loaded", _("In memory first")),
]
CAPABILITIES = [
    ("", _("All models")),
    ("completion", _("Chat")),
    ("vision", _("Images")),
    ("tools", _("Tools")),
    ("thinking", _("Thinking")),
    ("embedding", _("Embeddings")),
]
STATES = [
    ("", _("Any state")),
    ("loaded", _("In memory")),
    ("disabled", _("Switched off")),
    ("restricted", _("Restricted")),
]
#: Ollama's word for it and what is said about it. -1 is for ever.
KEEP_ALIVES = [
    ("", _("as long as usual")),
    ("1h", _("for an hour")),
    ("8h", _("for eight hours")),
    ("-1", _("until it is unloaded")),
]


class FindModelsForm(forms.Form):
    """Which of the installed models are shown, and in which order. What is wrong with it counts as not asked."""

    query = forms.CharField(label=_("Find a model"), required=False, max_length=200, widget=forms.SearchInput)
    capability = forms.ChoiceField(label=_("What it can do"), choices=CAPABILITIES, required=False)
    state = forms.ChoiceField(label=_("State"), choices=STATES, required=False)
    sort = forms.ChoiceField(label=_("Order"), choices=SORTS, required=False)

    def wishes(self) -> dict[str, str]:
        self.is_valid()
        return {name: self.cleaned_data.get(name) or "" for name in self.fields}


class LoadForm(forms.Form):
    keep_alive = forms.ChoiceField(label=_("Keep it in memory"), choices=KEEP_ALIVES, required=False)

    def clean_keep_alive(self) -> str | int | None:
        value = self.cleaned_data["keep_alive"]
        return -1 if value == "-1" else value or None


class ModelNameForm(forms.Form):
    """The new name of a model. The service judges it, for every door alike."""

    name = forms.CharField(label=_("New name"), max_length=LONGEST_NAME)

    def __init__(self, *args: Any, label: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if label:
            self.fields["name"].label = label


class PeopleField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # not generic at run time
    """People with their addresses, because several may have one name."""

    def label_from_instance(self, obj: User) -> str:
        return f"{obj.display_name} ({obj.email})"


class AudienceForm(forms.Form):
    audience = forms.ChoiceField(label=_("Who may use it"), choices=Audience.choices, widget=forms.RadioSelect)
    people = PeopleField(
        label=_("Chosen people"), queryset=User.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["people"]
        assert isinstance(field, PeopleField)
        field.queryset = User.objects.filter(is_active=True, is_approved=True).order_by("display_name", "pk")

    def clean(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().clean() or self.cleaned_data
        if fields.get("audience") == Audience.CHOSEN and not fields.get("people"):
            self.add_error("people", _("Choose at least one person."))
        return fields
