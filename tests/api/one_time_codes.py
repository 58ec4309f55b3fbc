"""The codes of an authenticator app (RFC 6238): what a person types as their second factor."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time


def code_of(secret: str, *, away: int = 0) -> str:
    """Six digits of the half minute that is now, or so many half minutes away."""
    counter = int(time.time() // 30) + away
    digest = hmac.new(base64.b32decode(secret), counter.to_bytes(8, "big"), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def wrong_code(secret: str) -> str:
    """One that is no code of these minutes."""
    near = {code_of(secret, away=away) for away in range(-3, 4)}
    return next(
        guess
        for guess in ("000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777")
        if guess not in near
    )
