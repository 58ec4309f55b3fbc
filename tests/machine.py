"""What tests ask of the machine: ports and folders of their own, and patience with other processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

PATIENCE = 15.0

# Below the range from which the system picks ports for outgoing connections, above the local cloud's own.
_FIRST, _LAST = 22_000, 32_700
_GIVEN: set[int] = set()

# A database that nobody keeps is several times quicker in memory; a container's is often too small for one.
_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of our own in it
_MEMORY_NEEDED = 4 << 30
_PREFIX = "agenttrader-test-"
_ALIVE = "alive"
_HELD: list[IO[str]] = []


def new_folder(name: str) -> Path:
    """A folder for a server's data, which the caller removes; in memory where there is plenty."""
    has_room = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED
    parent = _MEMORY if has_room else Path(tempfile.gettempdir())
    _remove_what_killed_runs_left(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{name}-", dir=parent))
    # Held as long as this process lives, and locked before it can be found under its name.
    mark = (folder / "being-made").open("w")
    fcntl.flock(mark, fcntl.LOCK_EX)
    (folder / "being-made").rename(folder / _ALIVE)
    _HELD.append(mark)
    # Postgres runs as another user where the tests run as root, and pytest's own folders are closed to others.
    folder.chmod(0o711)
    return folder


def _remove_what_killed_runs_left(parent: Path) -> None:
    for mark in parent.glob(f"{_PREFIX}*/{_ALIVE}"):
        # Somebody else may take it away, or it may belong to another user: then it is theirs.
        with contextlib.suppress(OSError):
            if mark.stat().st_uid == os.geteuid():
                with mark.open() as held:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(mark.parent, ignore_errors=True)


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
