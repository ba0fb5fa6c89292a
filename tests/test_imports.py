"""Who may import whom: the directions of docs/architecture.md, read from the source without running it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Rule:
    """Files below `where`, but not below `except_for`, import nothing that is or lies in one of `never`."""

    where: str
    never: tuple[str, ...]
    except_for: tuple[str, ...] = ()


INSIDE_A_RUNNER = ("inference.runner.engine", "inference.runner.llama")
#: A runner's llama.cpp layer reads a file's header with the library's bounded reader, and uses nothing else of the library.
BEYOND_THE_READER = tuple(
    f"inference.library.{path.stem}"
    for path in sorted((ROOT / "inference/library").glob("*.py"))
    if path.stem not in {"__init__", "errors", "gguf"}
)
RULES = [
    Rule("inference", ("django", "webui", "channels", "daphne", "allauth")),
    Rule("inference", ("llama_cpp",), except_for=("inference/runner/llama",)),
    Rule("webui", ("inference.runner", "llama_cpp")),
    Rule("webui/models", ("webui.services", "webui.views", "webui.consumers", "webui.api", "webui.forms")),
    Rule("webui/services", ("webui.views", "webui.consumers", "webui.api", "webui.forms")),
    Rule("webui/supervisor", ("django",)),
    Rule("webui/env.py", ("django",)),
    Rule("webui/paths.py", ("django",)),
    # The service knows a runner by its messages; only its start names the client.
    Rule("inference/api", ("inference.runner.client", *INSIDE_A_RUNNER), except_for=("inference/api/server.py",)),
    Rule("inference/library", ("inference.api", "inference.scheduler", "inference.runner", "inference.prompt")),
    # The command talks HTTP: what it may share with the server are names, Modelfiles, durations and addresses.
    Rule("inference/cli", ("inference.api", "inference.scheduler", "inference.runner", "inference.jobs", "starlette", "uvicorn")),
    Rule("inference/scheduler", ("inference.api", "inference.runner.client", *INSIDE_A_RUNNER, "starlette", "uvicorn")),
    Rule("inference/runner", ("inference.api", "inference.scheduler", "starlette", "uvicorn")),
    Rule("inference/runner", ("inference.library",), except_for=("inference/runner/llama",)),
    Rule("inference/runner/llama", BEYOND_THE_READER),
    Rule("inference/runner/engine", ("inference.runner.llama", "asyncio", "socket")),
    Rule("inference/runner/engine/scheduler.py", ("asyncio", "threading", "socket", "logging", "os", "pathlib", "numpy")),
]


def sources(where: str) -> list[Path]:
    path = ROOT / where
    return [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))


def imported(source: str, package: str) -> Iterator[str]:
    """Every module a source imports, wherever in it; `from a import b` counts as a and as a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: -(node.level - 1) or None] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def is_below(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def violations(rule: Rule) -> list[str]:
    found: list[str] = []
    for path in sources(rule.where):
        relative = path.relative_to(ROOT)
        if any(relative.is_relative_to(part) for part in rule.except_for):
            continue
        modules = imported(path.read_text(), ".".join(relative.parts[:-1]))
        found += [f"{relative} imports {module}" for module in modules if is_below(module, rule.never)]
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.where}: not {', '.join(rule.never)}")
def test_imports_go_one_way(rule: Rule) -> None:
    assert sources(rule.where) != []
    assert violations(rule) == []


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("import django", "django"),
        ("def f():\n    import django.db as db", "django.db"),
        ("from inference import runner", "inference.runner"),
        ("from inference.runner.client import RunnerClient", "inference.runner.client"),
        ("from ..runner import client", "inference.runner.client"),
        ("from . import lines", "inference.api.lines"),
        ("if True:\n    from .lines import x", "inference.api.lines"),
    ],
)
def test_reading_of_imports_misses_no_form(source: str, module: str) -> None:
    assert module in list(imported(source, "inference.api"))
