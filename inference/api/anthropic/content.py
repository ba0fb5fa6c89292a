"""Content blocks: texts, images and what can be written out as text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from inference.errors import InvalidRequest


@dataclass
class Gathered:
    """What the blocks of one message say, in their order."""

    texts: list[str] = field(default_factory=list)
    #: In base64.
    images: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """A line each: templates know no blocks."""
        return "\n".join(text for text in self.texts if text)

    def add(self, block: dict[str, Any], path: str, allowed: tuple[str, ...]) -> None:
        """Raises `InvalidRequest` for a block that is none of those allowed, or not as it has to be."""
        kind = block.get("type")
        if not isinstance(kind, str) or kind not in _READERS or kind not in allowed:
            shown = f'"{kind[:50]}"' if isinstance(kind, str) else "without a type"
            raise InvalidRequest(f"blocks {shown} are not supported at {path}; {', '.join(allowed)} are", f"{path}.type")
        _READERS[kind](self, block, path)


#: Of what a user says.
USER_BLOCKS = ("text", "image", "document", "search_result")
#: Of what came of a tool.
RESULT_BLOCKS = (*USER_BLOCKS, "tool_reference")


def blocks_of(content: Any, path: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Each block with its path; a text is one block. Raises `InvalidRequest`."""
    if isinstance(content, str):
        yield {"type": "text", "text": content}, path
        return
    if not isinstance(content, list):
        raise InvalidRequest(f"{path} must be a string or an array of blocks", path)
    for index, block in enumerate(content):
        if not isinstance(block, dict):
            raise InvalidRequest(f"{path}[{index}] must be an object", f"{path}[{index}]")
        yield block, f"{path}[{index}]"


def gather(content: Any, path: str, allowed: tuple[str, ...] = USER_BLOCKS) -> Gathered:
    """Raises `InvalidRequest`."""
    gathered = Gathered()
    for block, block_path in blocks_of(content, path):
        gathered.add(block, block_path, allowed)
    return gathered


def text_of(value: Any, path: str) -> str:
    """Raises `InvalidRequest`."""
    if not isinstance(value, str):
        raise InvalidRequest(f"{path} must be a string", path)
    return value


def object_of(value: Any, path: str) -> dict[str, Any]:
    """Raises `InvalidRequest`."""
    if not isinstance(value, dict):
        raise InvalidRequest(f"{path} must be an object", path)
    return value


def _read_text(gathered: Gathered, block: dict[str, Any], path: str) -> None:
    gathered.texts.append(text_of(block.get("text"), f"{path}.text"))


def _read_image(gathered: Gathered, block: dict[str, Any], path: str) -> None:
    source = object_of(block.get("source"), f"{path}.source")
    if source.get("type") != "base64":
        # Nothing is ever fetched in the name of a request, and no files are kept.
        raise InvalidRequest("images have to come in the request: source.type must be base64", f"{path}.source.type")
    gathered.images.append(text_of(source.get("data"), f"{path}.source.data"))


def _read_document(gathered: Gathered, block: dict[str, Any], path: str) -> None:
    source = object_of(block.get("source"), f"{path}.source")
    gathered.texts += [text for name in ("title", "context") if isinstance(text := block.get(name), str)]
    if source.get("type") == "text":
        gathered.texts.append(text_of(source.get("data"), f"{path}.source.data"))
    elif source.get("type") == "content":
        inner = gather(source.get("content"), f"{path}.source.content", ("text", "image"))
        gathered.texts += inner.texts
        gathered.images += inner.images
    else:
        raise InvalidRequest(
            "documents can only be read as text (source.type text or content); PDF files cannot", f"{path}.source.type"
        )


def _read_search_result(gathered: Gathered, block: dict[str, Any], path: str) -> None:
    gathered.texts += [text for name in ("title", "source") if isinstance(text := block.get(name), str)]
    gathered.texts += gather(block.get("content"), f"{path}.content", ("text",)).texts


def _read_tool_reference(gathered: Gathered, block: dict[str, Any], path: str) -> None:
    """To a tool that was found; it is offered like all of the request's."""
    gathered.texts.append(text_of(block.get("tool_name"), f"{path}.tool_name"))


_READERS = {
    "text": _read_text,
    "image": _read_image,
    "document": _read_document,
    "search_result": _read_search_result,
    "tool_reference": _read_tool_reference,
}
