"""Ending what a person has open: in one browser, or everywhere at once."""

from functools import partial

from django.contrib.auth import logout
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from webui.models import User
from webui.services.notices import access_revoked


def sign_out(request: HttpRequest) -> None:
    """Ends the session of this browser. Pages of it that are open elsewhere, in other tabs, hear of it at once."""
    user_id = request.user.pk
    logout(request)
    if user_id is not None:
        transaction.on_commit(partial(access_revoked, user_id))


def end_sessions(user: User) -> None:
    """Deletes every session of this person. Pages that are open hear of it once the transaction is over."""
    user_id = user.pk
    live = Session.objects.filter(expire_date__gte=timezone.now()).iterator(chunk_size=500)
    # The session's owner stands only inside its signed data, so each row has to be read.
    keys = [session.session_key for session in live if session.get_decoded().get("_auth_user_id") == str(user_id)]
    Session.objects.filter(session_key__in=keys).delete()
    transaction.on_commit(lambda: access_revoked(user_id))


def purge_expired_sessions() -> None:
    """Deletes the rows of sessions that are over; nothing else ever would. For the start of the process."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
