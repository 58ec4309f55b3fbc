"""What is due when a limit was measured after the trade: it is broken, near, or well within again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Literal, Protocol
from uuid import UUID

from functions.core.ledger.watching import WatchLedger
from functions.core.log import logger
from functions.core.money import text
from functions.risk.watch.measuring import stands

_log = logger("risk")


class Watched(Protocol):
    """A limit, and what happened to it last; `today`: in the session day of the measure."""

    @property
    def limit_id(self) -> UUID: ...
    @property
    def value(self) -> Decimal: ...
    @property
    def parameters(self) -> Mapping[str, Decimal]: ...
    @property
    def state(self) -> Literal["warned", "breached", "worse", "recovered"] | None: ...
    @property
    def today(self) -> bool: ...


def hold_to_limit(
    ledger: WatchLedger,
    name: str,
    limit: Watched,
    measured: Decimal,
    at: datetime,
    numbers: Mapping[str, str],
    account: UUID | None = None,
) -> bool:
    """Says what is due and nothing else; whether it has acted. `account` where it was measured on one of its scope."""
    how = stands(measured, limit.value, limit.parameters)
    if how == "broken":
        done = ledger.breach_limit(limit.limit_id, account, None, measured, at, numbers)
        if done.status in ("breached", "worse"):
            _log.warning("limit broken", limit=name, measured=text(measured), act=done.act, how=done.status)
            return True
    elif how == "near":
        if limit.state in (None, "recovered") or not limit.today:
            ledger.warn_of_limit(limit.limit_id, account, None, measured, at, numbers)
    elif limit.state not in (None, "recovered"):
        # Only well within: what goes to and fro about the limit is one breach.
        ledger.rearm_limit(limit.limit_id, account, None, measured, at)
    return False


def too_much(used: Decimal, limit: Decimal) -> Decimal:
    """What part of the positions is to go so that the rest is within the limit; rounded up."""
    return ((used - limit) / used).quantize(Decimal("0.0001"), ROUND_CEILING)
