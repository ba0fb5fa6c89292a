"""«搭建本地大预言模型»: usage, a conversation with `/?` and `/bye`, and the same model by its API."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.service import Service
from tests.docker_registry import DockerRegistry
from tests.terminal import Terminal
from tests.tutorials.conftest import done

pytestmark = pytest.mark.model

#: As the text shows them; ours has more of them in between.
COMMANDS = """\
  serve       Start hearth
  create      Create a model from a Modelfile
  show        Show information for a model
  run         Run a model
  pull        Pull a model from a registry
  push        Push a model to a registry
  list        List models
  cp          Copy a model
  rm          Remove a model
  help        Help about any command
"""
HELP = """\
Available Commands:
  /set            Set session variables
  /show           Show model information
  /load <model>   Load a session or model
  /save <model>   Save your current session
  /clear          Clear session context
  /bye            Exit
  /?, /help       Help for a command
  /? shortcuts    Help for keyboard shortcuts

Use \"\"\" to begin a multi-line message.
"""


@pytest.fixture
def llama3(service: Service, registry: DockerRegistry) -> str:
    done(service, "pull", "--insecure", f"{registry.host}/library/llama3")
    done(service, "cp", f"{registry.host}/library/llama3", "llama3")
    return "llama3"


def test_usage_tells_that_it_is_installed(service: Service) -> None:
    usage = done(service)

    assert usage.startswith("Usage:\n  hearth [flags]\n  hearth [command]\n\nAvailable Commands:\n")
    assert_in_order(COMMANDS, usage)
    assert usage.endswith(
        "\nFlags:\n  -h, --help      help for hearth\n  -v, --version   Show version information\n\n"
        'Use "hearth [command] --help" for more information about a command.\n'
    )


def assert_in_order(expected: str, text: str) -> None:
    """Every line of what is expected is a line of the text, in the same order."""
    lines = iter(text.splitlines())
    for line in expected.splitlines():
        assert line in lines, line


def test_conversation_with_help_and_an_end(service: Service, llama3: str, home: Path) -> None:
    with Terminal(service.url, "run", llama3, home=home) as terminal:
        terminal.ready()
        answer = terminal.say("你是谁 中文回复")
        help_text = terminal.say("/?")
        saved = terminal.say("/save mine")
        loaded = terminal.say("/load mine")
        terminal.type("/bye")

        assert terminal.ended() == 0
    assert len(answer.split("你是谁 中文回复")[-1].strip()) > 0
    assert_in_order(HELP, help_text)
    assert "Created new model 'mine'" in saved
    assert "Loading model 'mine'" in loaded
    # The conversation that was saved is there again.
    assert ">>> 你是谁 中文回复" in loaded


def curl(service: Service, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The text's own command, with the port on which this service listens."""
    command = ["curl", "-s", "-X", "POST", f"http://localhost:{service.port}/api/generate", "-d", json.dumps(body)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_api_streams_by_default(service: Service, llama3: str) -> None:
    *lines, last = curl(service, {"model": llama3, "prompt": "who are you?"})

    assert len(lines) > 1
    for line in lines:
        assert set(line) == {"model", "created_at", "response", "done"}
        assert (line["model"], line["done"]) == (llama3, False)
    check_final(last)
    assert last["response"] == ""


def test_api_answers_at_once_when_asked(service: Service, llama3: str) -> None:
    (line,) = curl(service, {"model": llama3, "prompt": "who are you?", "stream": False})

    check_final(line)
    assert line["response"] != ""


def check_final(line: dict[str, Any]) -> None:
    assert (line["done"], line["done_reason"]) in ((True, "stop"), (True, "length"))
    assert all(isinstance(token, int) for token in line["context"])
    assert len(line["context"]) >= line["eval_count"]
    for name in ("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"):
        assert isinstance(line[name], int)
