"""The closed trades of a risk book, as the ledger tells them."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from functions.core.ledger.part import Row
from functions.core.money import Amount, Total


class BookClosedTrade(Row):
    """An order or an expiry that closed what a strategy, or nobody's, held; see `facts.closed.ClosedTrade`."""

    symbol: str
    strategy_id: UUID | None
    closed_at: AwareDatetime
    realised_pnl: Total
    quantity: Amount
    return_percent: Total | None
    by: Literal["stop", "target", "trail", "time", "signal", "flatten", "manual", "expiry", "rule"]


class BookClosed(Row):
    """Those of the account that the protections look back to, oldest first.

    `complete_since` is None where all of them are told; where there were too many, it is the time of the oldest told.
    """

    trades: list[BookClosedTrade]
    complete_since: AwareDatetime | None
