"""Steps that need doing once per state folder: done, remembered by the fingerprint of what they were made from."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from local.stack import write_private


class StepBook:
    """Remembers, in `steps.json` of a state folder, which steps were done and from which sources.

    A changed source makes its step run again; so steps must be safe to repeat.
    """

    def __init__(self, state: Path) -> None:
        self._path = state / "steps.json"
        self._writing = threading.Lock()  # steps may run side by side

    def once(self, name: str, sources: Iterable[Path], run: Callable[[], None]) -> Callable[[], None]:
        """`run`, skipped where it was done before with the same sources."""
        files = sorted(sources)

        def step() -> None:
            fingerprint = _fingerprint(files)
            done = self._read()
            if done.get(name) == fingerprint:
                return
            run()
            with self._writing:
                write_private(self._path, json.dumps(self._read() | {name: fingerprint}, indent=2) + "\n")

        return step

    def forget(self) -> None:
        """Every step will run again: for a data folder that was made anew."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, str]:
        try:
            raw = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return raw if isinstance(raw, dict) else {}


def _fingerprint(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
