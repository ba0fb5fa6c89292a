"""Session rows that are over."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from webui.services.sessions import purge_expired_sessions


@pytest.mark.django_db
def test_purge_deletes_only_what_is_over() -> None:
    now = timezone.now()
    Session.objects.create(session_key="over", session_data="", expire_date=now - timedelta(seconds=1))
    Session.objects.create(session_key="live", session_data="", expire_date=now + timedelta(hours=1))

    purge_expired_sessions()

    assert list(Session.objects.values_list("session_key", flat=True)) == ["live"]
