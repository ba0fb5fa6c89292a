"""A conversation with one model, as it is known on this side."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from inference.cli.chat.answer import AnswerView
from inference.cli.chat.images import Attachment
from inference.cli.client import Client


@dataclass
class Session:
    client: Client
    model: str
    #: What `/api/show` says of the model.
    description: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    system: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    format: str = ""
    #: None: as the model does by itself.
    think: bool | str | None = None
    keep_alive: float | None = None
    hides_thinking: bool = False
    is_verbose: bool = False
    has_wordwrap: bool = True

    @property
    def sees_images(self) -> bool:
        return "vision" in (self.description.get("capabilities") or [])

    @property
    def given_messages(self) -> list[dict[str, Any]]:
        """Those that the model's Modelfile begins with; the server puts them before ours."""
        return list(self.description.get("messages") or [])

    def say(self, text: str, attachments: list[Attachment]) -> None:
        """Sends a message and shows the answer. Raises `CommandError`; the message is as if never sent then."""
        message: dict[str, Any] = {"role": "user", "content": text}
        if attachments:
            message["images"] = [attachment.base64 for attachment in attachments]
        lines = self.client.stream("/api/chat", self._body([*self._system_message(), *self.messages, message]))
        answer = self._view().show(lines, is_verbose=self.is_verbose)
        self.messages.append(message)
        if answer.content or answer.thinking:
            thinking = {"thinking": answer.thinking} if answer.thinking else {}
            self.messages.append({"role": "assistant", "content": answer.content, **thinking})

    def load(self) -> Iterator[dict[str, Any]]:
        """Has the model loaded; yields the server's events. Raises `CommandError`."""
        body = self.common() | {"messages": [], "stream": False, "hearth": {"events": True}}
        yield from self.client.stream("/api/chat", body)

    def generate(self, prompt: str, attachments: list[Attachment]) -> bool:
        """Shows the answer to one prompt; False when Ctrl-C ended it. Raises `CommandError`."""
        body = self.common() | {"prompt": prompt, "hearth": {"events": True}}
        if self.system:
            body["system"] = self.system
        if attachments:
            body["images"] = [attachment.base64 for attachment in attachments]
        return self._view().show(self.client.stream("/api/generate", body), is_verbose=self.is_verbose).is_whole

    def common(self) -> dict[str, Any]:
        """What all requests of the session have in common."""
        fields = {
            "options": self.options,
            "format": self.format,
            "think": self.think,
            "keep_alive": self.keep_alive,
        }
        return {"model": self.model, **{name: value for name, value in fields.items() if value not in (None, "", {})}}

    def _body(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        return self.common() | {"messages": messages, "hearth": {"events": True}}

    def _system_message(self) -> list[dict[str, Any]]:
        return [{"role": "system", "content": self.system}] if self.system else []

    def _view(self) -> AnswerView:
        return AnswerView(has_wordwrap=self.has_wordwrap, hides_thinking=self.hides_thinking)
