"""From a `Tokenize` to its `Tokens`. Runs on a preparer thread; nothing is computed."""

from collections.abc import Callable, Sequence

from inference.errors import InvalidRequest, PayloadTooLarge
from inference.runner.image_preparation import PromptTokens
from inference.runner.llama.vocabulary import Vocabulary
from inference.runner.messages import ChatPrompt, TextPrompt, Tokenize, TokenPrompt, Tokens

#: With their pieces they fit a frame: five bytes a number, and a piece seldom has ten.
MAX_TOKENS = 4 * 1024 * 1024
#: In place of the ids that stand for an image inside the runner.
_IMAGE = -1


class TokenPreparation:
    def __init__(self, vocabulary: Vocabulary, write: Callable[[ChatPrompt], PromptTokens] | None) -> None:
        """`write` lays out a conversation; without it, the model has none."""
        self._vocabulary = vocabulary
        self._write = write

    def prepare(self, message: Tokenize) -> Tokens:
        """Raises an `InferenceError`; `InvalidRequest` for a token that the model does not know, `PayloadTooLarge` for more
        tokens than one answer can hold."""
        prompt = self._prompt(message)
        if len(prompt.tokens) > MAX_TOKENS:
            raise PayloadTooLarge(f"The prompt has {len(prompt.tokens)} tokens; at most {MAX_TOKENS} can be told at once.")
        tokens = [token if token >= 0 else _IMAGE for token in prompt.tokens]
        pieces = [self._piece(token) for token in tokens] if message.wants_pieces else []
        return Tokens(request_id=message.request_id, tokens=tokens, size=prompt.size, pieces=pieces)

    def _prompt(self, message: Tokenize) -> PromptTokens:
        prompt = message.prompt
        if isinstance(prompt, ChatPrompt):
            if self._write is None:
                raise InvalidRequest("This model does not write text.")
            return self._write(prompt)
        tokens = self._text_tokens(prompt) if isinstance(prompt, TextPrompt) else self._known(prompt)
        before, after = self._vocabulary.frame if message.adds_special else ((), ())
        return PromptTokens([*before, *tokens, *after])

    def _text_tokens(self, prompt: TextPrompt) -> Sequence[int]:
        return self._vocabulary.tokenize(prompt.text, parse_special=prompt.parse_special)

    def _known(self, prompt: TokenPrompt) -> Sequence[int]:
        num_tokens = self._vocabulary.num_tokens
        unknown = next((token for token in prompt.tokens if not 0 <= token < num_tokens), None)
        if unknown is not None:
            raise InvalidRequest(f"tokens names {unknown}, which this model does not know (it knows {num_tokens}).")
        return prompt.tokens

    def _piece(self, token: int) -> bytes:
        return self._vocabulary.written_piece(token) if token != _IMAGE else b""
