"""What is said of one endpoint."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

JSON = "application/json"
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"
BYTES = "application/octet-stream"


class Text(NamedTuple):
    en: str
    zh: str

    def in_(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


@dataclass(frozen=True)
class Parameter:
    """Of the path, the query or the headers (`place`)."""

    name: str
    place: str
    text: Text
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    example: Any = None


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`required` and `optional` name fields of `body`, in the order in which they are shown; fields that mean nothing at this
    endpoint are left out. `answer` None is an empty body. `stream` is the media type of a stream, and of what types its
    lines or events are. `refusals` are the statuses of errors beside those that every request of its kind can get."""

    method: str
    path: str
    summary: Text
    description: Text | None = None
    body: type[msgspec.Struct] | None = None
    required: str = ""
    optional: str = ""
    example: Any = None
    parameters: tuple[Parameter, ...] = ()
    #: The body is bytes, not JSON.
    takes_bytes: bool = False
    answer: Any = None
    media_type: str = JSON
    statuses: tuple[int, ...] = (200,)
    stream: tuple[str, tuple[type[msgspec.Struct], ...]] | None = None
    refusals: tuple[int, ...] = ()
    #: Whether a loaded model answers, so that it may have to be waited for.
    is_work: bool = False

    @property
    def id(self) -> str:
        words = self.path.replace("{", "").replace("}", "").replace(".", "_").replace("-", "_").strip("/").split("/")
        return "_".join([self.method.lower(), *filter(None, words)])


@dataclass(frozen=True)
class Group:
    """Endpoints of one protocol, under one heading."""

    name: str
    text: Text
    operations: tuple[Operation, ...]
