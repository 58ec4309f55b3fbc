"""One supervisor per state folder: a file lock, which the kernel drops however the holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from local.stack import read_record
from local.supervisor.errors import AlreadyRunning

_POLL_SECONDS = 0.05
# `is_claimed` in another process holds the lock for a moment; that is no running cloud.
_LOOKERS_SECONDS = 0.2


class Claim:
    """The right to run the stack of a folder; held from `take` to `release`."""

    def __init__(self, state: Path) -> None:
        self._path = state / "supervisor.lock"
        self._state = state
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Takes the folder; True where the last holder died without tidying up.

        Raises AlreadyRunning ALREADY_RUNNING with the pid and the address of the one that runs.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if not _locked(descriptor):
            os.close(descriptor)
            record = read_record(self._state)
            pid, url = record.get("pid"), record.get("url")
            raise AlreadyRunning(
                "ALREADY_RUNNING",
                f"the local cloud of {self._state} runs already (pid {pid}, {url}); stop it with `agenttrader down`",
                pid=pid,
                url=url,
            )
        self._descriptor = descriptor
        return read_record(self._state).get("pid") is not None

    def release(self) -> None:
        """Gives the folder back. Safe to call twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _locked(descriptor: int) -> bool:
    deadline = time.monotonic() + _LOOKERS_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)  # another process's lock: there is nothing to be told about
        else:
            return True


def is_claimed(state: Path) -> bool:
    """True while a supervisor holds the folder, whatever `stack.json` says."""
    path = state / "supervisor.lock"
    if not path.exists():
        return False
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def wait_unclaimed(state: Path, timeout: float) -> bool:
    """True when the folder's supervisor let go within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while is_claimed(state):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)  # another process's lock: there is nothing to be told about
    return True
