"""What every archive can do."""

from __future__ import annotations

from typing import Protocol


class Archive(Protocol):
    """Objects of bytes by key; a key is a path such as `bars/1Day/SPY/2013-10.parquet`. Thread-safe.

    Raises Unavailable ARCHIVE_UNAVAILABLE where it does not answer: the same call may be made again. Final are
    NotAuthorised ARCHIVE_FORBIDDEN, Misconfigured NO_BUCKET and NO_ARCHIVE, BadInput BAD_OBJECT.
    """

    def get(self, key: str) -> bytes | None:
        """The whole object, or None where there is none."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Writes the object whole; who reads meanwhile gets the former one or this one, never a part."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin so, rising; all pages."""
        ...

    def delete(self, key: str) -> None:
        """Removes the object; removing an absent one is fine."""
        ...

    def close(self) -> None:
        """Gives its connections back. Safe to call twice."""
        ...
