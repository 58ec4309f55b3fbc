"""Small JSON calls to the control ports of the local cloud, over one kept connection per part."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from functions.core.errors import Unavailable

# Servers close a connection that was idle for some seconds, at a moment that may be the moment of our next call.
# Advancing the tape twice would lose a minute, so a call is never repeated; an old connection is not used instead.
_IDLE_SECONDS: Final = 1.0


class Control:
    """Calls one part's HTTP interface. Not for several threads at once."""

    def __init__(self, name: str, url: str, *, timeout: float = 30.0, headers: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(url)
        self.name = name
        self._headers = dict(headers or {})
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)
        self._used_at = 0.0

    def get(self, path: str) -> Any:
        """The answer's JSON. Raises Unavailable CONTROL_UNAVAILABLE (no answer) or CONTROL_REFUSED (400 and above)."""
        return self._call("GET", path, None)

    def post(self, path: str, body: Any = None) -> Any:
        """As `get`. Sent once: after CONTROL_UNAVAILABLE it is not known whether the part acted on it."""
        return self._call("POST", path, {} if body is None else body)

    def put(self, path: str, body: Any) -> Any:
        """As `post`."""
        return self._call("PUT", path, body)

    def close(self) -> None:
        self._connection.close()

    def _call(self, method: str, path: str, body: Any) -> Any:
        if time.monotonic() - self._used_at > _IDLE_SECONDS:
            self._connection.close()
        payload = None if body is None else json.dumps(body)
        headers = self._headers | ({"Content-Type": "application/json"} if payload is not None else {})
        try:
            self._connection.request(method, path, body=payload, headers=headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            why = str(error) or type(error).__name__
            raise Unavailable(
                "CONTROL_UNAVAILABLE", f"{self.name} did not answer {method} {path}: {why}", part=self.name
            ) from error
        self._used_at = time.monotonic()
        if answer.status >= 400:
            said = text.decode(errors="replace")[:500]
            raise Unavailable(
                "CONTROL_REFUSED",
                f"{self.name} answered {answer.status} to {method} {path}: {said}",
                status=answer.status,
            )
        return json.loads(text) if text else None
