"""What the tests of the people page share."""

import pytest
from django.test import Client

from tests.factories import make_administrator
from webui.models import User


@pytest.fixture
def administrator(client: Client) -> User:
    """Signed in in `client`."""
    administrator = make_administrator(display_name="Ada")
    client.force_login(administrator)
    return administrator
