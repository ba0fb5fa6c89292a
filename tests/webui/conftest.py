"""The web process as the tests see it: its event loop bound, and a runtime behind it that follows a script."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.webui.fake_runtime import FakeRuntime


@pytest.fixture
async def runtime(transactional_db: None, settings: Any) -> AsyncIterator[FakeRuntime]:
    """The scripted runtime, at the address where the web process looks for one. Waits for every generation at the end."""
    from webui.services.event_loop import bind
    from webui.services.generation.registry import registry
    from webui.services.inference_client import inference_client

    with tempfile.TemporaryDirectory(prefix="hearth-runtime-") as directory:
        socket_path = str(Path(directory) / "inference.sock")
        settings.INFERENCE_URL = f"unix:{socket_path}"
        bind(asyncio.get_running_loop())
        runtime = FakeRuntime()
        await runtime.start(socket_path)
        yield runtime
        await registry.shut_down()
        await inference_client().aclose()
        await runtime.stop()


@pytest.fixture
def site(transactional_db: None) -> Any:
    """The ASGI application that daphne serves. Imported here because importing it asks the database."""
    from webui.asgi import application

    return application
