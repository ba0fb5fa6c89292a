"""«本地使用OLLAMA搭建大模型»: the server answers, and `run llama3` pulls and talks, also in Chinese."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.contract.service import Service
from tests.docker_registry import DockerRegistry
from tests.terminal import Terminal

pytestmark = pytest.mark.model

LAYER = re.compile(r"pulling [0-9a-f]{12}\.\.\. 100% ▕█{10,}▏ +[\d.]+ (GB|MB|KB|B)")


def test_server_says_that_it_runs(service: Service) -> None:
    done = subprocess.run(["curl", "-s", service.url], capture_output=True, text=True, check=True)

    assert done.stdout == "Ollama is running"


def test_run_pulls_the_model_and_talks(service: Service, registry: DockerRegistry, home: Path) -> None:
    with Terminal(service.url, "run", "--insecure", f"{registry.host}/library/llama3", home=home, width=110) as terminal:
        pulled = terminal.ready()
        english = terminal.say("who are you?")
        chinese = terminal.say("可以用中文和我聊天吗")
        terminal.key("d")

        assert terminal.ended() == 0
    lines = pulled.splitlines()
    assert len(set(LAYER.findall(pulled))) >= 2
    for step in ("pulling manifest", "verifying sha256 digest", "writing manifest", "success"):
        assert any(line.startswith(step) for line in lines), step
    for question, printed in (("who are you?", english), ("可以用中文和我聊天吗", chinese)):
        assert len(printed.rpartition(question)[2].strip(" \n>⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")) > 0
