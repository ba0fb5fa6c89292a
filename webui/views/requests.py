"""What a request is after the middleware: somebody with an account, and htmx's headers read."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django_htmx.middleware import HtmxDetails

from webui.models import User

Rest = ParamSpec("Rest")


class PersonRequest(HttpRequest):
    """Behind `SignedInMiddleware`, so `user` is never anonymous."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[PersonRequest, Rest], HttpResponse]


def administrator_required(view: View[Rest]) -> View[Rest]:
    """For everybody else there is nothing here."""

    @wraps(view)
    def guarded(request: PersonRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        if not request.user.is_administrator:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def wants_fragment(request: PersonRequest) -> bool:
    """Whether htmx asks for a part of the page; going back in the history asks for all of it."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def id_in_query(request: PersonRequest, name: str) -> UUID | None:
    """The id that the query string gives under `name`, None where it gives none. Raises Http404 for anything else."""
    value = request.GET.get(name, "")
    if not value:
        return None
    try:
        return UUID(value)
    except ValueError:
        raise Http404 from None
