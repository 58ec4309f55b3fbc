"""The mails that Auth sends: the local cloud prints them to the gateway's log."""

from __future__ import annotations

import re

from local.stack import Stack
from tests.machine import eventually


def mailed_code(stack: Stack, email: str) -> str:
    """The code of the newest mail to this address; waits until it has come."""
    found: re.Match[str] | None = None

    def has_come() -> bool:
        nonlocal found
        mail = stack.log("gateway").read_text(encoding="utf-8").rpartition(email)
        found = re.search(r"\b(\d{6})\b", mail[2]) if mail[1] else None
        return found is not None

    eventually(has_come, 30)
    assert found is not None
    return found[1]
