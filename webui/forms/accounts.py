"""Forms of signing in, registering and choosing a password."""

import unicodedata
from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import MinimumLengthValidator, validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from webui.models import User
from webui.services.accounts import RegistrationRefused, canonical_email, is_first_registration, register_person
from webui.services.passwords import change_password

#: Far above what a password manager makes; below what would keep the hash function busy.
MAX_PASSWORD_LENGTH = 256


class EmailField(forms.EmailField):
    """An address in its one stored spelling."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("E-mail address"))
        kwargs.setdefault("max_length", 254)
        super().__init__(**kwargs)

    def clean(self, value: Any) -> str:
        address = super().clean(value)
        try:
            address = canonical_email(address)
        except ValueError:
            raise ValidationError(_("Enter a valid e-mail address."), code="invalid") from None
        # The ASCII form of a foreign domain can be longer than what was typed.
        self.run_validators(address)
        return address


class PasswordField(forms.CharField):
    """`is_new` tells a password manager to offer one of its own instead of the stored one."""

    def __init__(self, *, label: Any, is_new: bool = False) -> None:
        autocomplete = "new-password" if is_new else "current-password"
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(label=label, strip=False, max_length=MAX_PASSWORD_LENGTH, widget=widget)


class DisplayNameField(forms.CharField):
    """A name that shows: no control signs, none that turn the text around, and something to see."""

    _HIDDEN = {"Cc", "Cs", "Zl", "Zp"}
    _TURNING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "name"})
        super().__init__(label=_("Name"), max_length=80, widget=widget, **kwargs)

    def validate(self, value: Any) -> None:
        super().validate(value)
        hidden = any(sign in self._TURNING or unicodedata.category(sign) in self._HIDDEN for sign in value)
        if hidden or not any(unicodedata.category(sign)[0] in "LNPS" for sign in value):
            raise ValidationError(_("This name has signs in it that cannot be shown. Type it anew."), code="hidden_signs")


class SignInForm(LoginForm):  # type: ignore[misc]
    """allauth's, which counts attempts and takes equally long for an unknown address, with our fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = EmailField(widget=forms.EmailInput(attrs={"autocomplete": "username"}))
        self.fields["password"] = PasswordField(label=_("Password"))


class NewPasswordForm(forms.Form):
    """A password typed twice. `user` is whose it becomes: it must not resemble their name or address."""

    password1 = PasswordField(label=_("New password"), is_new=True)
    password2 = PasswordField(label=_("New password again"), is_new=True)

    def __init__(self, *args: Any, user: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["password1"].help_text = MinimumLengthValidator().get_help_text()

    def future_user(self) -> User | None:
        return self.user

    def clean(self) -> dict[str, Any]:
        password, again = self.cleaned_data.get("password1"), self.cleaned_data.get("password2")
        if password is not None:
            try:
                validate_password(password, self.future_user())
            except ValidationError as error:
                self.add_error("password1", error)
        if password is not None and again is not None and password != again:
            self.add_error("password2", _("The two passwords are not the same."))
        return self.cleaned_data


class RegistrationForm(NewPasswordForm):
    """Has the interface that allauth's registration view asks of its form."""

    by_passkey = False
    field_order = ["display_name", "email", "password1", "password2", "setup_token"]

    display_name = DisplayNameField()
    email = EmailField(widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password1 = PasswordField(label=_("Password"), is_new=True)
    password2 = PasswordField(label=_("Password again"), is_new=True)
    setup_token = forms.CharField(
        label=_("Setup token"),
        help_text=_("The value of HEARTH_SETUP_TOKEN on the server. It shows that this site is yours."),
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not (settings.SETUP_TOKEN and is_first_registration()):
            del self.fields["setup_token"]

    def future_user(self) -> User:
        return User(email=self.cleaned_data.get("email", ""), display_name=self.cleaned_data.get("display_name", ""))

    def try_save(self, request: HttpRequest) -> tuple[User, None]:
        """Raises `RegistrationRefused`; allauth's second value, an answer instead of an account, is never needed."""
        person = register_person(
            email=self.cleaned_data["email"],
            display_name=self.cleaned_data["display_name"],
            password=self.cleaned_data["password1"],
            setup_token=self.cleaned_data.get("setup_token", ""),
        )
        return person, None

    def add_refusal(self, refusal: RegistrationRefused) -> None:
        field = refusal.field if refusal.field in self.fields else None
        self.add_error(field, refusal.sentence)


class PasswordChangeForm(NewPasswordForm):
    oldpassword = PasswordField(label=_("Current password"))
    field_order = ["oldpassword", "password1", "password2"]

    def clean_oldpassword(self) -> str:
        old: str = self.cleaned_data["oldpassword"]
        if self.user is None or not self.user.check_password(old):
            raise ValidationError(_("This is not your current password."), code="wrong_password")
        return old

    def save(self) -> None:
        assert self.user is not None
        change_password(self.user, password=self.cleaned_data["password1"])
