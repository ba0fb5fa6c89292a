"""Hearth's rules laid over django-allauth: no e-mail is ever sent, and its pages are our own."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from webui.models import User
from webui.services.accounts import may_register
from webui.services.passwords import change_password
from webui.services.sessions import sign_out

#: allauth's notices by the name of their template; those not named here say what the page shows anyway.
NOTICES = {
    "account/messages/password_changed.txt": _("Your password has been changed. Other browsers have been signed out."),
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _("The e-mail address or the password is not right."),
        "enter_current_password": _("This is not your current password."),
        "too_many_login_attempts": _("Too many attempts to sign in. Wait five minutes and try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return may_register()

    def is_ajax(self, request: HttpRequest) -> bool:
        """Never: allauth's JSON answers would be a second, untended door to the same forms."""
        return False

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Reached only with the right password, so it tells nothing to somebody who tries addresses."""
        messages.error(request, _("Your account has been disabled. Ask the administrator if you think this is a mistake."))
        return redirect("account_login")

    def logout(self, request: HttpRequest) -> None:
        sign_out(request)

    def set_password(self, user: User, password: str) -> None:
        change_password(user, password=password)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that limits count by. `X-Forwarded-For` is read only behind as many proxies as the settings name."""
        try:
            return str(super().get_client_ip(request))
        except (ImproperlyConfigured, PermissionDenied):
            # Fewer hops than promised, or none at all (a Unix socket): whoever is connected is the best that is known.
            return str(request.META.get("REMOTE_ADDR") or "local")

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # allauth puts the Host header into this key, and every Host is accepted here: varying it would give an attacker
        # five fresh attempts each time.
        return str(credentials.get("email", "")).lower()

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        notice = message or NOTICES.get(message_template or "")
        if notice:
            messages.add_message(request, level, notice, extra_tags=extra_tags)
