"""What the ledger answers when it does not do what was asked."""

from __future__ import annotations

import json
from typing import Any

from functions.core.errors import AgentTraderError, BadInput, NotAuthorised, Refused, Unavailable

# Lost races, locks, timeouts; and whole classes: no connection, no resources, a server that shuts down, a broken disk,
# a gateway without its database.
_RETRYABLE = frozenset({"40001", "40P01", "55P03", "57014"})
_RETRYABLE_CLASSES = ("08", "53", "57P", "58", "PGRST00")
_HTTP_STATUS_DIGITS = 3


class LedgerRefused(Refused):
    """A rule of the ledger said no: state machine, gate, limit, ownership. `http_status` is what REST answered."""

    def __init__(self, code: str, text: str, http_status: int, **numbers: Any) -> None:
        super().__init__(code, text, **numbers)
        self.http_status = http_status


class LedgerUnavailable(Unavailable):
    """The ledger did not answer, or asks to be asked again. Nothing was changed, or the same call is safe again."""


def from_answer(
    function: str, code: str | None, message: str | None, details: Any, hint: str | None
) -> AgentTraderError:
    """The typed error of a PostgREST error body."""
    sqlstate = str(code or "")
    found = message or "no message"
    if sqlstate.startswith("PT") and sqlstate[2:].isdigit():
        name = found.split(":", 1)[0].strip()
        return LedgerRefused(name, hint or found, int(sqlstate[2:]), **_numbers(details))
    if sqlstate == "42501" or sqlstate.startswith("PGRST3"):
        return NotAuthorised("NOT_ALLOWED", f"{function}: this role may not call it: {found}")
    # A page that PostgREST did not write comes as its bare HTTP status; five digits are a SQLSTATE.
    is_status = len(sqlstate) <= _HTTP_STATUS_DIGITS and (sqlstate.isdigit() or not sqlstate)
    if is_status or sqlstate in _RETRYABLE or sqlstate.startswith(_RETRYABLE_CLASSES):
        return LedgerUnavailable("LEDGER_UNAVAILABLE", f"{function}: the ledger did not answer: {found}")
    if sqlstate.startswith("23"):
        return LedgerRefused("CONSTRAINT", f"{function}: {found}", 409, sqlstate=sqlstate)
    return BadInput("LEDGER_BAD_CALL", f"{function}: {found}", sqlstate=sqlstate)


def _numbers(details: Any) -> dict[str, Any]:
    try:
        found = json.loads(details) if isinstance(details, str) else details
    except json.JSONDecodeError:
        return {}
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}
