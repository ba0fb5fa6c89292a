"""The `hearth` command against a real service."""

import json
import re
from pathlib import Path

import pytest

from inference.version import VERSION
from tests.command import hearth
from tests.contract.service import MODEL, Service

ROW = re.compile(rf"{MODEL} {{4}}[0-9a-f]{{12}} {{4}}98 MB {{4}}.+ ago {{4}}$", re.MULTILINE)

pytestmark = pytest.mark.model


def test_version_is_the_servers(service: Service) -> None:
    done = hearth(service.url, "--version")

    assert (done.returncode, done.stdout) == (0, f"hearth version is {VERSION}\n")


@pytest.mark.parametrize("name", ["list", "ls"])
def test_list_is_a_table(service: Service, name: str) -> None:
    done = hearth(service.url, name)

    assert re.match(r"NAME {12}ID {14}SIZE {5}MODIFIED +\n", done.stdout)
    assert ROW.search(done.stdout)


def test_list_keeps_to_a_prefix(service: Service) -> None:
    assert ROW.search(hearth(service.url, "list", "SMOL").stdout)
    assert hearth(service.url, "list", "qwen").stdout == "NAME    ID    SIZE    MODIFIED    \n"


def test_running_models_until_they_are_stopped(service: Service) -> None:
    service.post("/api/generate", {"model": MODEL, "keep_alive": "10m"})
    loaded = hearth(service.url, "ps").stdout
    stopped = hearth(service.url, "stop", MODEL)

    assert re.match(r"NAME +ID +SIZE +PROCESSOR +CONTEXT +UNTIL +\n", loaded)
    assert re.search(rf"{MODEL} +[0-9a-f]{{12}} +\d+ MB +100% CPU +1024 +9 minutes from now", loaded)
    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (0, "", "")
    assert MODEL not in hearth(service.url, "ps").stdout


def test_show_describes_the_model(service: Service) -> None:
    text = hearth(service.url, "show", MODEL).stdout

    assert text.startswith("  Model\n    architecture        llama")
    for row in (r"parameters +134\.52M", r"context length +8192", r"embedding length +576", r"quantization +Q4_1"):
        assert re.search(rf"^    {row} *$", text, re.MULTILINE)
    assert re.search(r"^  Capabilities\n    completion +\n", text, re.MULTILINE)


def test_show_prints_one_part_as_it_is(service: Service) -> None:
    assert re.search(
        r"^FROM /.+/blobs/sha256-[0-9a-f]{64}$", hearth(service.url, "show", "--modelfile", MODEL).stdout, re.MULTILINE
    )


def test_copy_and_removal(service: Service) -> None:
    copied = hearth(service.url, "cp", MODEL, "copy-of-it")
    listed = hearth(service.url, "list").stdout
    removed = hearth(service.url, "rm", "copy-of-it")

    assert (copied.returncode, copied.stdout) == (0, f"copied '{MODEL}' to 'copy-of-it'\n")
    assert "copy-of-it:latest" in listed
    assert (removed.returncode, removed.stdout) == (0, "deleted 'copy-of-it'\n")
    assert "copy-of-it" not in hearth(service.url, "list").stdout


@pytest.mark.parametrize("command", ["show", "rm", "stop", "cp"])
def test_unknown_model_is_named_with_the_one_that_is_near(service: Service, command: str) -> None:
    done = hearth(service.url, command, "smolm2:135m", *(["other"] if command == "cp" else []))

    assert done.returncode == 1
    assert re.match(rf"Error: .*['\"]smolm2:135m['\"].*\. Did you mean '{MODEL}'\?\n$", done.stderr)


def test_completion_offers_installed_models(service: Service) -> None:
    done = hearth(service.url, _HEARTH_COMPLETE="bash_complete", COMP_WORDS="hearth show smol", COMP_CWORD="2")

    assert done.stdout == f"plain,{MODEL}\n"


def test_pull_of_what_is_in_no_registry_fails(service: Service, tmp_path: Path) -> None:
    done = hearth(service.url, "pull", "http://127.0.0.1:9/library/nothing", cwd=tmp_path)

    assert done.returncode == 1
    assert "Error: " in done.stderr
    assert json.dumps(done.stdout) == '""'


@pytest.mark.parametrize("command", ["bench", "optimise"])
def test_work_on_an_unknown_model_names_the_one_that_is_near(service: Service, command: str) -> None:
    done = hearth(service.url, command, "smolm2:135m")

    assert done.returncode == 1
    assert done.stderr.endswith(f"Error: Model 'smolm2:135m' not found. Did you mean '{MODEL}'?\n")
