"""What a message says, in OpenAI's shape: a text, or parts that are texts and images."""

from dataclasses import dataclass, field
from typing import Any

from inference.errors import InvalidRequest

#: The parts whose words are under a name of their own.
_TEXT_PARTS = {"text": "text", "refusal": "refusal"}
_GO_NAMES = {bool: "bool", int: "float64", float: "float64", dict: "map[string]interface {}"}


@dataclass(frozen=True)
class MessageContent:
    text: str = ""
    #: As data: URLs, in their order.
    images: list[str] = field(default_factory=list)


def read_content(content: Any, path: str) -> MessageContent:
    """The texts of one message become one, a line each: templates know no parts. Raises `InvalidRequest` naming the part at
    fault; `path` is the field's."""
    if content is None or isinstance(content, str):
        return MessageContent(content or "")
    if not isinstance(content, list):
        raise InvalidRequest(f"invalid message content type: {_GO_NAMES.get(type(content), 'unknown')}", path)
    texts, images = [], []
    for index, part in enumerate(content):
        part_path = f"{path}[{index}]"
        if isinstance(part, str):
            texts.append(part)
            continue
        if not isinstance(part, dict):
            raise InvalidRequest("invalid message format", part_path)
        kind = part.get("type")
        if kind == "image_url":
            images.append(_image(part.get("image_url"), f"{part_path}.image_url"))
        else:
            texts.append(_text(part, kind, part_path))
    return MessageContent("\n".join(text for text in texts if text), images)


def read_image_url(url: Any, path: str) -> str:
    """A data: URL. Nothing is ever fetched in the name of a request. Raises `InvalidRequest`."""
    if not isinstance(url, str) or not url:
        raise InvalidRequest("invalid image input", path)
    scheme = url[:8].lower()
    if scheme.startswith(("http://", "https://")):
        raise InvalidRequest("image URLs are not currently supported, please use base64 encoded data instead", path)
    if not scheme.startswith("data:"):
        raise InvalidRequest("invalid image input", path)
    return url


def _image(value: Any, path: str) -> str:
    if isinstance(value, dict):
        return read_image_url(value.get("url"), f"{path}.url")
    return read_image_url(value, path)


def _text(part: dict[str, Any], kind: Any, path: str) -> str:
    if not isinstance(kind, str) or kind not in _TEXT_PARTS:
        shown = f'"{kind[:50]}"' if isinstance(kind, str) else "without a type"
        raise InvalidRequest(f"content parts {shown} are not supported; text and image_url are", f"{path}.type")
    text = part.get(_TEXT_PARTS[kind])
    if not isinstance(text, str):
        raise InvalidRequest("invalid message format", f"{path}.{_TEXT_PARTS[kind]}")
    return text
