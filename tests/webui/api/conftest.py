"""The site with a scripted runtime behind it, and people with keys."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from tests.factories import make_administrator, make_api_key
from tests.webui.api.upstream import ScriptedUpstream
from webui.models import ApiKey, User


@pytest.fixture
async def upstream(transactional_db: None, settings: Any) -> AsyncIterator[ScriptedUpstream]:
    from webui.api.cut_answers import cut_answers
    from webui.api.keys import failed_keys
    from webui.services.api_key_usage import write_usage
    from webui.services.event_loop import bind

    with tempfile.TemporaryDirectory(prefix="hearth-upstream-") as folder:
        path = str(Path(folder) / "inference.sock")
        settings.INFERENCE_URL = f"unix:{path}"
        bind(asyncio.get_running_loop())
        upstream = ScriptedUpstream()
        await upstream.start(path)
        yield upstream
        await upstream.stop()
        await cut_answers.settled()
        await sync_to_async(write_usage)()
        failed_keys.forget_all()


async def key_for(*scopes: str, user: User | None = None, **fields: Any) -> tuple[ApiKey, str]:
    """A key, of a new member unless one is named, and its text."""
    return await sync_to_async(make_api_key)(user=user, scopes=scopes, **fields)


@pytest.fixture
async def member_key(upstream: ScriptedUpstream) -> str:
    return (await key_for("chat", "embed"))[1]


@pytest.fixture
async def manager_key(upstream: ScriptedUpstream) -> str:
    administrator = await sync_to_async(make_administrator)()
    return (await key_for("chat", "embed", "manage", user=administrator))[1]
