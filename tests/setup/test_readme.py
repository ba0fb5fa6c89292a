"""The README's table of environment variables and the code say the same."""

import ast
import re
from collections.abc import Iterator

from webui.paths import BASE_DIR

READERS = re.compile(r"env_\w+|get|getenv|path|integer|duration|log_level|boolean|text|size|choice|names|debug")
VARIABLE = re.compile(r"(?:HEARTH|OLLAMA)_[A-Z_]+|DATABASE_URL|HF_TOKEN|TZ")
# `NAME_FILE` is the README's °, and the names of the terminal's own conventions are nobody's settings.
ROW = re.compile(r"^\| `([A-Z_]+)`( °)? \| (.+?) \| (.+) \|$", re.MULTILINE)


def calls() -> Iterator[tuple[str, str]]:
    for folder in ("webui", "inference"):
        for path in sorted((BASE_DIR / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                    function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    yield function, str(node.args[0].value)


def variables_read() -> dict[str, set[str]]:
    """Each variable with the functions that read it."""
    found: dict[str, set[str]] = {}
    for function, name in calls():
        if READERS.fullmatch(function) and VARIABLE.fullmatch(name):
            found.setdefault(name, set()).add(function)
    return found


def table() -> dict[str, tuple[str, str, str]]:
    text = (BASE_DIR / "README.md").read_text()
    return {name: (secret, default, meaning) for name, secret, default, meaning in ROW.findall(text)}


def test_every_variable_the_code_reads_is_in_the_table_and_no_other() -> None:
    assert sorted(table()) == sorted(variables_read())


def test_a_variable_is_marked_as_a_secret_when_it_may_be_a_file() -> None:
    marked = {name for name, (secret, _, _) in table().items() if secret}

    assert marked == {name for name, functions in variables_read().items() if "env_secret" in functions}


def test_no_variable_is_read_under_a_name_the_table_cannot_know() -> None:
    mentioned = set()
    for folder in ("webui", "inference"):
        for path in (BASE_DIR / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and VARIABLE.fullmatch(node.value):
                    mentioned.add(node.value)

    assert sorted(mentioned) == sorted(table())


def test_the_commands_of_the_readme_are_targets() -> None:
    readme, makefile = (BASE_DIR / "README.md").read_text(), (BASE_DIR / "Makefile").read_text()

    named = set(re.findall(r"\bmake ([a-z0-9]+)", readme)) | set(
        re.findall(r"`([a-z0-9]+)`", readme.split("lists the rest:")[1].split("\n")[0])
    )
    targets = set(re.findall(r"^([a-z0-9]+):", makefile, re.MULTILINE))

    assert named == targets
