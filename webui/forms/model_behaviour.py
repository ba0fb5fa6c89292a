"""The form for how a model answers: its system prompt, sampling parameters and prompt template."""

import json
import re
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from webui.services.model_changes import LONGEST_NAME
from webui.services.model_details import ModelDetails, Value, read_parameters

LONGEST_TEXT = 200_000
#: Ollama's parameters that have fields of their own, with what is said about them; the rest are lines of one field.
NUMBERS: dict[str, tuple[type[forms.Field], dict[str, Any]]] = {
    "temperature": (
        forms.FloatField,
        {"label": _("Temperature"), "help_text": _("Low: predictable. High: inventive. Usually 0.8."), "min_value": 0},
    ),
    "num_ctx": (
        forms.IntegerField,
        {
            "label": _("Context length"),
            "help_text": _("Tokens the model sees at a time. More takes more memory."),
            "min_value": 1,
        },
    ),
    "num_predict": (
        forms.IntegerField,
        {"label": _("Longest answer"), "help_text": _("In tokens; −1 for no limit."), "min_value": -2},
    ),
    "repeat_penalty": (
        forms.FloatField,
        {"label": _("Repeat penalty"), "help_text": _("Above 1 against repetition. Usually 1."), "min_value": 0},
    ),
    "top_k": (
        forms.IntegerField,
        {"label": _("Top k"), "help_text": _("Only so many likeliest tokens. Usually 40."), "min_value": 0},
    ),
    "top_p": (
        forms.FloatField,
        {"label": _("Top p"), "help_text": _("Only the likeliest share, 0 to 1. Usually 0.9."), "min_value": 0, "max_value": 1},
    ),
    "min_p": (
        forms.FloatField,
        {"label": _("Min p"), "help_text": _("Least share of the likeliest token, 0 to 1."), "min_value": 0, "max_value": 1},
    ),
    "seed": (
        forms.IntegerField,
        {"label": _("Seed"), "help_text": _("The same seed, the same answer. Empty for chance.")},
    ),
}
OWN_FIELDS = {*NUMBERS, "stop"}


class PlainText(forms.CharField):
    """Several lines as they are: nothing stripped, with plain line ends."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return str(value or "").replace("\r\n", "\n").replace("\r", "\n")


class BehaviourForm(forms.Form):
    """Bound or not, it knows how the model is now; `changes` tells what of that is to be different."""

    system = PlainText(
        label=_("System prompt"),
        required=False,
        max_length=LONGEST_TEXT,
        help_text=_("What the model is told before every conversation: who it is, how it answers, in which language."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    stop = PlainText(
        label=_("Stop at"),
        required=False,
        max_length=10_000,
        help_text=_("Texts that end an answer, one a line; \\n stands for a line's end."),
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    other = PlainText(
        label=_("More parameters"),
        required=False,
        max_length=50_000,
        help_text=_("A name and a value a line, as in a Modelfile: mirostat 2."),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    template = PlainText(
        label=_("Prompt template"),
        required=False,
        max_length=LONGEST_TEXT,
        help_text=_(
            "How the conversation is written for the model. A wrong one makes answers worthless; empty it for the model's own."
        ),
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false"}),
    )
    new_name = forms.CharField(
        label=_("Save under another name"),
        required=False,
        max_length=LONGEST_NAME,
        help_text=_("Empty to change this model; otherwise a new one is made, with the same weights."),
    )

    def __init__(self, data: Any = None, *, details: ModelDetails) -> None:
        self.details = details
        initial: dict[str, Any] = {name: details.parameters.get(name) for name in NUMBERS}
        initial |= {"system": details.system, "template": details.template}
        initial |= {"stop": write_stops(details.parameters.get("stop")), "other": _lines(details.parameters)}
        super().__init__(data, initial=initial, prefix="behaviour")
        for name, (field, options) in NUMBERS.items():
            self.fields[name] = field(required=False, **options)

    def numbers(self) -> list[forms.BoundField]:
        return [self[name] for name in NUMBERS]

    def clean_other(self) -> str:
        text: str = self.cleaned_data["other"]
        for number, line in enumerate(text.splitlines(), 1):
            name, _space, value = line.strip().partition(" ")
            if name and not value.strip():
                raise forms.ValidationError(gettext("Line %(n)d needs a name and a value, such as: mirostat 2.") % {"n": number})
            if name in OWN_FIELDS:
                raise forms.ValidationError(gettext("“%(name)s” has a field of its own.") % {"name": name})
        return text

    def changes(self) -> dict[str, Any]:
        """Of a valid form: `system` and `template` where they changed, None where not; `parameters` that changed, None for one
        that is to go."""
        return {
            "system": self._changed_text("system"),
            "template": self._changed_text("template"),
            "parameters": self._changed_parameters(),
        }

    def _changed_text(self, name: str) -> str | None:
        before, now = getattr(self.details, name).replace("\r\n", "\n"), self.cleaned_data[name]
        return None if before.strip() == now.strip() else now

    def _changed_parameters(self) -> dict[str, Value | list[Value] | None]:
        now: dict[str, Any] = {name: self.cleaned_data[name] for name in NUMBERS if self.cleaned_data[name] is not None}
        if stops := read_stops(self.cleaned_data["stop"]):
            now["stop"] = stops
        now |= read_parameters(self.cleaned_data["other"])
        before = self.details.parameters
        changed: dict[str, Value | list[Value] | None] = {name: value for name, value in now.items() if before.get(name) != value}
        return changed | dict.fromkeys(before.keys() - now.keys())


def write_stops(stops: object) -> str:
    """One a line; a line end inside one is written as \\n."""
    texts = stops if isinstance(stops, list) else [stops] if stops else []
    return "\n".join(str(text).replace("\\", "\\\\").replace("\n", "\\n") for text in texts)


def read_stops(text: str) -> list[Value]:
    """The opposite of `write_stops`."""
    return [re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], line) for line in text.split("\n") if line]


def _lines(parameters: dict[str, Value | list[Value]]) -> str:
    lines = []
    for name, value in parameters.items():
        if name not in OWN_FIELDS:
            lines += [
                f"{name} {json.dumps(item, ensure_ascii=False)}" for item in (value if isinstance(value, list) else [value])
            ]
    return "\n".join(lines)
