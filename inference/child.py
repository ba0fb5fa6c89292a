"""A Python module run as a process of its own: given one JSON object, it answers with JSON lines.

For work that may crash, take all cores or has to be stoppable at once: whoever stops reading ends the process.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec

_PROJECT = Path(__file__).resolve().parents[1]
#: The end of what it says on standard error, which is where the cause of a crash stands.
_KEPT_LOG_BYTES = 8 * 1024


class ChildFailed(Exception):
    """The process ended badly; the text says how, as part of a sentence."""


async def answers_of(module: str, request: object) -> AsyncGenerator[Any]:
    """Runs `python -m module`, writes `request` to its standard input and yields what it prints, line by line.

    Raises `ChildFailed` when it ends with another code than 0 or prints what is not JSON. The process is gone when this
    ends, however it ends: close the iterator (`contextlib.aclosing`) or cancel its reader to stop the work.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, cwd=_PROJECT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        # An assertion of ggml's would start a debugger, whose last words would stand where the cause should.
        env={**os.environ, "GGML_NO_BACKTRACE": "1"},
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    log = asyncio.create_task(_end_of(process.stderr))
    try:
        with contextlib.suppress(ConnectionError):
            process.stdin.write(msgspec.json.encode(request))
            await process.stdin.drain()
        process.stdin.close()
        async for line in process.stdout:
            yield msgspec.json.decode(line)
        await process.wait()
        if process.returncode != 0:
            raise ChildFailed(_describe_end(process.returncode, await log))
    except (msgspec.DecodeError, ValueError) as error:
        raise ChildFailed("it said something that cannot be understood") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await asyncio.shield(_reap(process, log))


async def _reap(process: asyncio.subprocess.Process, log: "asyncio.Task[bytes]") -> None:
    await process.wait()
    await asyncio.wait([log])


async def _end_of(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while chunk := await stream.read(_KEPT_LOG_BYTES):
        kept = (kept + chunk)[-_KEPT_LOG_BYTES:]
    return kept


def _describe_end(code: int | None, log: bytes) -> str:
    how = f"it was ended by {signal.Signals(-code).name}" if code is not None and code < 0 else f"it ended with code {code}"
    lines = log.decode("utf-8", "replace").strip().splitlines()
    return f"{how} ({lines[-1].strip()})" if lines else how
