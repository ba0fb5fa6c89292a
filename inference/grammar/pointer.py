"""JSON pointers (RFC 6901), as references within a schema have them."""

from typing import Any


def at_pointer(document: Any, pointer: str) -> Any:
    """What `pointer` points at; "#" is the document itself. Raises `LookupError` where there is nothing."""
    target = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and key.isdecimal():
            target = target[int(key)]
        elif isinstance(target, dict):
            target = target[key]
        else:
            raise LookupError(pointer)
    return target
