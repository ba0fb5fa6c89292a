"""«本地部署 LLM 大语言模型»: pull and list in the container, ask in Chinese from outside, let a web page ask."""

import json
import subprocess

import pytest

from tests.contract.service import Service
from tests.docker_registry import DockerRegistry
from tests.tutorials.conftest import done

pytestmark = pytest.mark.model


def test_question_in_chinese_by_the_api(service: Service, registry: DockerRegistry) -> None:
    name = f"{registry.host}/library/qwen:14b"
    done(service, "pull", "--insecure", name)
    assert name in done(service, "list")
    body = f'{{\n  "model": "{name}",\n  "prompt":"什么是大语言模型？"\n}}'

    asked = subprocess.run(
        ["curl", "-s", f"http://localhost:{service.port}/api/generate", "-d", body], capture_output=True, text=True, check=True
    )

    *lines, last = map(json.loads, asked.stdout.splitlines())
    assert all(line["model"] == name and line["done"] is False for line in lines)
    assert "".join(line["response"] for line in lines) != ""
    assert last["done"] is True
