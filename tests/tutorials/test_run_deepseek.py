"""«本地大模型-一文了解 OLlama»: a server that has no such model yet, and `run deepseek-r1:7b`, which gets it."""

from pathlib import Path

import pytest

from tests.contract.service import Service
from tests.docker_registry import DockerRegistry
from tests.terminal import Terminal
from tests.tutorials.conftest import done

pytestmark = pytest.mark.model


def test_run_gets_a_model_of_a_certain_size(service: Service, registry: DockerRegistry, home: Path) -> None:
    name = f"{registry.host}/library/deepseek-r1:7b"
    assert name not in done(service, "list")

    with Terminal(service.url, "run", "--insecure", name, home=home) as terminal:
        assert "success" in terminal.ready()
        terminal.say("hello")
        terminal.type("/exit")
        assert terminal.ended() == 0

    assert name in done(service, "list")
    assert name in done(service, "ps")
