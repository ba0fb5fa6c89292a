"""The two forms for a model of one's own: field by field, or as a Modelfile."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from webui.forms.add_models import ModelNameField
from webui.forms.model_behaviour import LONGEST_TEXT, NUMBERS, BehaviourForm, PlainText, read_stops
from webui.services.model_details import ModelDetails, read_parameters
from webui.services.modelfiles import ModelfileRefused, creation_of


class CreateForm(BehaviourForm):
    """A model on the base of another one; what is left empty stays as the base has it."""

    def __init__(self, data: Any = None, *, initial: dict[str, str] | None = None) -> None:
        super().__init__(data, details=ModelDetails("", "", "", "", {}))
        del self.fields["new_name"]
        self.fields["template"].help_text = _("How the conversation is written for the model. Leave it empty for the base's own.")
        first = {
            "model": ModelNameField(label=_("Name of the new model")),
            "base": ModelNameField(label=_("Base model"), help_text=_("An installed one, or any name: it is downloaded first.")),
        }
        first["base"].widget.attrs["list"] = "installed-models"
        self.fields = {**first, **self.fields}
        self.initial = {**self.initial, **(initial or {})}

    def body(self) -> dict[str, Any]:
        """Of a valid form: what `/api/create` is told."""
        fields = self.cleaned_data
        parameters: dict[str, Any] = {name: fields[name] for name in NUMBERS if fields[name] is not None}
        if stops := read_stops(fields["stop"]):
            parameters["stop"] = stops
        parameters |= read_parameters(fields["other"])
        texts = {name: fields[name] for name in ("system", "template") if fields[name].strip()}
        return {"from": fields["base"], **texts} | ({"parameters": parameters} if parameters else {})


class ModelfileForm(forms.Form):
    """A model as a Modelfile describes it."""

    model = ModelNameField(label=_("Name of the new model"))
    modelfile = PlainText(
        label=_("Modelfile"),
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 14, "class": "code", "spellcheck": "false"}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, prefix="modelfile")

    def clean_modelfile(self) -> dict[str, Any]:
        try:
            return creation_of(self.cleaned_data["modelfile"])
        except ModelfileRefused as refusal:
            raise forms.ValidationError(refusal.sentence) from None

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = self.cleaned_data["modelfile"]
        return body
