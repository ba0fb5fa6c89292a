from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from inference.address import parse_address
from inference.library.models import InstalledModel, Library
from inference.library.names import parse_name
from inference.runner.messages import Submit, TextPrompt
from inference.scheduler import ModelRequest, Scheduler
from inference.scheduler.failures import FailureLog
from inference.scheduler.machine import Machine
from inference.settings import Settings
from tests.inference.library.files import gguf, make_model
from tests.inference.scheduler.fake_runner import FakeRunners


@pytest_asyncio.fixture
async def runners() -> FakeRunners:
    return FakeRunners()


@pytest_asyncio.fixture
async def make_scheduler(tmp_path: Path, runners: FakeRunners) -> AsyncIterator[Callable[..., Scheduler]]:
    made: list[Scheduler] = []

    def make(*, failures: FailureLog | None = None, machine: Machine | None = None, **changes: Any) -> Scheduler:
        values = {"num_parallel": 2, "max_loaded_models": 2, **changes}
        settings = Settings(data_dir=tmp_path, models_dir=tmp_path / "models", address=parse_address(""), **values)
        made.append(Scheduler(settings, runners.start, failures, machine=machine))
        return made[-1]

    yield make
    for scheduler in made:
        await scheduler.close()


@pytest.fixture
def installed(tmp_path: Path) -> Callable[[str], InstalledModel]:
    library = Library(tmp_path / "models")

    def install(name: str) -> InstalledModel:
        make_model(library, name, weights=gguf() + name.encode())
        return library.find(parse_name(name), asked=name)

    return install


def request(model: InstalledModel, request_id: str | None, **changes: Any) -> ModelRequest:
    """A request for text, or for loading only when it has no id."""
    submit = None if request_id is None else Submit(request_id=request_id, prompt=TextPrompt(text="x"))
    return ModelRequest(model=model, submit=submit, **{"num_ctx": 1000, **changes})
