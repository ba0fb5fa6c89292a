"""From a conversation with images to one sequence of tokens and images. Runs on a preparer thread."""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import msgspec

from inference.errors import EngineError, InvalidRequest
from inference.image_file import check_content
from inference.runner.engine.media import MediaSpan, media_ids
from inference.runner.messages import ChatMessage


class ImageReader(Protocol):
    def read(self, content: bytes, /) -> Sequence[Any]:
        """What stands for an image in a prompt: lists of tokens, and parts of the image with `num_tokens` and
        `num_positions`. Raises `InvalidRequest` with a sentence that begins with "it"."""


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """As the engine takes it: among the tokens, ids of images at the places of their spans."""

    tokens: list[int]
    spans: tuple[MediaSpan, ...] = ()
    #: As the template wrote it; images stand in it as `[img-0]`.
    text: str = ""

    @property
    def size(self) -> int:
        """The room it takes in a context."""
        return len(self.tokens) + sum(span.num_extra_tokens for span in self.spans)


class Images:
    """The images of one request. In the text, a marker stands for each, which nobody who wrote a part of that text can
    have known; each image is read once, however often the text is rendered."""

    def __init__(self, reader: ImageReader, messages: Sequence[ChatMessage]) -> None:
        nonce = secrets.token_hex(16)
        self._marker = re.compile(f"IMG{nonce}N([0-9]+)E")
        self._reader = reader
        self._files: list[bytes] = []
        self._read: dict[int, tuple[bytes, Sequence[Any]]] = {}
        #: The conversation with markers in place of the images.
        self.messages: list[ChatMessage] = []
        for message in messages:
            first = len(self._files)
            self._files += message.images
            markers = "".join(f"IMG{nonce}N{number}E" for number in range(first, len(self._files)))
            self.messages.append(msgspec.structs.replace(message, content=markers + message.content, images=[]))

    def tokens(self, text: str, messages: Sequence[ChatMessage], tokenize: Callable[[str, bool], Sequence[int]]) -> PromptTokens:
        """Of the text that was rendered from some of `self.messages`; `tokenize` hears whether a text is the first. Raises
        `InvalidRequest` for an image that cannot be used, `EngineError` for a template that loses one."""
        texts, numbers = self._split(text)
        if sorted(numbers) != sorted(number for message in messages for number in self._split(message.content)[1]):
            raise EngineError("This model's chat template does not keep the images of a conversation.")
        tokens = list(tokenize(texts[0], True))
        spans: list[MediaSpan] = []
        for number, after in zip(numbers, texts[1:], strict=True):
            self._add(number, tokens, spans)
            tokens += tokenize(after, False) if after else ()
        if spans and spans[-1].end == len(tokens):
            raise InvalidRequest("The prompt ends with an image: write something after it.")
        return PromptTokens(tokens, tuple(spans), self._marker.sub(r"[img-\1]", text))

    def _split(self, text: str) -> tuple[list[str], list[int]]:
        """The texts between the markers, and the markers' numbers."""
        pieces = self._marker.split(text)
        return pieces[::2], [int(number) for number in pieces[1::2]]

    def _add(self, number: int, tokens: list[int], spans: list[MediaSpan]) -> None:
        if number not in self._read:
            self._read[number] = self._read_file(number)
        digest, parts = self._read[number]
        for index, part in enumerate(parts):
            if isinstance(part, list):
                tokens += part
                continue
            start = len(tokens)
            tokens += media_ids(digest, index, part.num_positions)
            spans.append(MediaSpan(start, len(tokens), part, part.num_tokens - part.num_positions))

    def _read_file(self, number: int) -> tuple[bytes, Sequence[Any]]:
        content = self._files[number]
        try:
            check_content(content)
            return sha256(content).digest(), self._reader.read(content)
        except InvalidRequest as error:
            raise InvalidRequest(f"Image {number + 1} of the conversation cannot be used: {error}.") from error
