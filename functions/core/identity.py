"""Names become ids: the same thing that happened has the same id, in Python and in SQL, on every replay."""

from __future__ import annotations

import hashlib
from uuid import UUID


def named_uuid(*parts: object) -> UUID:
    """A UUIDv8 (RFC 9562) from the SHA-256 of the parts joined with "|".

    `private.named_uuid(text)` in the ledger makes the same id from the same joined text, without pgcrypto.
    """
    digest = bytearray(hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()[:16])
    digest[6] = (digest[6] & 0x0F) | 0x80
    digest[8] = (digest[8] & 0x3F) | 0x80
    return UUID(bytes=bytes(digest))
