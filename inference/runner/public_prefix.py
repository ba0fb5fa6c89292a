"""Which of a prompt's first tokens everybody knows who may use the model: its template's and its Modelfile's."""

from collections.abc import Callable, Sequence

import msgspec

from inference.errors import InferenceError
from inference.runner.engine.slot import common_prefix
from inference.runner.messages import ChatMessage, ChatPrompt

Render = Callable[[ChatPrompt, Sequence[ChatMessage]], list[int]]


class PublicPrefix:
    """What two prompts have in common that share nothing but the public messages. Of one model, whose public messages
    rarely change: the last ones are kept."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._public: ChatPrompt | None = None
        self._tokens: list[int] = []

    def count(self, prompt: ChatPrompt, tokens: Sequence[int]) -> int:
        """How many of the first `tokens`, those of `prompt`, are public."""
        if prompt.context or prompt.tools:
            # Of the one who asks, and they may stand before everything else.
            return 0
        messages = prompt.messages[: prompt.num_public_messages]
        public = msgspec.structs.replace(prompt, messages=messages, truncate=True)
        if public != self._public:
            self._public, self._tokens = public, self._common_tokens(public)
        return common_prefix(self._tokens, tokens)

    def _common_tokens(self, public: ChatPrompt) -> list[int]:
        try:
            one, other = (self._render(public, [*public.messages, ChatMessage("user", text)]) for text in ("a", "b"))
        except InferenceError:
            # A template that refuses a question at this place.
            return []
        return one[: common_prefix(one, other)]
