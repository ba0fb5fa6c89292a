from django import forms
from django.utils.translation import gettext_lazy as _


class RenameForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=200)

    def clean_title(self) -> str:
        """On one line, however it was pasted."""
        return " ".join(str(self.cleaned_data["title"]).split())
