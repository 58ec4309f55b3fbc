"""Whose requests these are: a person's session, whose access token is renewed before it ends, or a program's key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from functions.core.errors import Misconfigured
from local.stack import write_private

# Renewed so long before it ends: clocks differ, and a request takes its time.
RENEWED_BEFORE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """What a sign-in gives, as long as a session is kept."""

    access_token: str
    refresh_token: str
    expires_at: datetime

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Session:
        """Out of the answer to a sign-in or a renewal. Raises KeyError or ValueError where it is none."""
        expires_at = datetime.fromisoformat(str(answer["expires_at"]))
        return cls(str(answer["access_token"]), str(answer["refresh_token"]), expires_at)

    def ends_soon(self) -> bool:
        return self.expires_at <= datetime.now(UTC) + RENEWED_BEFORE


@dataclass(frozen=True, slots=True)
class Kept:
    """A session between two commands: a file that only its owner reads."""

    url: str
    email: str
    session: Session

    def write(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, json.dumps(asdict(self), default=str) + "\n")

    @classmethod
    def read(cls, path: Path) -> Kept:
        """Raises Misconfigured: NOT_SIGNED_IN, and BAD_SESSION_FILE where it is not what `write` wrote."""
        try:
            raw = json.loads(path.read_text())
            return cls(str(raw["url"]), str(raw["email"]), Session.of(raw["session"]))
        except FileNotFoundError:
            raise Misconfigured("NOT_SIGNED_IN", "nobody is signed in here; use `agenttrader login`") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Misconfigured(
                "BAD_SESSION_FILE", f"{path} is no session ({type(error).__name__}); use `agenttrader login` again"
            ) from error
