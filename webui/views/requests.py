"""What a request is after the middleware: somebody with an account, and htmx's headers read."""

from uuid import UUID

from django.http import Http404, HttpRequest
from django_htmx.middleware import HtmxDetails

from webui.models import User


class PersonRequest(HttpRequest):
    """Behind `SignedInMiddleware`, so `user` is never anonymous."""

    user: User
    htmx: HtmxDetails


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
