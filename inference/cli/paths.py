"""Paths as people write them."""

import os
from pathlib import Path


def typed_path(text: str) -> Path:
    """`~` and `~name` are homes where there is such a person, else part of a file's name."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - that of pathlib raises where nobody has the name


def exists(path: Path) -> bool:
    """False also for what can be no file's name: too long, or with a zero byte."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
