"""The runtime's state for the web process to show, in a file that is always whole."""

import json
import os
from pathlib import Path
from typing import Literal

State = Literal["starting", "ready", "restarting", "failed"]


def write_status(path: Path, state: State, cause: str = "") -> None:
    """Replace the file in one step. A disk that cannot take it costs the notice on the page, not the process."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps({"state": state, "cause": cause}), encoding="utf-8")
        draft.replace(path)
    except OSError:
        return
