"""`python -m inference.runner.llama.quantize`: writes a model file anew with other types of weights, and ends.

Reads `{"source", "destination", "file_type", "allow_requantize"}` as JSON from standard input; `file_type` is a number of
llama.cpp's enum llama_ftype. Prints JSON lines: `{"size": bytes}`, about how large the new file will be; for each tensor
`{"elements": n}`, how many elements are done before it; at the end `{"error": sentence}` or `{"done": true}`.
"""

import ctypes
import json
import logging
import math
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llama_cpp import llama_cpp

from inference.runner import lifetime
from inference.runner.llama import backend
from inference.runner.threads import usable_cores

_TENSOR = re.compile(r"\[ *\d+/ *\d+\] .* - \[([\d, ]{1,100})\], type")
_SIZE = re.compile(r"quant size *= *(\d{1,12}(?:\.\d{1,4})?) MiB")
_MIB = 1024**2
#: Left free on the disk, for everything else that has to be written.
_MARGIN_BYTES = 64 * _MIB


class _Listener(logging.Handler):
    """Hears what llama.cpp logs: its only way to tell how far it is."""

    def __init__(self, on_elements: Callable[[int], None]) -> None:
        super().__init__(logging.DEBUG)
        self.size_bytes = 0
        self._elements = 0
        self._on_elements = on_elements

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if match := _TENSOR.match(line):
            self._on_elements(self._elements)
            self._elements += math.prod(int(part) for part in match[1].split(",") if part.strip())
        elif match := _SIZE.search(line):
            self.size_bytes = int(float(match[1]) * _MIB)


def main() -> None:
    parent_pid = os.getppid()
    request = json.load(sys.stdin)
    lifetime.die_with_parent(parent_pid)
    backend.start_backend()
    error = _run(request)
    _say({"error": error} if error else {"done": True})


def _run(request: dict[str, Any]) -> str:
    """The reason why it could not be done; empty when it was."""
    planned = _Listener(lambda _count: None)
    if error := _quantize(request, planned, is_rehearsal=True):
        return error
    _say({"size": planned.size_bytes})
    free = shutil.disk_usage(Path(request["destination"]).parent).free
    if planned.size_bytes + _MARGIN_BYTES > free:
        return f"{_megabytes(planned.size_bytes)} are needed on the disk, and {_megabytes(free)} are free"
    return _quantize(request, _Listener(lambda count: _say({"elements": count})), is_rehearsal=False)


def _quantize(request: dict[str, Any], listener: _Listener, *, is_rehearsal: bool) -> str:
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = request["file_type"]
    params.allow_requantize = request["allow_requantize"]
    params.nthread = usable_cores()
    params.dry_run = is_rehearsal
    backend.forget_errors()
    backend.logger.setLevel(logging.DEBUG)
    backend.logger.addHandler(listener)
    try:
        code = llama_cpp.llama_model_quantize(
            os.fsencode(request["source"]), os.fsencode(request["destination"]), ctypes.byref(params)
        )
    finally:
        backend.logger.removeHandler(listener)
    return _cause(request) if code != 0 else ""


def _cause(request: dict[str, Any]) -> str:
    """llama.cpp logs the cause first and then, going up, what failed because of it."""
    causes = [line.split("failed to quantize: ", 1)[-1].strip() for line in backend.recent_errors()]
    # What the C++ library says of a file that cannot be written, which mostly is for want of room.
    if any("iostream error" in cause for cause in causes):
        return "the new file cannot be written; is the disk full?"
    cause = next((cause for cause in causes if "failed to load model" not in cause), "llama.cpp gave no reason")
    for key in ("source", "destination"):
        cause = cause.replace(request[key], "the file")
    return cause.rstrip(".")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
