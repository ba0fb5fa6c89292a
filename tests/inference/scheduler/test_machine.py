import mmap
import os
from pathlib import Path

import pytest

from inference.scheduler.host import HostMachine, has_gpu_library
from inference.scheduler.machine import Memory, ProcessMemory, read_cpu_seconds, read_memory, read_process_memory

MB = 1024**2


def write(root: Path, files: dict[str, object]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(content))


def machine(root: Path, cgroup: str = "0::/\n", **groups: object) -> Memory | None:
    meminfo = f"MemTotal: {1000 * 1024} kB\nMemFree: 1 kB\nMemAvailable: {600 * 1024} kB\nHugePages_Total:       0\n"
    write(root / "proc", {"meminfo": meminfo, "self/cgroup": cgroup})
    return read_memory(root / "proc", root / "cgroup")


@pytest.mark.parametrize("content", ["", "garbage\n\0", "MemTotal: x kB", "MemTotal: 5 kB"])
def test_unreadable_figures_are_unknown(tmp_path: Path, content: str) -> None:
    write(tmp_path, {"meminfo": content})

    assert read_memory(tmp_path, tmp_path) is None
    assert read_memory(tmp_path / "nothing", tmp_path) is None


def test_without_a_limit_the_machine_counts(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", {"memory.max": "max\n", "memory.current": 5 * MB})

    assert machine(tmp_path) == Memory(600 * MB, 1000 * MB)


def test_limit_of_a_container_counts_less_what_it_cannot_give_back(tmp_path: Path) -> None:
    stat = f"anon 5\ninactive_file {60 * MB}\nactive_file {40 * MB}\n"
    write(tmp_path / "cgroup", {"memory.max": 500 * MB, "memory.current": 300 * MB, "memory.stat": stat})

    assert machine(tmp_path) == Memory(300 * MB, 500 * MB)


def test_limit_of_a_group_above_counts_too(tmp_path: Path) -> None:
    write(tmp_path / "cgroup" / "a", {"memory.max": 400 * MB, "memory.current": 350 * MB})
    write(tmp_path / "cgroup" / "a" / "b", {"memory.max": 450 * MB, "memory.current": 10 * MB})

    assert machine(tmp_path, "0::/a/b\n") == Memory(50 * MB, 400 * MB)


def test_version_1_of_control_groups_is_read(tmp_path: Path) -> None:
    stat = f"inactive_file 1\ntotal_inactive_file {20 * MB}\ntotal_active_file {30 * MB}\n"
    files = {"memory.limit_in_bytes": 200 * MB, "memory.usage_in_bytes": 150 * MB, "memory.stat": stat}
    write(tmp_path / "cgroup" / "memory", {"memory.limit_in_bytes": 2**63 - 4096, "memory.usage_in_bytes": 999 * MB})
    write(tmp_path / "cgroup" / "memory" / "docker" / "x", files)

    assert machine(tmp_path, "4:memory:/docker/x\n1:cpu:/\n0::/\n") == Memory(100 * MB, 200 * MB)


def test_path_that_only_the_host_sees_does_not_hide_the_limit(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", {"memory.max": 100 * MB, "memory.current": 0})

    assert machine(tmp_path, "0::/../../host/only\n") == Memory(100 * MB, 100 * MB)


def test_memory_of_this_process_is_told() -> None:
    before = read_process_memory(os.getpid())
    # Pages of its own: what an allocator hands out may long have been counted.
    with mmap.mmap(-1, 50 * MB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as ballast:
        ballast.write(b"x" * len(ballast))
        after = read_process_memory(os.getpid())

    assert before is not None and after is not None
    assert after.own - before.own >= 0.9 * 50 * MB
    assert after.mapped > 0


def test_process_that_is_gone_has_nothing(tmp_path: Path) -> None:
    assert read_process_memory(2**30) is None
    assert read_cpu_seconds(2**30) is None


def test_name_of_a_process_may_hold_anything(tmp_path: Path) -> None:
    fields = " ".join(["S"] + ["0"] * 10 + ["150", "50"] + ["0"] * 30)
    write(tmp_path / "7", {"stat": f"7 (a) b (c)) {fields}", "status": "Name:\tRssAnon: 9\nRssAnon:\t 8 kB\nRssFile:\t4 kB\n"})

    assert read_cpu_seconds(7, tmp_path) == 200 / os.sysconf("SC_CLK_TCK")
    assert read_process_memory(7, tmp_path) == ProcessMemory(8192, 4096)


@pytest.mark.parametrize(
    ("names", "is_found"),
    [
        ([], False),
        (["libggml-base.so", "libggml-cpu.so", "libggml.so", "libggml-cpu-haswell.so", "libllama.so"], False),
        (["libggml-base.so", "libggml-cuda.so"], True),
        (["libggml-vulkan.so.0"], True),
    ],
)
def test_gpu_back_ends_are_known_by_their_files(tmp_path: Path, names: list[str], is_found: bool) -> None:
    for name in names:
        (tmp_path / name).touch()

    assert has_gpu_library(tmp_path) is is_found
    assert has_gpu_library(None) is False


async def test_this_machine_answers() -> None:
    host = HostMachine()
    await host.refresh_devices()
    memory = host.memory()

    assert memory is not None and 0 < memory.free <= memory.total
    assert isinstance(host.devices, tuple)
