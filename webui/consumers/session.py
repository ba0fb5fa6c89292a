"""Who is at the other end of a socket, asked anew every time: a session can end while its socket stays open."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.utils.translation import get_language_from_request

from webui.models import User


def load_person(session_key: str | None) -> User | None:
    """The signed-in person who may enter, from the session and account as they are now; None for everybody else."""
    if not session_key:
        return None
    session: SessionBase = import_string(f"{settings.SESSION_ENGINE}.SessionStore")(session_key)
    request = HttpRequest()
    request.session = session
    user = get_user(request)
    return user if isinstance(user, User) and user.may_enter else None


def page_language(scope: dict[str, Any]) -> str:
    """The language that the page's own requests are answered in."""
    request = HttpRequest()
    request.COOKIES = scope.get("cookies", {})
    headers: dict[bytes, bytes] = dict(scope.get("headers", []))
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get(b"accept-language", b"").decode("latin-1")
    return get_language_from_request(request)
