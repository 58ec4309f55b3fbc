"""What tests ask of the machine: ports of their own, and patience with other processes."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable

PATIENCE = 15.0

# Below the range from which the system picks ports for outgoing connections, above the local cloud's own.
_FIRST, _LAST = 22_000, 32_700
_GIVEN: set[int] = set()


def free_port() -> int:
    """A port that is free now, and that no other call in this run is given."""
    return free_ports(1)


def free_ports(how_many: int) -> int:
    """The first of so many neighbouring ports that are free now, and that no other call in this run is given."""
    own = _own_range()
    for first in random.sample(own, len(own)):
        ports = range(first, first + how_many)
        if ports[-1] in own and _GIVEN.isdisjoint(ports) and all(_is_free(port) for port in ports):
            _GIVEN.update(ports)
            return first
    raise AssertionError("no free ports were found")


def _own_range() -> range:
    """Workers of one run (pytest-xdist) take their ports from ranges of their own."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = (_LAST - _FIRST) // max(workers, number + 1)
    return range(_FIRST + number * share, _FIRST + (number + 1) * share)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Waits for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
