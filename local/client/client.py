"""The client: every operation of the API as a method, by a person's session or a program's key."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from threading import Lock
from typing import Any, Self

import httpx

from local.client.operations import Operations
from local.client.session import Session
from local.client.wire import Credentials, Wire


class Client(Operations):
    """Talks to the project at `url`, such as `http://127.0.0.1:21000`.

    With `key` as a program; with `session` as a person, whose session is renewed when it ends (`on_renewed` hears of
    the new one, whose refresh token is the only one that still counts); without either as nobody, who may sign in.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        session: Session | None = None,
        on_renewed: Callable[[Session], None] | None = None,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url
        credentials = _Credentials(key, session, self._renew, on_renewed)
        super().__init__(Wire(url, credentials, transport=transport, pause=pause))
        self._credentials = credentials

    def sign_in(self, session: Session) -> None:
        """From here on as this person."""
        self._credentials.session = session

    def call(self, method: str, path: str, **asked: Any) -> httpx.Response:
        """An operation by its path, such as `/api/trades`, for what this version has no method for."""
        return self._wire.send(method, path, **asked)

    def close(self) -> None:
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _renew(self, session: Session) -> Session:
        content = json.dumps({"refresh_token": session.refresh_token}).encode()
        return Session.of(self._wire.send("POST", "/api/auth/refresh", content=content, signed_in=False).json())


class _Credentials(Credentials):
    def __init__(
        self,
        key: str | None,
        session: Session | None,
        renew: Callable[[Session], Session],
        on_renewed: Callable[[Session], None] | None,
    ) -> None:
        self.session = session
        self._key = key
        self._renew = renew
        self._on_renewed = on_renewed
        self._lock = Lock()

    def token(self) -> str | None:
        if self._key is not None:
            return self._key
        if self.session is not None and self.session.ends_soon():
            self.renewed(self.session.access_token)
        return self.session.access_token if self.session else None

    def renewed(self, refused: str) -> bool:
        """One renewal at a time: a refresh token is used once."""
        if self._key is not None or self.session is None:
            return False
        with self._lock:
            if self.session.access_token == refused:
                self.session = self._renew(self.session)
                if self._on_renewed is not None:
                    self._on_renewed(self.session)
        return True
