"""Forms of the account pages."""

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from webui.models import User


class SignupFields(forms.Form):
    """What Hearth asks beside allauth's e-mail and password."""

    display_name = forms.CharField(label=_("Name"), max_length=80)

    def signup(self, request: HttpRequest, user: User) -> None:
        user.display_name = self.cleaned_data["display_name"]
        user.save(update_fields=["display_name"])
