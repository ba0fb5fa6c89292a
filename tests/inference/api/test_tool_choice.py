from typing import Any

import pytest

from inference.api.tools import ToolChoice, read_tool_choice
from inference.errors import InvalidRequest

TOOLS: list[dict[str, Any]] = [{"type": "function", "function": {"name": name}} for name in ("look", "speak")]


def named(name: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


@pytest.mark.parametrize(
    ("value", "choice", "names"),
    [
        (None, ToolChoice("auto"), ["look", "speak"]),
        ("", ToolChoice("auto"), ["look", "speak"]),
        ("auto", ToolChoice("auto"), ["look", "speak"]),
        ("none", ToolChoice("none"), []),
        ("required", ToolChoice("required"), ["look", "speak"]),
        (named("speak"), ToolChoice("required", "speak"), ["speak"]),
    ],
)
def test_tool_choice_says_what_may_be_called(value: Any, choice: ToolChoice, names: list[str]) -> None:
    assert read_tool_choice(value, TOOLS) == choice
    assert [tool["function"]["name"] for tool in choice.callable(TOOLS)] == names


@pytest.mark.parametrize("value", ["any", "None", 1, True, [], ["auto"], {}, {"type": "function"}, {"type": "tool"}, named(1)])
def test_tool_choice_of_no_known_form_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r'^tool_choice must be "none", "auto", "required" or \{"type": "function"'):
        read_tool_choice(value, TOOLS)


@pytest.mark.parametrize(
    ("value", "tools", "message"),
    [
        ("required", [], 'tool_choice "required" needs tools to choose from'),
        (named("look"), [], 'tool_choice names "look", which is none of the request\'s tools'),
        (named("Look"), TOOLS, 'tool_choice names "Look", which is none of the request\'s tools'),
        (named("\N{SNOWMAN}" * 300), TOOLS, f'tool_choice names "{"☃" * 100}", which is none of the request\'s tools'),
    ],
)
def test_tool_choice_of_what_is_not_offered_is_refused(value: Any, tools: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_tool_choice(value, tools)

    assert str(caught.value) == message
