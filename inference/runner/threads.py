"""How many threads are worth starting here."""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_TOPOLOGY = Path("/sys/devices/system/cpu")


def usable_cores(cgroup: Path = _CGROUP, topology: Path = _TOPOLOGY, membership: Path = _MEMBERSHIP) -> int:
    """Physical cores this process may use, at least 1: its CPU affinity, less what a container's CPU quota takes away.

    Two hardware threads of one core share the arithmetic units that a matrix product keeps busy, so they count once.
    """
    cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = {_siblings(topology, cpu) for cpu in cpus}
    quota = _cgroup_quota(cgroup, membership)
    return max(1, len(cores) if quota is None else min(len(cores), math.ceil(quota)))


def _siblings(topology: Path, cpu: int) -> str:
    try:
        return (topology / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _cgroup_quota(cgroup: Path, membership: Path) -> float | None:
    """In cores; None without a limit. Of this process's group and of those it lies in, the strictest."""
    folders = _own_groups(cgroup, membership)
    quotas = [quota for folder in folders if (quota := _quota_of(folder)) is not None]
    return min(quotas, default=None)


def _own_groups(cgroup: Path, membership: Path) -> list[Path]:
    """In a container, the group it sees as the root is its own; outside, a service's limit stands further down."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    own = next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    folder = cgroup / own
    return [folder, *(parent for parent in folder.parents if parent.is_relative_to(cgroup))] if own else [cgroup]


def _quota_of(cgroup: Path) -> float | None:
    """Version 2 of cgroups, then version 1."""
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
