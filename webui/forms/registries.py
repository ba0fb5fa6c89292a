"""The form that signs the runtime in at a private registry."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from inference.library.names import InvalidName, name_from_parts

_PLAIN = {"autocapitalize": "none", "spellcheck": "false"}


class RegistryLoginForm(forms.Form):
    """The password is never shown again, not even when something else is wrong with the form."""

    registry = forms.CharField(
        label=_("Registry"),
        max_length=400,
        widget=forms.TextInput(attrs={**_PLAIN, "autocomplete": "off", "placeholder": "registry.example.com"}),
        help_text=_("Its host name, with the port where there is one. For Hugging Face: hf.co."),
    )
    username = forms.CharField(
        label=_("User name"),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={**_PLAIN, "autocomplete": "off"}),
        help_text=_("Empty where a token is enough, as at Hugging Face."),
    )
    password = forms.CharField(
        label=_("Password or token"),
        max_length=8192,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    insecure = forms.BooleanField(
        label=_("The registry has no certificate (http)"),
        required=False,
        help_text=_("Then the password travels unprotected: only on a network that you trust."),
    )

    def clean_registry(self) -> str:
        """The host of what people copy from their browser or from a model's name."""
        text: str = self.cleaned_data["registry"]
        host = text.partition("://")[2] if "://" in text else text
        host = host.partition("/")[0].lower()
        try:
            return name_from_parts(host, "library", "model", "latest").host
        except InvalidName:
            raise ValidationError(
                _("This is not a host name. It looks like registry.example.com or 192.168.1.20:5000.")
            ) from None

    def clean_password(self) -> str:
        """Line ends come along when a token is copied, and belong to none."""
        password: str = self.cleaned_data["password"].strip("\r\n")
        if not password:
            raise ValidationError(self.fields["password"].error_messages["required"], "required")
        return password
