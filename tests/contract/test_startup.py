"""What the operator sees when the service starts, or cannot."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.contract.service import ROOT, Service
from tests.ports import free_port


def fail(data: Path, arguments: tuple[str, ...] = ("serve",), **variables: str) -> str:
    """Runs the service, which must end at once with one line on standard error and a failure."""
    environ = {**os.environ, "HEARTH_DATA": str(data), "OLLAMA_HOST": f"127.0.0.1:{free_port()}", **variables}
    done = subprocess.run(
        [sys.executable, "-m", "inference", *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=20
    )
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    return line


def test_port_in_use_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = fail(tmp_path / "data", OLLAMA_HOST=f"127.0.0.1:{port}")

    assert line.startswith(f"Error: Port {port} is already in use: ")
    assert not (tmp_path / "data" / "run").exists()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"OLLAMA_NUM_PARALLEL": "many"}, "Error: OLLAMA_NUM_PARALLEL must be a whole number, not 'many'."),
        ({"OLLAMA_KEEP_ALIVE": "soon"}, "Error: OLLAMA_KEEP_ALIVE must be a duration such as"),
        ({"OLLAMA_HOST": "no.such.host.invalid"}, "Error: OLLAMA_HOST: cannot listen on no.such.host.invalid port 11434: "),
        ({"OLLAMA_HOST": "a b"}, "Error: OLLAMA_HOST: cannot listen on a b port 11434: "),
    ],
)
def test_unusable_variable_is_one_clear_sentence(tmp_path: Path, variables: dict[str, str], message: str) -> None:
    assert fail(tmp_path / "data", **variables).startswith(message)


def test_data_folder_that_cannot_be_made_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = fail(tmp_path / "file" / "data")

    assert re.fullmatch(
        r"Error: The folder .*/file/data cannot be created \(Not a directory\); set HEARTH_DATA to another one\.", line
    )


def test_path_too_long_for_a_socket_is_one_clear_sentence(tmp_path: Path) -> None:
    assert "is too long for a socket; set HEARTH_DATA to a shorter one." in fail(tmp_path / ("d" * 100))


def test_unknown_command_shows_the_usage(tmp_path: Path) -> None:
    assert fail(tmp_path, ("dance",)) == "Usage: python -m inference serve"


def test_second_service_on_the_same_data_is_refused_and_the_first_goes_on(service: Service) -> None:
    line = fail(service.data)

    assert line == f"Error: Another Hearth is already running with the data folder {service.data}."
    assert service.socket_path.exists()
    assert service.post("/api/chat", {}).json()["error"] == "model is required"


def test_second_start_is_quick_and_small(own_service: Service) -> None:
    own_service.start()
    process = psutil.Process(own_service.process.pid)

    # The bars are 0.7 s and 60 MB. Its own processor time is counted: the machine may be busy with others.
    assert process.cpu_times().user + process.cpu_times().system < 3
    assert process.memory_info().rss < 60_000_000
    assert own_service.stop() == 0
    assert not own_service.socket_path.exists()
