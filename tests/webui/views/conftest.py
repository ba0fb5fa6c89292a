"""A signed-in browser without JavaScript, and what htmx sends on top of that."""

from typing import Any

import pytest
from django.test import Client

from tests.factories import make_user
from webui.models import User
from webui.services import models

HTMX = {"HX-Request": "true"}


@pytest.fixture
def user(db: None) -> User:
    return make_user()


@pytest.fixture
def browser(client: Client, user: User) -> Client:
    """Signed in as `user`. No runtime answers at its address, so pages show that instead of models."""
    client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def nowhere(settings: Any, tmp_path: Any) -> None:
    settings.INFERENCE_URL = f"unix:{tmp_path}/nobody.sock"
    models._cached = None
