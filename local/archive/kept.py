"""moto's S3 keeps its objects in memory; here each is a file as well, and is there again after a restart."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import s3_backends

BUCKET = "agenttrader"
REGION = "us-east-1"
_WRITES = ("PUT", "POST", "DELETE")


class KeptArchive:
    """A WSGI application: moto's S3 with one bucket; a write is answered when its file is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._moto = create_backend_app("s3")
        self._store = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self._store.create_bucket(BUCKET, REGION)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                self._store.put_object(BUCKET, path.relative_to(folder).as_posix(), path.read_bytes())

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in _WRITES:
            answer: Iterable[bytes] = self._moto(environ, start_response)
            return answer
        bucket, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
        if bucket != BUCKET or self._path(key) is None:
            start_response("400 Bad Request", [("Content-Type", "text/plain")])
            return [f"writes go to a path in the bucket {BUCKET}".encode()]
        with self._lock:
            # The head is sent with the first byte of the body: where the file fails, the answer is a failure.
            body = list(self._moto(environ, start_response))
            self._keep(key)
        return body

    def _keep(self, key: str) -> None:
        path = self._path(key)
        if path is None:
            return
        stored = self._store.get_object(BUCKET, key)
        if stored is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_bytes(stored.value)
        os.replace(new, path)

    def _path(self, key: str) -> Path | None:
        """The object's file; None where the key is no path below the folder."""
        parts = key.split("/")
        if not key or any(part.startswith(".") or not part for part in parts):
            return None
        return self._folder.joinpath(*parts)
