"""How a ledger call travels: PostgREST through the supabase client, under the role of the calling folder."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from functions.core.ledger.errors import LedgerUnavailable, from_answer
from functions.core.settings import Settings

if TYPE_CHECKING:
    from supabase import Client

# A token is renewed this long before its end, so that none expires on the way.
_RENEW_BEFORE = 60


class Transport(Protocol):
    """Calls one Postgres function and returns its JSON answer, or raises a typed error."""

    def call(self, function: str, arguments: dict[str, Any]) -> Any: ...


class RestTransport:
    """PostgREST under one role. Thread-safe; the client is made on first use, because its import is slow."""

    def __init__(self, configuration: Settings, role: str) -> None:
        self._settings = configuration
        self._role = role
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._renew_at = 0.0

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        """Raises LedgerRefused, NotAuthorised, BadInput (final) and LedgerUnavailable (temporary)."""
        import httpx
        from postgrest.exceptions import APIError

        try:
            return self._connected().rpc(function, arguments).execute().data
        except APIError as error:
            raise from_answer(function, error.code, error.message, error.details, error.hint) from error
        except httpx.HTTPError as error:
            raise LedgerUnavailable(
                "LEDGER_UNAVAILABLE", f"{function}: the ledger did not answer: {error!r}"
            ) from error

    def _connected(self) -> Client:
        now = time.monotonic()
        with self._lock:
            if self._client is None:
                from supabase import ClientOptions, create_client

                options = ClientOptions(
                    postgrest_client_timeout=self._settings.ledger_timeout,
                    auto_refresh_token=False,
                    persist_session=False,
                )
                self._client = create_client(self._settings.supabase_url, self._settings.publishable_key, options)
            if now >= self._renew_at:
                self._client.postgrest.auth(self._token())
                self._renew_at = now + self._settings.token_seconds - _RENEW_BEFORE
            return self._client

    def _token(self) -> str:
        import jwt

        issued = int(time.time())
        claims = {
            "role": self._role,
            "iat": issued,
            "exp": issued + self._settings.token_seconds,
            "aud": "authenticated",
        }
        return jwt.encode(claims, self._settings.jwt_secret.get_secret_value(), algorithm="HS256")
