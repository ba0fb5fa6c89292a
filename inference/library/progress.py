"""What long work on the library says while it goes on: pull, push, create, import, re-quantise."""

import msgspec


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line in Ollama's shape. `status` is its word for what is being done ("pulling manifest", "success"); `digest` names
    the blob that `completed` of `total` bytes are done of, or is empty where nothing is counted."""

    status: str
    digest: str = ""
    total: int = 0
    completed: int = 0
