"""What the tests of the models page share."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from tests.factories import make_administrator
from tests.webui.http_runtime import HTTPRuntime, http_runtime
from webui.models import User
from webui.services import models


@pytest.fixture
def administrator(client: Client, db: None) -> User:
    """Signed in in `client`."""
    administrator = make_administrator(display_name="Ada")
    client.force_login(administrator)
    return administrator


@pytest.fixture
def runtime(settings: Any) -> Iterator[HTTPRuntime]:
    """A runtime with one model, behind the site."""
    models._cached = None
    with http_runtime() as runtime:
        settings.INFERENCE_URL = runtime.url
        yield runtime
