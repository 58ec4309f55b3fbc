"""What a break-glass did, on this machine's disk before it did it: JSON lines that are only ever appended."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Self

from functions.core.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Intent:
    """A close that was about to be sent, and of which nothing more is on record. `at` in seconds since 1970."""

    client_order_id: str
    symbol: str
    held: Decimal
    at: float


class Journal:
    """One account's journal. A line is on disk when `write` returns."""

    def __init__(self, path: Path, descriptor: int, run: str, warn: Callable[[str], None]) -> None:
        self.path = path
        self._descriptor = descriptor
        self._run = run
        self._warn = warn
        self._failed = False

    @classmethod
    def open(cls, path: Path, run: str, warn: Callable[[str], None]) -> Self:
        """Opens it, mode 0600, for one run at a time: two that read before either sends would close everything twice.

        Raises Misconfigured NO_JOURNAL, since nothing is done without a record, and ALREADY_RUNNING.
        """
        try:
            # What somebody else has put there, a link for one, is not followed and not shared.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            _hold(path, descriptor)
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode):
                os.fchmod(descriptor, 0o600)
            size = found.st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                # A crash cut the last line short: what comes now begins a line of its own.
                os.write(descriptor, b"\n")
        except OSError as error:
            raise Misconfigured(
                "NO_JOURNAL", f"the journal {path} cannot be written: {error.strerror}; name another with --journal"
            ) from error
        return cls(path, descriptor, run, warn)

    def write(self, event: str, **more: Any) -> None:
        """A disk that fills up on the way stops nothing: it is said, once."""
        row = {"at": datetime.now(UTC).isoformat(), "run": self._run, "event": event, **more}
        try:
            os.write(self._descriptor, (json.dumps(row, default=str) + "\n").encode())
            os.fsync(self._descriptor)
        except OSError as error:
            if not self._failed:
                self._failed = True
                self._warn(f"the journal {self.path} cannot be written any more: {error.strerror}; going on without it")

    def close(self) -> None:
        os.close(self._descriptor)


def _hold(path: Path, descriptor: int) -> None:
    """Until it is closed, or its process ends however it ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise Misconfigured(
            "ALREADY_RUNNING",
            f"another run is at work with the journal {path}: wait for its end, or end it, then again",
        ) from error


def unfinished(path: Path) -> list[Intent]:
    """The closes of earlier runs that were begun and not recorded as answered: of a run that crashed, or unknown.

    Lines that a crash cut short are passed over.
    """
    open_intents: dict[str, Intent] = {}
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Misconfigured("NO_JOURNAL", f"the journal {path} cannot be read: {error.strerror}") from error
    for line in lines:
        try:
            row = json.loads(line)
            name, event = row["client_order_id"], row["event"]
            if event == "closing":
                at = datetime.fromisoformat(row["at"]).timestamp()
                open_intents[name] = Intent(name, row["symbol"], Decimal(row["held"]), at)
            elif event == "closed":
                open_intents.pop(name, None)
        except (ValueError, KeyError, TypeError, InvalidOperation):
            continue
    return list(open_intents.values())
