"""The `hearth` command as people start it: bin/hearth, in a process of its own."""

import os
import subprocess
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "bin" / "hearth"
TIMEOUT_S = 120


def environment(url: str = "", **variables: str) -> dict[str, str]:
    """Without the settings of whoever runs the tests; a proxy of theirs must not see what goes to this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "OLLAMA_"))}
    return {**kept, "TERM": "xterm-256color", **({"OLLAMA_HOST": url} if url else {}), **variables}


def hearth(
    url: str, *arguments: str, stdin: bytes = b"", cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs to its end, without a terminal."""
    done = subprocess.run(
        [str(PROGRAM), *arguments],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=environment(url, **variables),
        timeout=TIMEOUT_S,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
