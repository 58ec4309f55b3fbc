"""The local archive's process, and the adapter that reaches it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from functions.core.archive.s3 import S3Archive
from tests.machine import eventually, free_port
from tests.unit.core.settings_made import made_settings


class ArchiveProcess:
    """`python -m local.archive` on a port and a folder of its own; may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "local.archive", "--port", str(self.port), "--data", str(self.folder)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        # It listens before it has read its files: a call waits in the backlog until then.
        eventually(self._listens, 60)

    def stop(self, how: int = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(20)

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the archive ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def adapter(self, **changed: Any) -> S3Archive:
        given = {
            "archive_url": f"http://127.0.0.1:{self.port}",
            "archive_key": "local",
            "archive_secret": "local",
            "archive_timeout": 60,
        }
        return S3Archive(made_settings(**(given | changed)))
