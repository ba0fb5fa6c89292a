"""`manage.py serve` with what it cannot work with: one sentence, an exit code, nothing started."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import free_port
from webui.paths import BASE_DIR


def serve(data: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {
        **os.environ,
        "HEARTH_DATA": str(data),
        "HEARTH_PORT": str(free_port()),
        "OLLAMA_HOST": f"127.0.0.1:{free_port()}",
        **environment,
    }
    return subprocess.run(
        [sys.executable, "manage.py", "serve"], cwd=BASE_DIR, env=env, capture_output=True, text=True, timeout=60
    )


def assert_refused(result: "subprocess.CompletedProcess[str]", *parts: str) -> None:
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Hearth cannot start. ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


def test_a_web_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = serve(tmp_path, HEARTH_PORT=str(port))

    assert_refused(result, f"Port {port} on 127.0.0.1 is already in use.", "HEARTH_PORT=")


def test_a_runtime_port_in_use_as_by_ollama(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = serve(tmp_path, OLLAMA_HOST=f"127.0.0.1:{port}")

    assert_refused(result, f"Port {port} on 127.0.0.1 is already in use.", "OLLAMA_HOST=127.0.0.1:")


def test_a_file_in_place_of_the_data_directory(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    assert_refused(serve(tmp_path / "data"), f"Hearth cannot keep its data in {tmp_path / 'data'}: a file is in its place.")


@pytest.mark.parametrize(
    ("name", "value"), [("HEARTH_PORT", "eighty"), ("OLLAMA_HOST", "127.0.0.1:x"), ("HEARTH_INFERENCE_URL", "gpu")]
)
def test_a_malformed_variable(name: str, value: str, tmp_path: Path) -> None:
    assert_refused(serve(tmp_path, **{name: value}), f"{name} must ", repr(value))


def test_a_secret_file_that_is_not_there(tmp_path: Path) -> None:
    assert_refused(serve(tmp_path, HEARTH_SECRET_KEY_FILE="/nowhere"), "HEARTH_SECRET_KEY_FILE: cannot read /nowhere")


def test_a_variable_that_only_django_reads_is_named_too(tmp_path: Path) -> None:
    result = serve(tmp_path, HEARTH_DEBUG="perhaps")

    assert result.returncode == 1
    assert result.stdout.splitlines()[-1].endswith("HEARTH_DEBUG must be true or false, not 'perhaps'.")
    assert "Traceback" not in result.stdout
