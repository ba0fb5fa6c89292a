"""Forms of the pages that add models."""

import re

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from webui.services.catalogue import LANGUAGES, PURPOSES
from webui.services.model_names import model_key


class ModelNameField(forms.CharField):
    """A model's name as Ollama writes it: `qwen3:8b`, `hf.co/user/repo:Q4_K_M`, `registry.example.com/team/model:tag`."""

    def __init__(self, **options: object) -> None:
        defaults = {"label": _("Name"), "max_length": 255}
        super().__init__(**{**defaults, **options})  # type: ignore[arg-type]
        self.widget.attrs.update({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})

    def clean(self, value: object) -> str:
        name: str = super().clean(value)
        if name and not model_key(name):
            raise ValidationError(_("This is not the name of a model. Names look like qwen3:8b or hf.co/user/model:Q4_K_M."))
        return name


class PullForm(forms.Form):
    model = ModelNameField()
    insecure = forms.BooleanField(label=_("The registry has no certificate (http)"), required=False)


class FindInCatalogueForm(forms.Form):
    """What a family in the catalogue should be; all of it can be left open."""

    query = forms.CharField(label=_("Find in the catalogue"), required=False, max_length=100, widget=forms.SearchInput)
    purpose = forms.ChoiceField(label=_("Good for"), required=False, choices=[("", _("Everything")), *PURPOSES.items()])
    language = forms.ChoiceField(label=_("Language"), required=False, choices=[("", _("Any")), *LANGUAGES.items()])
    fitting = forms.BooleanField(label=_("Only what fits here"), required=False)


class UploadForm(forms.Form):
    """What a browser says of a file before it sends it."""

    name = forms.CharField(max_length=255)
    size = forms.IntegerField(min_value=1, max_value=2**46)
    digest = forms.CharField(required=False, max_length=80)

    def clean_digest(self) -> str:
        """As the runtime writes it. People paste it with and without its name, in any case."""
        text: str = self.cleaned_data["digest"].strip().lower().removeprefix("sha256:").strip()
        if text and not re.fullmatch(r"[0-9a-f]{64}", text):
            raise ValidationError(_("A sha256 checksum has 64 digits and letters from a to f."))
        return f"sha256:{text}" if text else ""


class FinishUploadForm(forms.Form):
    model = ModelNameField()
