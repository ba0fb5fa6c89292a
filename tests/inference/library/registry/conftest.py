from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from inference.library.models import Library
from inference.library.registry.patience import Patience
from inference.library.registry.pulls import Pulls
from inference.library.registry.registry import Registry
from tests.docker_registry import DockerRegistry, running_registry
from tests.inference.library.registry.faulty_proxy import FaultyProxy

#: As the real one, and a thousand times faster.
QUICK = Patience(tries=4, first_wait=0.001, longest_wait=0.01, longest_retry_after=5, stall=0.5, connect=5)


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture
async def proxy(docker: DockerRegistry) -> AsyncIterator[FaultyProxy]:
    """Before the real registry."""
    async with FaultyProxy(docker.url) as proxy:
        yield proxy


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "models")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    registry = Registry(tmp_path, patience=QUICK)
    yield registry
    await registry.close()


@pytest.fixture
async def pulls(library: Library, registry: Registry) -> AsyncIterator[Pulls]:
    pulls = Pulls(library, registry)
    yield pulls
    await pulls.close()
