"""How many threads are worth starting here."""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_TOPOLOGY = Path("/sys/devices/system/cpu")


def usable_cores(cgroup: Path = _CGROUP, topology: Path = _TOPOLOGY) -> int:
    """Physical cores this process may use, at least 1: its CPU affinity, less what a container's CPU quota takes away.

    Two hardware threads of one core share the arithmetic units that a matrix product keeps busy, so they count once.
    """
    cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = {_siblings(topology, cpu) for cpu in cpus}
    quota = _cgroup_quota(cgroup)
    return max(1, len(cores) if quota is None else min(len(cores), math.ceil(quota)))


def _siblings(topology: Path, cpu: int) -> str:
    try:
        return (topology / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _cgroup_quota(cgroup: Path) -> float | None:
    """In cores; None without a limit. Version 2 of cgroups, then version 1."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if quota in {"max", "-1"} or not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)
