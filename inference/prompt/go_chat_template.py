"""Messages to a prompt by a TEMPLATE of a Modelfile, by Ollama's rules."""

import copy
from collections.abc import Sequence
from typing import Any

import msgspec

from inference.errors import EngineError
from inference.prompt.go_template import GoTemplate, GoTemplateError
from inference.prompt.go_template.nodes import Action, Branch, Command, Field, Node, Pipe, Variable
from inference.prompt.go_template.template import RENDER_SECONDS
from inference.prompt.go_values import message_values, tool_values
from inference.runner.messages import ChatMessage, ChatPrompt

#: Of a model whose TEMPLATE says nothing.
DEFAULT_SOURCE = "{{ .Prompt }}"


class GoChatTemplate:
    """A template that names `.Messages` is given the conversation; an older one, without, is run once a turn, and its last
    run ends where the answer stands. One that names neither has the answer after it."""

    def __init__(self, source: str, *, seconds: float = RENDER_SECONDS) -> None:
        """A template that cannot be read is reported when it is used."""
        self._seconds = seconds
        self._error = ""
        try:
            self._template = GoTemplate(source or DEFAULT_SOURCE)
        except GoTemplateError as error:
            self._error = str(error)
            self._template = GoTemplate(DEFAULT_SOURCE)
        names = self._template.names()
        self._takes_messages = "messages" in names
        if not self._takes_messages and "response" not in names:
            self._template.root.append(Action(Pipe([Command([Field(["Response"])])])))
        self._before_response = without_what_follows_response(self._template.root)

    def render(self, prompt: ChatPrompt, messages: Sequence[ChatMessage]) -> str:
        """The prompt up to where the answer begins. Raises `EngineError` when the template is at fault."""
        system, collated = collate(messages)
        thinking = thinking_values(prompt.think)
        if not self._takes_messages:
            return self._render_turns(collated, thinking)
        tools = tool_values(prompt.tools) if prompt.tools else None
        values = {"System": system, "Messages": message_values(collated), "Tools": tools, "Response": ""}
        return self._run(values | thinking)

    def render_infill(self, prefix: str, suffix: str) -> str:
        """The prompt for what stands between two texts. Raises `EngineError`."""
        return self._run({"Prompt": prefix, "Suffix": suffix, "Response": ""} | thinking_values(None))

    def _render_turns(self, messages: Sequence[ChatMessage], thinking: dict[str, Any]) -> str:
        texts: list[str] = []
        turn = {"System": "", "Prompt": "", "Response": ""}

        def end_turn() -> None:
            texts.append(self._run(turn | thinking))
            turn.update(System="", Prompt="", Response="")

        for message in messages:
            if (message.role == "system" and (turn["Prompt"] or turn["Response"])) or (
                message.role == "user" and turn["Response"]
            ):
                end_turn()
            part = {"system": "System", "user": "Prompt", "assistant": "Response"}.get(message.role)
            if part is not None:
                turn[part] = message.content
        texts.append(self._run(turn | thinking, self._before_response))
        return "".join(texts)

    def _run(self, values: dict[str, Any], root: list[Node] | None = None) -> str:
        if self._error:
            raise EngineError(f"This model's template cannot be used: it {self._error}.")
        try:
            return self._template.render(values, root=root, seconds=self._seconds)
        except GoTemplateError as error:
            raise EngineError(f"This model's template failed: it {error}.") from error


def thinking_values(think: bool | str | None) -> dict[str, Any]:
    """What a template hears of a request's `think`."""
    return {"Think": bool(think), "ThinkLevel": think if isinstance(think, str) else "", "IsThinkSet": think is not None}


def collate(messages: Sequence[ChatMessage]) -> tuple[str, list[ChatMessage]]:
    """All system texts as one, and the messages with those joined that follow one of the same role. Results of tools stay
    apart, and so do messages with calls of tools."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    collated: list[ChatMessage] = []
    for message in messages:
        last = collated[-1] if collated else None
        if last is None or last.role != message.role or message.role == "tool" or last.tool_calls or message.tool_calls:
            collated.append(message)
            continue
        joined = f"{last.content}\n\n{message.content}"
        thinking = "\n\n".join(filter(None, (last.thinking, message.thinking)))
        images = [*last.images, *message.images]
        collated[-1] = msgspec.structs.replace(last, content=joined, thinking=thinking or None, images=images)
    return system, collated


def without_what_follows_response(nodes: list[Node]) -> list[Node]:
    """A copy that ends after the first action that writes `.Response`."""
    kept, _ = _cut(copy.deepcopy(nodes))
    return kept


def _cut(nodes: list[Node]) -> tuple[list[Node], bool]:
    kept: list[Node] = []
    for node in nodes:
        kept.append(node)
        is_cut = isinstance(node, Action) and _names_response(node.pipe)
        if isinstance(node, Branch):
            node.body, is_cut = _cut(node.body)
            if is_cut:
                # What stands in the other branch follows it in the text.
                node.otherwise = []
            else:
                node.otherwise, is_cut = _cut(node.otherwise)
        if is_cut:
            return kept, True
    return kept, False


def _names_response(pipe: Pipe) -> bool:
    operands = [operand for command in pipe.commands for operand in command.operands]
    return any(isinstance(operand, Field | Variable) and "Response" in operand.names for operand in operands)
