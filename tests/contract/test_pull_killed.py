"""A service that is killed in the middle of a pull, and started again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from inference.library.registry.partial import completed_bytes
from tests.contract.service import Service, until
from tests.docker_registry import digest_of, random_bytes, running_registry
from tests.inference.library.registry.faulty_proxy import FaultyProxy, is_blob

MIB = 1024 * 1024
WEIGHTS = random_bytes(20 * MIB)
#: What a connection may have read and not yet written.
UNWRITTEN = MIB + 256 * 1024


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[FaultyProxy]:
    with running_registry(tmp_path / "registry") as docker:
        await asyncio.to_thread(docker.push, "library/killed", "latest", {"model": WEIGHTS})
        async with FaultyProxy(docker.url) as proxy:
            yield proxy


async def pull(service: Service, name: str) -> list[str]:
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        return (await client.post("/api/pull", json={"model": name, "insecure": True})).text.splitlines()


async def test_pull_goes_on_where_the_killed_one_was(tmp_path: Path, proxy: FaultyProxy) -> None:
    name = f"{proxy.host}/library/killed"
    service = Service(tmp_path / "data", OLLAMA_MODELS=str(tmp_path / "models"))
    await asyncio.to_thread(service.start)
    blob = tmp_path / "models" / "blobs" / digest_of(WEIGHTS).replace(":", "-")
    proxy.fault = lambda asked, sent: replace(sent, stall_at=5 * MIB // 2) if is_blob(asked) else sent
    pulling = asyncio.create_task(pull(service, name))
    # Of each part's 2.5 MiB the last half is in the memory of the process only.
    await asyncio.to_thread(until, lambda: completed_bytes(blob, len(WEIGHTS)) >= 10 * MIB)
    service.process.kill()
    await asyncio.to_thread(service.process.wait, 10)
    with pytest.raises(httpx.TransportError):
        await pulling

    proxy.fault = lambda asked, sent: sent
    await asyncio.to_thread(service.start)
    path = f"/v2/library/killed/blobs/{digest_of(WEIGHTS)}"
    lines = await pull(service, name)
    stopped = await asyncio.to_thread(service.stop)

    assert lines[-1] == '{"status":"success"}'
    assert blob.read_bytes() == WEIGHTS
    assert len(WEIGHTS) <= proxy.num_sent[path] <= len(WEIGHTS) + 5 * UNWRITTEN
    assert stopped == 0
    assert "Traceback" not in service.log.read_text()
