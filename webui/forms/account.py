"""Forms of the account page: what people decide for themselves."""

from django import forms
from django.conf import settings
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from webui.context_processors import THEMES
from webui.forms.accounts import DisplayNameField


class AccountForm(forms.Form):
    display_name = DisplayNameField()


class LanguageForm(forms.Form):
    #: Each language under its own name, so that whoever cannot read the page finds the way out of it.
    language = forms.ChoiceField(
        label=_("Language"), choices=[(code, get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES]
    )


class ThemeForm(forms.Form):
    theme = forms.ChoiceField(
        label=_("Theme"),
        required=False,
        choices=[("", _("System")), *zip(THEMES, (_("Light"), _("Dark")), strict=True)],
    )
