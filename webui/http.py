"""The request as views know it."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from webui.models import User


class PersonRequest(HttpRequest):
    """A request past `SignedInMiddleware`: somebody with an account is behind it. For annotations only."""

    user: User
    htmx: HtmxDetails
