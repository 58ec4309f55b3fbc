"""OAuth: refresh tokens are exchanged for access tokens, which are good for a quarter of an hour.

Their life is machine time, not tape time: the SDK renews them by its own clock.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from local.simulators.tastytrade import refusals
from local.simulators.tastytrade.logins import Login

LIFE_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Token:
    """A new access token, and for how many seconds it is good."""

    text: str
    seconds: int


class TokenOffice:
    """Every grant and every access token that is out."""

    def __init__(self, *, life: int = LIFE_SECONDS, now: Callable[[], float] = time.monotonic) -> None:
        self.life = life
        self._now = now
        self._logins: dict[str, Login] = {}
        self._out: dict[str, tuple[Login, float]] = {}
        self._quote_tokens: dict[str, Login] = {}

    def add(self, login: Login) -> None:
        self._logins[login.refresh_token] = login

    def knows(self, refresh_token: str) -> bool:
        return refresh_token in self._logins

    def logins(self) -> Iterable[Login]:
        return self._logins.values()

    def exchange(self, client_secret: object, refresh_token: object, *, seconds: int | None = None) -> Token:
        """A new access token, for `seconds` where that is said; those that are out stay good. Raises Refusal 400."""
        login = self._logins.get(refresh_token) if isinstance(refresh_token, str) else None
        given = client_secret.encode() if isinstance(client_secret, str) else b""
        known = login.client_secret.encode() if login is not None else b"\0"
        if not hmac.compare_digest(given, known) or login is None:
            raise refusals.revoked_grant()
        token = Token(secrets.token_urlsafe(32), self.life if seconds is None else seconds)
        self._out[token.text] = (login, self._now() + token.seconds)
        return token

    def login_of(self, authorization: object) -> Login | None:
        """Whose token an `Authorization` text carries; None where it is unknown or over."""
        if not isinstance(authorization, str):
            return None
        found = self._out.get(authorization.removeprefix("Bearer ").strip())
        if found is None or found[1] <= self._now():
            return None
        return found[0]

    def expire_all(self) -> None:
        """Every access token that is out ends now."""
        self._out.clear()

    def quote_token(self, login: Login) -> str:
        """A token of the market data stream, good for a day: longer than any run."""
        token = secrets.token_urlsafe(32)
        self._quote_tokens[token] = login
        return token

    def quote_user(self, token: object) -> str | None:
        """Who a token of the market data stream names; None where it is unknown."""
        found = self._quote_tokens.get(token) if isinstance(token, str) else None
        return None if found is None else found.account_number or "data"

    def expire_quote_tokens(self) -> None:
        """Every token of the market data stream ends now."""
        self._quote_tokens.clear()
