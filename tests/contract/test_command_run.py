"""`hearth run` against a real service: in a pseudo-terminal, and in pipes."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from inference.cli.chat import texts
from tests.command import PROGRAM, TIMEOUT_S, environment, hearth
from tests.contract.service import MODEL, Service, until
from tests.terminal import Terminal

pytestmark = pytest.mark.model


@pytest.fixture
def terminal(service: Service, tmp_path: Path) -> Iterator[Terminal]:
    """A conversation whose answers are short and always the same."""
    with Terminal(service.url, "run", MODEL, home=tmp_path) as terminal:
        terminal.ready()
        terminal.say("/set parameter num_predict 8")
        terminal.say("/set parameter temperature 0")
        yield terminal


def test_conversation_remembers_what_was_said(terminal: Terminal, service: Service, tmp_path: Path) -> None:
    terminal.say("你是谁 中文回复")
    before = answered(service)
    first = terminal.say("Hello.")
    second = terminal.say('"""Hello\nagain."""')
    terminal.say("/clear")
    third = terminal.say("Hello.")
    terminal.type("/bye")

    assert terminal.ended() == 0
    assert answered(service) == before + 3
    assert "\n... again." in second
    assert first != third
    assert "你是谁 中文回复" in (tmp_path / ".hearth" / "history").read_text()


def answered(service: Service, *, kind: str = 'path="/api/chat"') -> int:
    """How many requests of this kind the service counted."""
    with service.client() as client:
        lines = client.get("/metrics").text.splitlines()
    return int(sum(float(line.rpartition(" ")[2]) for line in lines if kind in line))


def test_help_is_that_of_the_tutorials(terminal: Terminal) -> None:
    assert texts.COMMANDS in terminal.say("/?")
    assert texts.COMMANDS in terminal.say("/help")
    assert texts.SHORTCUTS in terminal.say("/? shortcuts")
    assert texts.SET in terminal.say("/? set")
    assert texts.SHOW in terminal.say("/show")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/nope", "Unknown command '/nope'. Type /? for help"),
        ("/set nope", "Unknown command '/set nope'. Type /? for help"),
        ("/set parameter top_k x", "Couldn't set parameter: invalid int value [x]"),
        ("/set parameter colour red", "Couldn't set parameter: unknown parameter 'colour'"),
        ("/set parameter", "/set parameter num_ctx <int>"),
        ("/set system", "Available Commands:"),
        ("/set format xml", "Invalid or missing format. For 'json' mode use '/set format json'"),
        ("/set format json", "Set format to 'json' mode."),
        ("/set noformat", "Disabled format."),
        ("/set wordwrap", "Set 'wordwrap' mode."),
        ("/set nowordwrap", "Set 'nowordwrap' mode."),
        ("/set verbose", "Set 'verbose' mode."),
        ("/set quiet", "Set 'quiet' mode."),
        ("/set think", "Warning: model 'smollm2:135m' does not support thinking"),
        ("/set nothink", "Set 'nothink' mode."),
        ("/show system", "No system message was specified for this model."),
        ("/show info", "    architecture        llama"),
        ("/show modelfile", "\nFROM /"),
        ("/show nope", "Unknown command '/show nope'. Type /? for help"),
        ("/load", "Usage:\n  /load <modelname>"),
        ("/load smolm2:135m", f"Error: Couldn't find model 'smolm2:135m'. Did you mean '{MODEL}'?"),
        ("/save", "Usage:\n  /save <modelname>"),
        ("/list", MODEL),
        ("/clear", "Cleared session context"),
    ],
)
def test_slash_command_says_what_it_did(service: Service, shared_terminal: Terminal, line: str, said: str) -> None:
    assert said in shared_terminal.say(line)


@pytest.fixture(scope="module")
def shared_terminal(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """For what costs no answer."""
    with Terminal(service.url, "run", MODEL, home=tmp_path_factory.mktemp("home")) as terminal:
        terminal.ready()
        yield terminal
        terminal.type("/exit")
        assert terminal.ended() == 0


def test_system_message_and_parameters_are_shown(terminal: Terminal) -> None:
    assert "Set system message." in terminal.say('/set system """You are\nterse."""')

    assert "\nYou are\nterse.\n" in terminal.say("/show system")
    shown = terminal.say("/show parameters")
    assert 'stop                           "<|im_start|>"' in shown
    assert "User defined parameters:\n  num_predict                    8\n" in shown


def test_verbose_tells_the_timings(terminal: Terminal) -> None:
    terminal.say("/set verbose")

    text = terminal.say("Hello.")

    assert "total duration:       " in text
    assert "eval count:           8 token(s)\n" in text


def test_ctrl_c_stops_the_answer_and_not_the_conversation(terminal: Terminal, service: Service) -> None:
    before = answered(service, kind='reason="abort"')
    terminal.say("/set parameter num_predict 900")
    terminal.type("Write a long story.")
    terminal.until(" and ")
    terminal.key("c")
    terminal.ready()
    terminal.say("/set parameter num_predict 4")
    until(lambda: answered(service, kind='reason="abort"') > before)
    terminal.say("Hello.")
    terminal.key("c")
    terminal.until(texts.LEAVING_HINT)
    terminal.ready()
    terminal.key("d")

    assert terminal.ended() == 0


def test_no_history_is_kept_when_it_is_not_wanted(service: Service, tmp_path: Path) -> None:
    with Terminal(service.url, "run", MODEL, home=tmp_path, OLLAMA_NOHISTORY="1") as terminal:
        terminal.ready()
        terminal.say("/set quiet")
        terminal.key("d")

        assert terminal.ended() == 0
    assert not (tmp_path / ".hearth").exists()


def test_editor_writes_the_message(service: Service, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "/set quiet" > "$1"\n')
    editor.chmod(0o755)
    with Terminal(service.url, "run", MODEL, home=tmp_path, OLLAMA_EDITOR=str(editor)) as terminal:
        terminal.ready()
        terminal.key("g")
        terminal.until("/set quiet")
        terminal.type("")

        assert "Set 'quiet' mode." in terminal.ready()


def test_piped_text_comes_before_the_prompt(service: Service, short_model: str) -> None:
    done = hearth(service.url, "run", short_model, "Say it again.", "--verbose", stdin="猫坐在垫子上。\n".encode())

    assert done.returncode == 0
    assert done.stdout.strip() != ""
    assert "\x1b" not in done.stdout + done.stderr
    assert "prompt eval count:    " in done.stderr


def test_answer_in_json(service: Service, short_model: str) -> None:
    done = hearth(service.url, "run", short_model, "--format", "json", "A colour, in JSON.", LC_ALL="C")

    assert done.returncode == 0
    assert done.stdout.lstrip().startswith(("{", "["))


@pytest.fixture
def short_model(service: Service) -> Iterator[str]:
    """The same weights, with short answers."""
    body = {"model": "short", "from": MODEL, "parameters": {"num_predict": 8, "temperature": 0}, "stream": False}
    service.post("/api/create", body).raise_for_status()
    yield "short"
    hearth(service.url, "rm", "short")


def test_without_anything_to_say_the_model_is_loaded(service: Service) -> None:
    hearth(service.url, "stop", MODEL)

    done = hearth(service.url, "run", MODEL, "--keepalive", "42m")

    assert (done.returncode, done.stdout) == (0, "")
    assert "41 minutes from now" in hearth(service.url, "ps").stdout
    hearth(service.url, "run", MODEL, "--keepalive", "5m")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--think", MODEL, "x"), f'"{MODEL}" does not support thinking'),
        (("--think=much", MODEL, "x"), 'invalid value for --think: "much" (must be true, false, high, medium, low, or max)'),
        (("--keepalive", "3x", MODEL), 'invalid duration "3x": write it as 30s, 5m, 1h30m or a number of seconds'),
        (("--format", "xml", MODEL, "x"), "xml"),
    ],
)
def test_mistake_in_run_is_one_sentence(service: Service, arguments: tuple[str, ...], sentence: str) -> None:
    done = hearth(service.url, "run", *arguments)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert sentence in done.stderr
    assert done.stdout == ""


def test_number_that_is_none_is_named(service: Service) -> None:
    done = hearth(service.url, "run", MODEL, "--dimensions", "many", "x")

    assert done.stderr == "Error: Invalid value for '--dimensions': 'many' is not a valid integer.\n"


def test_words_in_another_encoding_are_understood(service: Service, short_model: str) -> None:
    """As a terminal that is set to Chinese writes them, whatever the locale of this process."""
    words: list[bytes | str] = [PROGRAM.as_posix(), "run", short_model, "你好".encode("gb18030")]
    done = subprocess.run(words, env=environment(service.url), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    same = hearth(service.url, "run", short_model, "你好")

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == same.stdout != ""


def test_name_of_no_encoding_is_no_model(service: Service) -> None:
    done = subprocess.run(
        [PROGRAM, "show", b"\xff\xfe\xff"], env=environment(service.url), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "Error: invalid model name\n")


def test_nobody_is_asked_for_more_where_answers_go_to_a_file(service: Service, tmp_path: Path) -> None:
    """Whoever sits at the terminal would not see the question."""
    command = f"run {MODEL} > {tmp_path / 'answer'}"
    child = pexpect.spawn("/bin/sh", ["-c", f"{PROGRAM} {command}"], env=environment(service.url, HOME=str(tmp_path)))
    child.expect(pexpect.EOF, timeout=TIMEOUT_S)
    child.close()

    assert child.exitstatus == 0
    assert (tmp_path / "answer").read_text() == ""


def test_terminal_that_can_nothing_has_a_plain_prompt(service: Service, tmp_path: Path) -> None:
    with Terminal(service.url, "run", MODEL, home=tmp_path, TERM="dumb") as terminal:
        terminal.until(">>> ")
        terminal.type("/set system 简短")
        terminal.until(">>> ")
        assert "Set system message." in terminal.text
        terminal.type("/bye")
        assert terminal.ended() == 0
