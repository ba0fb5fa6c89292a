"""`scripts/install`, run in a copy of its surroundings with programs that stand in for Python: what it says and when it works."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from webui.paths import BASE_DIR

TOOLS = ("sh", "dirname", "cat", "cksum", "mkdir", "chmod", "cp", "echo")
# Answers the version check by its exit code, and makes an environment whose python only takes notes.
PYTHON = """#!/bin/sh
case "$*" in
*"version_info < (3, 11)"*) exit {old};;
*"import venv, ensurepip"*) exit {no_venv};;
*version_info*) echo 3.11;;
-V) echo "Python {version}";;
"-m venv"*) mkdir -p .venv/bin && cp "$NOTING_PYTHON" .venv/bin/python;;
esac
"""
NOTING = """#!/bin/sh
case "$*" in
*install*) echo "$*" >>installed; [ ! -e broken ];;
esac
"""

Install = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("scripts/install", "requirements.lock", "requirements-test.lock", "requirements-starter.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(BASE_DIR / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    write_program(tmp_path / "noting", NOTING)
    return tmp_path


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def add_python(folder: Path, name: str, *, version: str, old: int = 0, no_venv: int = 0) -> None:
    write_program(folder / "bin" / name, PYTHON.format(version=version, old=old, no_venv=no_venv))


@pytest.fixture
def install(folder: Path) -> Install:
    def run(kind: str = "run", **environment: str) -> "subprocess.CompletedProcess[str]":
        env = {"PATH": str(folder / "bin"), "NOTING_PYTHON": str(folder / "noting"), **environment}
        command = [folder / "scripts" / "install", kind]
        return subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, timeout=30, check=False)

    return run


def installed(folder: Path) -> list[str]:
    notes = folder / "installed"
    return notes.read_text().splitlines() if notes.exists() else []


def test_too_old_a_python_is_one_sentence(folder: Path, install: Install) -> None:
    add_python(folder, "python3", version="3.9.2", old=1)

    result = install()

    assert result.returncode == 1
    assert result.stderr == (
        "Hearth: Python 3.11 or newer is needed; python3 is Python 3.9.2. "
        "Install a newer one, or name it with PYTHON=/path/to/python.\n"
    )


def test_no_python_at_all_is_one_sentence(install: Install) -> None:
    result = install()

    assert result.returncode == 1
    assert result.stderr.startswith("Hearth: Python 3.11 or newer is needed, and there is no python3 here.")
    assert result.stderr.count("\n") == 1


def test_a_newer_python_beside_an_old_one_is_found(folder: Path, install: Install) -> None:
    add_python(folder, "python3", version="3.9.2", old=1)
    add_python(folder, "python3.12", version="3.12.1")

    result = install()

    assert result.returncode == 0
    assert "making .venv with Python 3.12.1" in result.stdout


def test_a_named_python_is_taken_or_refused(folder: Path, install: Install) -> None:
    add_python(folder, "mine", version="3.13.0")
    add_python(folder, "older", version="3.8.1", old=1)

    assert "making .venv with Python 3.13.0" in install(PYTHON="mine").stdout
    shutil.rmtree(folder / ".venv")
    assert install(PYTHON="older").stderr == "Hearth: Python 3.11 or newer is needed; older is Python 3.8.1.\n"
    assert install(PYTHON="none").stderr == "Hearth: PYTHON names none, which is not there.\n"


def test_a_missing_venv_module_names_its_package(folder: Path, install: Install) -> None:
    add_python(folder, "python3", version="3.11.2", no_venv=1)

    result = install()

    assert result.returncode == 1
    assert result.stderr == "Hearth: python3 has no venv module. On Debian and Ubuntu: apt-get install python3.11-venv\n"


@pytest.mark.parametrize(("there", "missing"), [((), "a C compiler"), (("cc",), "a C++ compiler"), (("cc", "c++"), "make")])
def test_a_missing_compiler_is_named_when_the_packages_cannot_be_built(
    there: tuple[str, ...], missing: str, folder: Path, install: Install
) -> None:
    add_python(folder, "python3", version="3.11.2")
    (folder / "broken").touch()
    for tool in there:
        write_program(folder / "bin" / tool, "#!/bin/sh\n")

    result = install()

    assert result.returncode == 1
    assert result.stderr == (
        f"Hearth: llama.cpp has to be compiled, and there is no {missing} here. "
        "On Debian and Ubuntu: apt-get install build-essential\n"
    )
    assert not list((folder / ".venv").glob("*.stamp"))


def test_packages_are_pinned_by_hash_and_installed_once(folder: Path, install: Install) -> None:
    add_python(folder, "python3", version="3.11.2")

    first, second = install(), install()

    assert (first.returncode, second.returncode, second.stdout) == (0, 0, "")
    packages, starter = installed(folder)
    assert packages.endswith("install --disable-pip-version-check --require-hashes -r requirements.lock")
    assert starter.endswith("--require-hashes --no-deps -r requirements-starter.lock")


def test_a_changed_lock_file_is_installed_again(folder: Path, install: Install) -> None:
    add_python(folder, "python3", version="3.11.2")
    install()

    with (folder / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    result = install()

    assert result.returncode == 0
    assert len(installed(folder)) == 4


def test_what_the_tests_need_contains_what_running_needs(folder: Path, install: Install) -> None:
    add_python(folder, "python3", version="3.11.2")

    install("test")
    install("run")

    assert [line.split()[-1] for line in installed(folder)] == ["requirements-test.lock", "requirements-starter.lock"]


def test_the_lock_of_the_tests_contains_the_lock_of_running() -> None:
    def pinned(name: str) -> set[str]:
        lines = (BASE_DIR / name).read_text().splitlines()
        return {line.split(";")[0].strip(" \\") for line in lines if line[:1].isalnum()}

    assert pinned("requirements.lock") - pinned("requirements-test.lock") == set()


def test_make_run_hands_the_environment_to_the_server(tmp_path: Path) -> None:
    shutil.copy(BASE_DIR / "Makefile", tmp_path)
    for folder in ("scripts", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    write_program(tmp_path / "scripts/install", "#!/bin/sh\n")
    write_program(tmp_path / ".venv/bin/python", '#!/bin/sh\necho "$* on $HEARTH_PORT, $OLLAMA_HOST, $HEARTH_DATA"\n')
    env = {"PATH": os.environ["PATH"], "HEARTH_PORT": "3001", "OLLAMA_HOST": "127.0.0.1:11435", "HEARTH_DATA": "/srv/second"}

    result = subprocess.run(["make", "run"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=30, check=True)

    assert result.stdout == "manage.py serve on 3001, 127.0.0.1:11435, /srv/second\n"
