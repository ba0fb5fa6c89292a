"""A service with models of a few kilobytes, to be asked thousands of things that make no sense."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.library.models import Library
from tests.contract.service import Service
from tests.inference.library.files import make_model
from tests.inference.tiny_models import write_bert, write_llama

TINY, RANKER = "tiny:1", "ranker:1"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """At its end it must still be well: no traceback in its log, and an orderly end."""
    folder: Path = tmp_path_factory.mktemp("tiny")
    library = Library(folder / "data" / "models")
    make_model(library, TINY, weights=write_llama(folder / "a.gguf", None).read_bytes())
    make_model(library, RANKER, weights=write_bert(folder / "b.gguf", "rank").read_bytes())
    service = Service(folder / "data", OLLAMA_CONTEXT_LENGTH="128", OLLAMA_NUM_PARALLEL="2").start()
    yield service
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()
