"""One child process: started so that it cannot outlive us, with its output in one log file."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LOG_LIMIT_BYTES = 16 * 1024 * 1024


class Child:
    """A running process in its own session, so that Ctrl-C reaches the supervisor alone and it decides the order."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path, cwd: Path) -> None:
        """Starts the process. Raises OSError where the program cannot be started."""
        self.log = log
        _trim(log)
        self._log_start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                env=dict(environment),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call, resolved before the fork
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal. Reaps the process."""
        return self._process.poll()

    def wait(self, timeout: float) -> bool:
        """True where it ended within `timeout` seconds."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def terminate(self) -> None:
        if self.exit_code() is None:
            self._process.terminate()

    def kill(self) -> None:
        """SIGKILL to the process and to all of its group that is left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def last_lines(self, count: int = 12) -> list[str]:
        """The end of what this process wrote to its log, for a report of a crash."""
        try:
            with self.log.open(errors="replace") as file:
                file.seek(self._log_start)
                return [line.rstrip() for line in deque(file, maxlen=count)]
        except OSError:
            return []


def die_with_parent() -> Callable[[], None] | None:
    """What a forked child calls before exec, so that the kernel ends it when our thread that started it ends.

    Linux only; elsewhere a killed supervisor leaves children, and the next `up` names the ports they hold.
    """
    if not sys.platform.startswith("linux"):
        return None
    # Loaded before the fork: after it, in a process with threads, nothing may allocate or take a lock.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()
    terminate = int(signal.SIGTERM)

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, terminate, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the call above
            os._exit(1)

    return arrange


def _trim(log: Path) -> None:
    """Keeps one old log beside the present one, so that a stack that runs for weeks does not fill the disk."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
