"""What llama.cpp takes of each device: it says so in its log and nowhere else."""

import re
import threading

#: Such as "load_tensors:        CUDA0 model buffer size =  1252.41 MiB".
_LINE = re.compile(r"(\S+)\s+(\w+) buffer size\s*=\s*(\d+(?:\.\d+)?) MiB")
_MIB = 1024**2
#: Of these, only what was said last is true: they are made anew when they are found too small.
_REPLACED = ("compute", "output")


class Buffers:
    """May be told lines from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes: dict[tuple[str, str], float] = {}

    def note(self, line: str) -> None:
        match = _LINE.search(line)
        if match is None:
            return
        name, kind, size = match[1], match[2], float(match[3]) * _MIB
        with self._lock:
            before = 0.0 if kind in _REPLACED else self._bytes.get((name, kind), 0.0)
            self._bytes[name, kind] = before + size

    def of(self, devices: list[str]) -> int | None:
        """Bytes on these devices; None where nothing was said at all, as by a llama.cpp whose log is another."""
        with self._lock:
            if not self._bytes:
                return None
            return round(sum(size for (name, _), size in self._bytes.items() if name.removesuffix("_Mapped") in devices))
