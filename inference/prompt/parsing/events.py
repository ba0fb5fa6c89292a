"""What an answer consists of."""

import secrets
import string
from dataclasses import dataclass, field
from typing import Any

_ID_LETTERS = string.ascii_lowercase + string.digits


def _new_id() -> str:
    return "call_" + "".join(secrets.choice(_ID_LETTERS) for _ in range(8))


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ContentDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """Complete. `index` counts the calls of an answer from 0; `arguments` keep the order in which the model wrote them."""

    index: int
    name: str
    arguments: dict[str, Any]
    id: str = field(default_factory=_new_id, compare=False)


AnswerEvent = ThinkingDelta | ContentDelta | ToolCall
