"""Who gets past the door: a page is for people with an approved account unless its view says otherwise."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect


class SignedInMiddleware(LoginRequiredMiddleware):
    """Django's login-by-default, plus the waiting room: whoever may not enter sees the waiting page and nothing else.

    Views marked `login_not_required` answer everybody; `waiting_allowed` marks those that also answer the waiting.
    """

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        response = super().process_view(request, view_func, view_args, view_kwargs)
        if response is not None or not getattr(view_func, "login_required", True):
            return response
        if getattr(request.user, "may_enter", False) or getattr(view_func, "waiting_allowed", False):
            return None
        return redirect("waiting")


View = TypeVar("View", bound=Callable[..., Any])


def waiting_allowed(view_func: View) -> View:
    """Marks a view that a person waiting for approval may use."""
    view_func.waiting_allowed = True  # type: ignore[attr-defined]
    return view_func
