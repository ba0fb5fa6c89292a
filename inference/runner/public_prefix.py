"""Which of a prompt's first tokens everybody knows who may use the model: its template's and its Modelfile's."""

from collections.abc import Callable, Sequence

from inference.errors import InferenceError
from inference.runner.engine.slot import common_prefix
from inference.runner.messages import ChatMessage

Render = Callable[[Sequence[ChatMessage]], list[int]]


class PublicPrefix:
    """What two prompts have in common that share nothing but the public messages. Of one model, whose public messages
    rarely change: the last ones are kept."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._messages: list[ChatMessage] | None = None
        self._tokens: list[int] = []

    def count(self, public: list[ChatMessage], tokens: Sequence[int]) -> int:
        """How many of the first `tokens` are public, when the first messages of their conversation are `public`."""
        if public != self._messages:
            self._messages, self._tokens = public, self._common_tokens(public)
        return common_prefix(self._tokens, tokens)

    def _common_tokens(self, public: list[ChatMessage]) -> list[int]:
        try:
            one, other = (self._render([*public, ChatMessage("user", text)]) for text in ("a", "b"))
        except InferenceError:
            # A template that refuses a question at this place.
            return []
        return one[: common_prefix(one, other)]
