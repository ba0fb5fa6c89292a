"""How `pytest -n 2` (pytest-xdist) shares the tests out: the longest first, and together what shares a costly fixture.

Every process of the run has cores of its own, and so have the programs it starts: two threads of llama.cpp, one of which has
lost its core to somebody else, wait for each other at every operation.
"""

import os
import random

import pytest
from xdist.scheduler import LoadScopeScheduling

#: Folders that stay in one process, since their tests share a site, a service or a measurement. The longest stands first.
TOGETHER = (
    "tests/e2e/",
    "tests/webui/models/",
    "tests/tutorials/",
    "tests/inference/benchmark/",
    "tests/inference/library/registry/",
)
#: These come next, file by file: whole processes at work. The rest is short and fills the gaps at the end.
LONG = ("tests/contract/", "tests/supervisor/", "tests/webui/test_")


def unit_of(nodeid: str) -> str:
    """The file that the test stands in, or the folder of `TOGETHER`."""
    path = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if path.startswith(folder)), path)


def rank_of(nodeid: str) -> int:
    order = (*TOGETHER, *LONG)
    return next((rank for rank, start in enumerate(order) if nodeid.startswith(start)), len(order))


class LongestFirst(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LongestFirst:
    # Units in the order of the tests, not by how many tests they have.
    config.option.loadscopereorder = False
    return LongestFirst(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if is_worker(config):
        items.sort(key=lambda item: rank_of(item.nodeid))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Processes have to agree on the names of tests: binary values go without, since what a compressor writes tells the time."""
    return argname if isinstance(val, bytes) and not val.isascii() else None


def pytest_configure(config: pytest.Config) -> None:
    # Sets are walked through in one order by all processes, in another by the next run.
    os.environ.setdefault("PYTHONHASHSEED", str(random.randrange(2**32)))
    if not is_worker(config) or not hasattr(os, "sched_setaffinity"):
        return
    number, count = int(config.workerinput["workerid"].removeprefix("gw")), config.workerinput["workercount"]
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[number::count] or cores)
