"""Ports for the servers that tests start in processes of their own."""

import itertools
import os
import random
import socket
from collections.abc import Iterator

#: Below those that the kernel gives to outgoing connections, which would take a port between its choice and its use.
FIRST, LAST = 20_000, 32_000


def _ports() -> Iterator[int]:
    """Every port in turn that is this process's, from one drawn at random; two processes of one run have none in common."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = range(FIRST + number, LAST, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    start = random.randrange(len(own))
    return itertools.cycle([*own[start:], *own[:start]])


_own = _ports()


def free_port() -> int:
    """One on which nobody listens at 127.0.0.1, and which was not given out for a long time."""
    for port in itertools.islice(_own, LAST - FIRST):
        with socket.socket() as probe:
            # As servers do it: the end of an earlier connection is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")
