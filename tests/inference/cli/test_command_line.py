"""What the command says without any server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from inference.cli.group import COMMANDS
from inference.version import VERSION
from tests.command import PROGRAM, environment, hearth
from tests.ports import free_port

NOWHERE = f"http://127.0.0.1:{free_port()}"


def test_usage_lists_every_command() -> None:
    done = hearth(NOWHERE)

    assert done.returncode == 0
    assert done.stdout.startswith(
        "Usage:\n  hearth [flags]\n  hearth [command]\n\nAvailable Commands:\n  serve       Start hearth\n"
    )
    assert all(f"\n  {name:<11} {summary}\n" in done.stdout for name, summary in COMMANDS.items())
    assert "\nFlags:\n  -h, --help      help for hearth\n  -v, --version   Show version information\n\nUse " in done.stdout


@pytest.mark.parametrize("arguments", [("-h",), ("--help",), ("help",)])
def test_help_says_what_it_is_first(arguments: tuple[str, ...]) -> None:
    done = hearth(NOWHERE, *arguments)

    assert done.returncode == 0
    assert done.stdout.startswith("Large language model runner\n\nUsage:\n  hearth [flags]\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    asked, helped = hearth(NOWHERE, name, "--help"), hearth(NOWHERE, "help", name)

    assert asked.returncode == 0
    assert asked.stdout.startswith(f"{COMMANDS[name]}\n\nUsage:\n  hearth {name}")
    assert "-h, --help" in asked.stdout
    assert helped.stdout == asked.stdout


@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_version_without_a_server(flag: str) -> None:
    done = hearth(NOWHERE, flag)

    assert done.returncode == 0
    assert done.stdout == f"Warning: could not connect to a running Hearth instance\nWarning: client version is {VERSION}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fly",), 'unknown command "fly" for "hearth"'),
        (("pul",), 'unknown command "pul" for "hearth". Did you mean \'pull\'?'),
        (("signin",), "'signin' belongs to ollama.com's accounts, which Hearth does not need"),
        (("--fly",), "unknown flag: --fly"),
        (("list", "--fly"), "unknown flag: --fly"),
        (("show", "--licence", "m"), "unknown flag: --licence. Did you mean '--license'?"),
        (("pull",), "requires at least 1 arg(s), only received 0: hearth pull MODEL [MODEL...]"),
        (("pull", "--all", "m"), "name models or use --all, not both"),
        (("show",), "accepts 1 arg(s), received 0: hearth show MODEL"),
        (("cp", "a"), "accepts 2 arg(s), received 1: hearth cp SOURCE DESTINATION"),
        (
            ("show", "m", "--license", "--system"),
            "only one of '--license', '--modelfile', '--parameters', '--template', or '--system' can be specified",
        ),
        (("create", "m", "-f", "nowhere"), "specified Modelfile wasn't found: nowhere"),
        (("create", "m", "-f"), "flag needs an argument: -f"),
        (("completion", "tcsh"), "there is no completion for 'tcsh', only for bash, zsh, fish"),
        (
            ("list",),
            f"could not connect to a Hearth server at {NOWHERE}: start it with 'hearth serve', or set OLLAMA_HOST",
        ),
    ],
)
def test_mistake_is_one_sentence_on_stderr(arguments: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    done = hearth(NOWHERE, *arguments, cwd=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Error: {sentence}\n")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"OLLAMA_HOST": "http://[::1"}, "OLLAMA_HOST is no address of a server: http://[[::1]:80"),
        ({"OLLAMA_HOST": "ftp://x"}, "OLLAMA_HOST is no address of a server: ftp://x:11434"),
        (
            {"OLLAMA_HOST": "192.0.2.1", "ALL_PROXY": "socks5://127.0.0.1:1"},
            "the proxy that the environment names cannot be used: ",
        ),
    ],
)
def test_address_that_is_none_is_one_sentence(variables: dict[str, str], sentence: str) -> None:
    done = hearth(NOWHERE, "list", **variables)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"Error: {sentence}")


def test_full_disk_under_the_output_is_one_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [PROGRAM, "help"], env=environment(NOWHERE), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "Error: the output cannot be written: No space left on device\n")


def test_password_needs_somebody_to_type_it() -> None:
    done = hearth(NOWHERE, "login", "registry.example")
    assert (done.returncode, done.stderr) == (1, "Error: there is no terminal to type the password on: use --password-stdin\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-"])
def test_streams_that_are_closed_are_empty_ones(closed: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" run x hi {closed}', PROGRAM],
        env=environment(NOWHERE),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.partition(":")[0]) == (1, "Error")
    assert "could not connect" in done.stderr


def test_command_works_through_links_from_any_folder(tmp_path: Path) -> None:
    link, second = tmp_path / "hearth", tmp_path / "second"
    link.symlink_to(os.path.relpath(PROGRAM, tmp_path))
    second.symlink_to(link)
    # A module of the folder in which it is typed must not be taken for one of ours.
    (tmp_path / "click.py").write_text("raise SystemExit('taken')")
    (tmp_path / "inference.py").write_text("raise SystemExit('taken')")

    done = subprocess.run([second, "list"], cwd=tmp_path, env=environment(NOWHERE), capture_output=True, text=True, check=False)

    assert done.stderr.startswith("Error: could not connect")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_for_this_shell(shell: str) -> None:
    done = hearth(NOWHERE, "completion", shell)

    assert done.returncode == 0
    assert f"_HEARTH_COMPLETE={shell}_complete" in done.stdout
    if program := shutil.which(shell):
        subprocess.run([program, "-n", "/dev/stdin"], input=done.stdout, text=True, check=True)


def test_completion_knows_commands_and_flags() -> None:
    def offered(words: str, position: int) -> list[str]:
        variables = {"_HEARTH_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(position)}
        return [line.partition(",")[2] for line in hearth(NOWHERE, **variables).stdout.split()]

    assert offered("hearth pu", 1) == ["pull", "push"]
    assert offered("hearth show --mo", 2) == ["--modelfile"]
    assert offered("hearth completion z", 2) == ["zsh"]
    assert offered("hearth show sm", 2) == []
