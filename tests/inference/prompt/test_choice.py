import pytest

from inference.prompt.choice import Templates
from tests.inference.prompt.go_templates import CHATML_LEGACY, DEEPSEEK_THINKING, QWEN_TOOLS

JINJA = "{{ tools }}<think></think>"


@pytest.mark.parametrize(
    ("templates", "tools", "thinking", "is_go"),
    [
        (Templates(CHATML_LEGACY, JINJA), False, False, True),
        (Templates(CHATML_LEGACY, JINJA), True, False, False),
        (Templates(CHATML_LEGACY, JINJA), False, True, False),
        (Templates(CHATML_LEGACY, None), True, True, True),
        (Templates(CHATML_LEGACY, "{{ messages }}"), True, True, True),
        (Templates(QWEN_TOOLS, JINJA), True, False, True),
        (Templates(QWEN_TOOLS, JINJA), True, True, False),
        (Templates(DEEPSEEK_THINKING, JINJA), False, True, True),
        (Templates(CHATML_LEGACY, JINJA, prefers_go=True), True, True, True),
        (Templates(QWEN_TOOLS, JINJA, prefers_go=False), True, False, False),
        (Templates(QWEN_TOOLS, None, prefers_go=False), True, False, True),
        (Templates(None, JINJA, prefers_go=True), False, False, False),
        (Templates(), True, True, False),
    ],
)
def test_template_is_that_of_the_modelfile_unless_the_other_is_needed(
    templates: Templates, tools: bool, thinking: bool, is_go: bool
) -> None:
    assert (templates.choose(tools=tools, thinking=thinking).go is not None) == is_go


def test_what_either_template_knows_is_known() -> None:
    both = Templates(CHATML_LEGACY, JINJA)

    assert (both.know_tools, both.know_thinking, both.know_infill) == (True, True, False)
    assert not Templates(CHATML_LEGACY, JINJA, prefers_go=True).know_tools
