from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.library.models import Library
from tests.contract.service import Service
from tests.contract.tiny_service import tiny as tiny
from tests.inference.library.files import make_model
from tests.inference.tiny_models import write_bert, write_llama


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests that leave it as they found it."""
    service = Service(tmp_path_factory.mktemp("contract") / "data", OLLAMA_NUM_PARALLEL="2", OLLAMA_CONTEXT_LENGTH="1024").start()
    yield service
    code = service.stop()
    assert code == 0
    assert "Traceback" not in service.log.read_text()


@pytest.fixture
def own_service(tmp_path: Path, service: Service) -> Iterator[Service]:
    """A service to be harmed, not yet started; its models folder is that of the other, so nothing is imported."""
    own = Service(tmp_path / "data", OLLAMA_MODELS=str(service.data / "models"), OLLAMA_CONTEXT_LENGTH="1024")
    yield own
    if own._process is not None and own.process.poll() is None:
        own.process.kill()
        own.process.wait(10)


@pytest.fixture(scope="session")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with models of random weights that make vectors or rank documents."""
    folder = tmp_path_factory.mktemp("embed")
    library = Library(folder / "data" / "models")
    for name, path in {
        "bert-mean": write_bert(folder / "a.gguf", "mean"),
        "llama-last": write_llama(folder / "b.gguf", "last"),
        "bert-rank": write_bert(folder / "c.gguf", "rank"),
        "llama-plain": write_llama(folder / "d.gguf", None),
    }.items():
        make_model(library, name, weights=path.read_bytes())
    service = Service(folder / "data", OLLAMA_NUM_PARALLEL="2", OLLAMA_CONTEXT_LENGTH="512").start()
    yield service
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()
