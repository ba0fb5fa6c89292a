"""What this machine has: free memory, what a process uses of it, and GPUs. Reading procfs and cgroupfs does not block."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_KIB = 1024
#: A limit of version 1 of cgroups that means none is 2^63 rounded down to a page.
_NO_LIMIT = 2**60
_FIELD = re.compile(r"(\w+):?\s+(\d+)")


@dataclass(frozen=True)
class Memory:
    """Bytes. `free` counts what the kernel can take back from its file cache at once."""

    free: int
    total: int


@dataclass(frozen=True)
class ProcessMemory:
    """Bytes in memory: the process's own, and pages of files it has mapped, which the kernel may take back."""

    own: int
    mapped: int


@dataclass(frozen=True)
class Device:
    """A GPU as llama.cpp sees it; bytes. `name` is llama.cpp's number for it ("CUDA0"), `description` what its maker calls it."""

    name: str
    free: int
    total: int
    description: str = ""
    #: Its place on the PCI bus, where it has one.
    bus_id: str = ""

    @property
    def title(self) -> str:
        return self.description or self.name


class Machine(Protocol):
    @property
    def devices(self) -> tuple[Device, ...]: ...

    def memory(self) -> Memory | None:
        """None where it cannot be told; then nothing is refused for want of memory."""

    def process_memory(self, pid: int) -> ProcessMemory | None: ...

    def cpu_seconds(self, pid: int) -> float | None: ...

    async def refresh_devices(self) -> bool:
        """Whether the figures of `devices` are new."""


def read_memory(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> Memory | None:
    """The machine's, or what a container's limit leaves of it."""
    fields = _read_fields(proc / "meminfo")
    if "MemAvailable" not in fields or "MemTotal" not in fields:
        return None
    free, total = fields["MemAvailable"] * _KIB, fields["MemTotal"] * _KIB
    for limit, used in _limits(proc, cgroups):
        free, total = min(free, max(limit - used, 0)), min(total, limit)
    return Memory(free, total)


def read_process_memory(pid: int, proc: Path = Path("/proc")) -> ProcessMemory | None:
    """None for a process that is gone."""
    fields = _read_fields(proc / str(pid) / "status")
    if "RssAnon" not in fields:
        return None
    return ProcessMemory((fields["RssAnon"] + fields.get("RssShmem", 0)) * _KIB, fields.get("RssFile", 0) * _KIB)


def read_cpu_seconds(pid: int, proc: Path = Path("/proc")) -> float | None:
    """What a process has computed so far, over all its threads."""
    try:
        text = (proc / str(pid) / "stat").read_text()
        # The name stands in brackets and may hold anything.
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def _limits(proc: Path, cgroups: Path) -> Iterator[tuple[int, int]]:
    """The limit and the use of each control group around this process that has a limit."""
    for line in _read_text(proc / "self" / "cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            root, limit, use, stat = cgroups, "memory.max", "memory.current", ("inactive_file", "active_file")
        elif "memory" in controllers.split(","):
            root, limit, use = cgroups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            stat = ("total_inactive_file", "total_active_file")
        else:
            continue
        for folder in _upwards(root, path):
            most, used = _read_number(folder / limit), _read_number(folder / use)
            if most is not None and used is not None and most < _NO_LIMIT:
                fields = _read_fields(folder / "memory.stat")
                yield most, max(used - sum(fields.get(name, 0) for name in stat), 0)


def _upwards(root: Path, path: str) -> Iterator[Path]:
    """From the group up to the root; inside a container the path may name a group that only its host sees."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for count in range(len(parts), -1, -1):
        yield root.joinpath(*parts[:count])


def _read_number(path: Path) -> int | None:
    text = _read_text(path).strip()
    return int(text) if text.isdecimal() else None


def _read_fields(path: Path) -> dict[str, int]:
    return {match[1]: int(match[2]) for match in map(_FIELD.match, _read_text(path).splitlines()) if match}


def _read_text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
