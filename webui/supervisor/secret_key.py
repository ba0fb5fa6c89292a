"""The secret key file. It has to exist before Django reads its settings, so this imports no Django."""

import os
import secrets
from pathlib import Path

from webui.env import env_secret
from webui.paths import secret_key_path


def ensure_secret_key() -> Path | None:
    """Write a new key with mode 600 unless there is one; None when the environment gives the key.

    The file appears whole or not at all, and an existing one is never touched: a changed key signs everybody out.
    """
    path = secret_key_path()
    if env_secret("HEARTH_SECRET_KEY"):
        return None
    if path.exists() and path.stat().st_size:
        return path
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(50) + "\n")
        file.flush()
        os.fsync(file.fileno())
    _place(draft, path)
    return path


def _place(draft: Path, path: Path) -> None:
    """Move the draft there; a key that another process wrote meanwhile stays, an empty file left by a full disk does not."""
    if path.exists() and not path.stat().st_size:
        path.unlink()
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
