"""How the runtime signs in at private registries. Passwords go to the runtime, which keeps them; they never come back."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _

from webui.services.errors import ActionNotPossible, DomainError, RuntimeFailure
from webui.services.inference_events import plain_text
from webui.services.runtime_api import call

PATH = "/api/hearth/registries"
#: Seconds: the runtime asks the registry, and tries twice.
PATIENCE = 90.0


@dataclass(frozen=True)
class RegistryLogin:
    """`registry` is a host with its port; `username` is "" where a token is enough."""

    registry: str
    username: str
    is_insecure: bool


@dataclass(frozen=True)
class RegistryLogins:
    """`key` is the public half of the key by which registries may know this server, "" where there is none."""

    logins: list[RegistryLogin]
    key: str


class LoginNotAccepted(DomainError):
    """The registry does not accept the user name and password."""

    code = "login_refused"


def list_registry_logins() -> RegistryLogins:
    """Raises RuntimeFailure."""
    answer = call("GET", PATH)
    told: dict[str, Any] = answer if isinstance(answer, dict) else {}
    listed = told.get("registries")
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    logins = [
        RegistryLogin(name, plain_text(entry.get("username"))[:255], entry.get("insecure") is True)
        for entry in entries
        if (name := plain_text(entry.get("registry"))[:400])
    ]
    return RegistryLogins(logins, plain_text(told.get("key"))[:1000])


def sign_in(registry: str, *, username: str, password: str, is_insecure: bool) -> None:
    """Has the runtime keep the login, once the registry has accepted it; it takes the place of an earlier one.

    Raises LoginNotAccepted, and RuntimeFailure where the registry cannot be asked.
    """
    body = {"registry": registry, "username": username, "password": password, "insecure": is_insecure}
    try:
        call("POST", PATH, body, timeout=PATIENCE)
    except RuntimeFailure as failure:
        if failure.code == "login_refused":
            refusal = (
                _("%(registry)s does not accept this user name and password.")
                if username
                else _("%(registry)s does not accept this token.")
            )
            raise LoginNotAccepted(refusal % {"registry": registry}) from None
        raise


def sign_out(registry: str) -> None:
    """Has the runtime forget the login. Raises ActionNotPossible where none is kept, RuntimeFailure."""
    try:
        call("DELETE", f"{PATH}/{quote(registry, safe=':')}")
    except RuntimeFailure as failure:
        if failure.code == "invalid_request":
            raise ActionNotPossible(_("No login is kept for %(registry)s.") % {"registry": registry}) from None
        raise
