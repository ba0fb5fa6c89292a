"""Who gets past the door: a page is for people with an approved account unless its view says otherwise."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails


class SignedInMiddleware(LoginRequiredMiddleware):
    """Django's login-by-default, plus the waiting room: whoever may not enter sees the waiting page and nothing else.

    Views marked `login_not_required` answer everybody; `waiting_allowed` marks those that also answer the waiting.
    """

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True):
            return None
        if not request.user.is_authenticated:
            return _ask_to_sign_in(request)
        if request.user.may_enter or getattr(view_func, "waiting_allowed", False):
            return None
        return _leave_for(request, reverse("waiting"))

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """htmx gets parts of pages at the pages' own addresses: a browser that goes back must not show such a part alone."""
        patch_vary_headers(response, ("HX-Request",))
        return response


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    # Nobody wants to find themselves on a form's target or on a fragment after signing in: only pages are come back to.
    if request.method == "GET" and not _is_htmx(request):
        return redirect_to_login(request.get_full_path(), reverse("account_login"))
    return _leave_for(request, reverse("account_login"))


def _is_htmx(request: HttpRequest) -> bool:
    """Whether htmx acts on the headers of the answer; when it goes back in the history it only takes the page."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    return htmx is not None and bool(htmx) and not htmx.history_restore_request


def _leave_for(request: HttpRequest, url: str) -> HttpResponse:
    """A redirect; htmx would follow an ordinary one and put the page it finds into the fragment's place."""
    return HttpResponseClientRedirect(url) if _is_htmx(request) else redirect(url)


View = TypeVar("View", bound=Callable[..., Any])


def waiting_allowed(view_func: View) -> View:
    """Marks a view that a person waiting for approval may use."""
    view_func.waiting_allowed = True  # type: ignore[attr-defined]
    return view_func
