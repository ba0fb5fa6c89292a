"""Which template writes a prompt, and what it hears of a request. Runs on a preparer thread."""

from collections.abc import Sequence
from typing import Any

from inference.prompt.chat_template import ChatTemplate
from inference.prompt.go_chat_template import GoChatTemplate
from inference.runner.messages import ChatMessage, ChatPrompt, InfillPrompt

#: Models with the same weights share a runner, each with a TEMPLATE of its own.
_MAX_GO_TEMPLATES = 8


class PromptWriter:
    def __init__(self, template: ChatTemplate) -> None:
        """With the Jinja template of the model's file; those of Modelfiles come with the requests."""
        self._template = template
        self._go_templates: dict[str, GoChatTemplate] = {}

    def write(self, prompt: ChatPrompt, messages: Sequence[ChatMessage]) -> str:
        """For these messages, which may be fewer than the prompt's. Raises `InvalidRequest` or `EngineError`."""
        if prompt.template is None:
            return self._template.render(messages, jinja_variables(prompt))
        return self._go_template(prompt.template).render(prompt, messages)

    def write_infill(self, prompt: InfillPrompt) -> str:
        """Raises `EngineError`."""
        assert prompt.template is not None, "without one, the model's own tokens are used"
        return self._go_template(prompt.template).render_infill(prompt.prefix, prompt.suffix)

    def _go_template(self, source: str) -> GoChatTemplate:
        template = self._go_templates.pop(source, None) or GoChatTemplate(source)
        self._go_templates[source] = template
        while len(self._go_templates) > _MAX_GO_TEMPLATES:
            del self._go_templates[next(iter(self._go_templates))]
        return template


def jinja_variables(prompt: ChatPrompt) -> dict[str, Any]:
    """Templates of thinking models go by one of several names; others pass them over."""
    variables: dict[str, Any] = {"tools": prompt.tools} if prompt.tools else {}
    if prompt.think is not None:
        variables |= {"enable_thinking": bool(prompt.think), "thinking": bool(prompt.think)}
    if prompt.think is False:
        # Of Seed-OSS.
        variables["thinking_budget"] = 0
    if isinstance(prompt.think, str):
        variables["reasoning_effort"] = "high" if prompt.think == "max" else prompt.think
    return variables
