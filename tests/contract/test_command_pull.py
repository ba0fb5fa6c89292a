"""`hearth pull`, ended by hand, and of all that is installed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import hearth
from tests.contract.service import MODEL, Service
from tests.docker_registry import DockerRegistry, random_bytes, running_registry
from tests.inference.tiny_models import write_llama
from tests.terminal import Terminal

#: At the speed to which it is held, it takes longer than anybody waits here.
SIZE, LIMIT = 60_000_000, "4MB"


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        registry.push("library/large", "latest", {"model": random_bytes(SIZE)}, b'{"model_format":"gguf"}')
        registry.push("library/small", "latest", {"model": random_bytes(1000, 1)}, b'{"model_format":"gguf"}')
        yield registry


@pytest.fixture(scope="module")
def slow_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Without any model, and with little bandwidth."""
    service = Service(tmp_path_factory.mktemp("pull") / "data", HEARTH_DOWNLOAD_LIMIT=LIMIT).start()
    assert hearth(service.url, "rm", MODEL).returncode == 0
    yield service
    assert service.stop() == 0


def test_ctrl_c_ends_a_pull_and_says_how_it_goes_on(slow_service: Service, docker: DockerRegistry, tmp_path: Path) -> None:
    name = f"{docker.host}/library/large"
    with Terminal(slow_service.url, "pull", "--insecure", name, home=tmp_path) as terminal:
        shown = terminal.until("MB/s")
        terminal.key("c")
        code = terminal.ended()

    assert re.search(r"pulling [0-9a-f]{12}\.\.\. +\d+% ▕[█ ]+▏ +[\d.]+ [KM]B/60 MB +[\d.]+ $", shown)
    assert code == 130
    assert f"Cancelled. What was downloaded is kept: 'hearth pull {name}' goes on from there." in terminal.text
    assert list((slow_service.data.parent).rglob("*partial*")) or list(
        Path(slow_service.environ["OLLAMA_MODELS"]).rglob("*partial*")
    )


def test_all_models_are_updated(slow_service: Service, docker: DockerRegistry) -> None:
    name = f"{docker.host}/library/small:latest"
    first = hearth(slow_service.url, "pull", "--insecure", name)
    docker.push("library/small", "latest", {"model": random_bytes(2000, 2)}, b'{"model_format":"gguf"}')
    with slow_service.client() as client:
        before = client.get("/api/tags").json()
        done = hearth(slow_service.url, "pull", "--all", "--insecure")
        after = client.get("/api/tags").json()

    assert re.match(rf"{re.escape(name)}: 1\.0 KB to download, needs [\d.]+ [KMG]B of memory, ", first.stderr)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "success")
    assert digest(before, name) != digest(after, name)


def test_models_that_came_from_no_registry_stay_as_they_are(slow_service: Service, docker: DockerRegistry) -> None:
    own = f"{docker.host}/library/own:latest"
    folder = slow_service.data / "models" / "import"
    folder.mkdir(exist_ok=True)
    lying = write_llama(folder / "lying.gguf", None)
    assert hearth(slow_service.url, "cp", "lying", own).returncode == 0

    done = hearth(slow_service.url, "pull", "--all", "--insecure")

    assert (done.returncode, "lying:latest" in done.stderr) == (0, False)
    assert f"{own} is in no registry and stays as it is." in done.stderr
    assert hearth(slow_service.url, "rm", own).returncode == 0
    lying.unlink()


def test_models_that_are_not_there_do_not_keep_others_back(slow_service: Service, docker: DockerRegistry) -> None:
    names = [f"{docker.host}/library/{name}" for name in ("nothing", "small", "none")]

    done = hearth(slow_service.url, "pull", "--insecure", *names)

    assert done.returncode == 1
    assert f"Error: {names[0]}: pull model manifest: file does not exist" in done.stderr
    assert f"\n{names[1]}:\n" in done.stderr
    assert "\nsuccess\n" in done.stderr
    assert done.stderr.endswith(f"Error: 2 of 3 models could not be pulled: {names[0]}, {names[2]}\n")


def digest(tags: dict[str, list[dict[str, str]]], name: str) -> str:
    return next(model["digest"] for model in tags["models"] if model["name"] == name)
