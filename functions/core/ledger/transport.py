"""How a ledger call travels: PostgREST through the supabase client, under the role of the calling folder."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from functions.core.ledger.errors import LedgerUnavailable, from_answer
from functions.core.settings import Settings

if TYPE_CHECKING:
    from supabase import Client

# A token is renewed this long before its end, so that none expires on the way; of a short life, after half of it.
_RENEW_BEFORE = 60
# What PostgREST says of a token whose time is over: it has looked at nothing yet, so the same call is safe again.
_EXPIRED = "PGRST303"


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
        self._expires_at = 0.0

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        """Raises LedgerRefused, NotAuthorised, BadInput (final) and LedgerUnavailable (temporary)."""
        import httpx
        from postgrest.exceptions import APIError

        try:
            try:
                return self._connected().rpc(function, arguments).execute().data
            except APIError as error:
                if error.code != _EXPIRED:
                    raise
                # Our clock is behind the ledger's, or this machine slept: once more, with a token made now.
                self._forget_token()
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
            # Both clocks: the monotonic one stands still while a function's machine sleeps, the other one may be set.
            if now >= self._renew_at or time.time() >= self._expires_at - _RENEW_BEFORE / 2:
                life = self._settings.token_seconds
                issued = int(time.time())
                self._client.postgrest.auth(self._token(issued))
                self._renew_at = now + max(life - _RENEW_BEFORE, life / 2)
                self._expires_at = issued + life
            return self._client

    def _forget_token(self) -> None:
        with self._lock:
            self._renew_at = 0.0

    def _token(self, issued: int) -> str:
        """Nothing but the role, for some minutes: what the role may do is what it was granted in Postgres."""
        import jwt

        claims = {
            "role": self._role,
            "iat": issued,
            "exp": issued + self._settings.token_seconds,
            "aud": "authenticated",
        }
        return jwt.encode(claims, self._settings.jwt_secret.get_secret_value(), algorithm="HS256")
