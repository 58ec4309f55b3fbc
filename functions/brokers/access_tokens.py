"""Access tokens that outlive the object that fetched them: in the hot store, sealed by the login they belong to.

A sign-in costs a round trip and counts at the broker, and functions come and go by the minute. But an access token
trades while it lives, and the hot store has other readers. So it lies there encrypted under a key that is made of the
login's own secrets: whoever can open it could have signed in anyway, and nobody else learns anything. It is never in
Postgres, nor in a log.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from functions.brokers.credentials import TastytradeLogin
from functions.core.errors import Temporary
from functions.core.hotstore.port import HotStore
from functions.core.identity import named_uuid
from functions.core.log import logger

_log = logger("brokers")
_LEFT: Final = 60.0
"""With less than this left, in seconds, a token is not worth taking."""
_PURPOSE: Final = b"token at rest"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """`expires_at` is machine time, in seconds since 1970."""

    text: str
    expires_at: float


class AccessTokens:
    """The token of one login in one environment, shared by every process that has the login. Thread-safe.

    A hot store that does not answer, or has what cannot be opened, is as one that has nothing.
    """

    def __init__(
        self, hot: HotStore, login: TastytradeLogin, *, is_paper: bool, now: Callable[[], float] = time.time
    ) -> None:
        secrets = [login.client_secret.get_secret_value(), login.refresh_token.get_secret_value()]
        place = "tastytrade-paper" if is_paper else "tastytrade-live"
        self._hot, self._now = hot, now
        self._key = f"token:{place}:{named_uuid('token', *secrets)}"
        text = json.dumps([place, *secrets]).encode()
        self._box_key = hashlib.blake2b(text, digest_size=32, person=_PURPOSE).digest()

    def get(self) -> AccessToken | None:
        """The kept token, where it is good for another minute."""
        from nacl.exceptions import CryptoError
        from nacl.secret import SecretBox

        try:
            entry = self._hot.get(self._key)
        except Temporary as error:
            _log.warning("access token not shared", reason=str(error))
            return None
        if entry is None:
            return None
        try:
            text, expires_at = json.loads(SecretBox(self._box_key).decrypt(base64.b64decode(entry.value["sealed"])))
            found = AccessToken(str(text), float(expires_at))
        except (CryptoError, ValueError, TypeError, KeyError):
            return None
        return found if found.expires_at - self._now() > _LEFT else None

    def put(self, token: AccessToken) -> None:
        from nacl.secret import SecretBox

        sealed = SecretBox(self._box_key).encrypt(json.dumps([token.text, token.expires_at]).encode())
        try:
            self._hot.put(self._key, {"sealed": base64.b64encode(sealed).decode("ascii")})
        except Temporary as error:
            _log.warning("access token not shared", reason=str(error))
