"""`hearth serve`: the whole product, site and runtime. `python -m inference serve` is the runtime alone."""

import os
import sys
from pathlib import Path

from inference.cli.command import declare
from inference.cli.errors import CommandError

_PROGRAM = Path(__file__).parents[3] / "manage.py"


@declare(
    "serve",
    least=0,
    most=0,
    environment=(
        "HEARTH_DATA", "HEARTH_PORT", "OLLAMA_HOST", "OLLAMA_MODELS", "OLLAMA_KEEP_ALIVE", "OLLAMA_MAX_LOADED_MODELS",
        "OLLAMA_MAX_QUEUE", "OLLAMA_NUM_PARALLEL", "OLLAMA_CONTEXT_LENGTH", "OLLAMA_ORIGINS", "OLLAMA_LOAD_TIMEOUT",
        "OLLAMA_FLASH_ATTENTION", "OLLAMA_KV_CACHE_TYPE", "OLLAMA_DEBUG",
    ),
)  # fmt: skip
def command(words: tuple[str, ...]) -> None:
    if not _PROGRAM.is_file():
        raise CommandError(f"the site is not installed here: {_PROGRAM} is missing")
    sys.stdout.flush()
    # The site is another program, which this one must not load: it takes this process's place, and its signals.
    os.execv(sys.executable, [sys.executable, str(_PROGRAM), "serve"])  # noqa: S606
