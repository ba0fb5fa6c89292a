"""A service without models, and a registry from which the tutorials' models can be pulled.

All of them are the starter model under other names, with answers that are short and always the same.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import hearth
from tests.contract.service import MODEL, Service
from tests.docker_registry import DockerRegistry, running_registry

#: What the texts run and pull.
NAMES = ("llama3:latest", "deepseek-r1:7b", "qwen2:7b", "qwen2:0.5b", "qwen:14b")


@pytest.fixture(scope="session")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Where the tutorials' service runs."""
    service = Service(
        tmp_path_factory.mktemp("tutorials") / "data", OLLAMA_NUM_PARALLEL="1", OLLAMA_CONTEXT_LENGTH="1024"
    ).start()
    yield service
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()


@pytest.fixture(scope="session")
def registry(kitchen: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """Filled by `hearth create`, `cp` and `push`, which are shown to work by that."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "Modelfile").write_text(f"FROM {MODEL}\nPARAMETER num_predict 24\nPARAMETER temperature 0\n")
    with running_registry(folder / "registry") as registry:
        done(kitchen, "create", "short", "-f", str(folder / "Modelfile"))
        for name in NAMES:
            full = f"{registry.host}/library/{name}"
            done(kitchen, "cp", "short", full)
            done(kitchen, "push", "--insecure", full)
            done(kitchen, "rm", full)
        done(kitchen, "rm", "short")
        yield registry


def done(service: Service, *arguments: str) -> str:
    """What a command prints that has to work."""
    result = hearth(service.url, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def service(kitchen: Service) -> Iterator[Service]:
    """Left without the models that a test pulled."""
    yield kitchen
    with kitchen.client() as client:
        for model in client.get("/api/tags").json()["models"]:
            if model["name"] != MODEL:
                client.request("DELETE", "/api/delete", json={"model": model["name"]}).raise_for_status()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path
