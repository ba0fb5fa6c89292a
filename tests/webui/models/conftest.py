"""What the tests of the models page share."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.test import Client

from tests.contract.service import MODEL, Service
from tests.factories import make_administrator
from tests.webui.http_runtime import HTTPRuntime, http_runtime
from webui.models import User
from webui.services import model_loading, models
from webui.services.errors import RuntimeFailure
from webui.services.runtime_api import call


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
    model_loading._states.clear()
    with http_runtime() as runtime:
        settings.INFERENCE_URL = runtime.url
        yield runtime


@pytest.fixture(scope="session")
def started_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("models-page") / "data", OLLAMA_CONTEXT_LENGTH="512").start()
    yield service
    assert service.stop() == 0


@pytest.fixture
def service(started_service: Service, settings: Any) -> Iterator[Service]:
    """A real runtime behind the site, with the starter model and nothing else, nothing of it loaded."""
    settings.INFERENCE_URL = started_service.url
    models._cached = None
    model_loading._states.clear()
    yield started_service
    call("POST", "/api/generate", {"model": MODEL, "keep_alive": 0, "stream": False})
    for model in call("GET", "/api/tags")["models"]:
        if model["name"] != MODEL:
            with suppress(RuntimeFailure):
                call("DELETE", "/api/delete", {"model": model["name"]})
