"""Who is told that somebody waits."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import make_user
from webui.enums import Role


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "is_told"), [(Role.ADMINISTRATOR, True), (Role.MEMBER, False)])
def test_waiting_registrations_are_shown_to_administrators(client: Client, role: Role, is_told: bool) -> None:
    make_user(is_approved=False)
    client.force_login(make_user(role=role))

    page = client.get(reverse("chat")).content.decode()

    assert ("1 waiting" in page) is is_told
