"""`python -m inference.conversion`: writes the GGUF file of a safetensors model, and ends.

Reads `{"files": {name: path}, "destination"}` as JSON from standard input. Prints JSON lines: `{"completed", "total"}` in bytes,
and at the end `{"error": what is wrong, as part of a sentence}` or `{"done": true}`.
"""

import json
import logging
import os
import sys
import tempfile
from pathlib import Path

from inference.conversion.errors import ConversionError
from inference.conversion.gguf_file import write_gguf
from inference.runner import lifetime

logger = logging.getLogger(__name__)


def main() -> None:
    parent_pid = os.getppid()
    request = json.load(sys.stdin)
    lifetime.die_with_parent(parent_pid)
    # What the gguf package tells of each tensor is for nobody here.
    logging.getLogger("gguf").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="hearth-convert-") as name:
        error = _convert(request["files"], Path(name), Path(request["destination"]))
    _say({"error": error} if error else {"done": True})


def _convert(files: dict[str, str], folder: Path, destination: Path) -> str:
    """What is wrong; empty when all went well."""
    try:
        for name, path in files.items():
            link = folder / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
        write_gguf(folder, destination, lambda completed, total: _say({"completed": completed, "total": total}))
    except ConversionError as error:
        return str(error)
    except OSError as error:
        return f"a file cannot be read or written ({error.strerror})"
    except Exception as error:
        # The files come from strangers, and so does whatever the gguf package makes of them.
        logger.exception("Converting a model failed.")
        return f"its files do not have the form that is expected ({type(error).__name__})"
    return ""


def _say(value: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
