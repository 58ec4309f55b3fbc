"""From the ledger's closed trades to what the protections look at."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from functions.core.ledger.book_closed import BookClosed
from functions.risk.facts.closed import ClosedTrade, ClosedTrades, Closings, moment


def closed_of(found: BookClosed | None, strategy: UUID | None, at: datetime) -> ClosedTrades | None:
    """The closed trades of the account, and of the order's strategy; None where no protection is set."""
    if found is None:
        return None
    trades = [
        ClosedTrade(
            symbol=row.symbol,
            strategy=None if row.strategy_id is None else str(row.strategy_id),
            closed_at=row.closed_at,
            realised_pnl=row.realised_pnl,
            quantity=row.quantity,
            return_percent=row.return_percent,
            by=row.by,
        )
        for row in found.trades
    ]
    return ClosedTrades(
        at=moment(at),
        account=Closings(trades),
        strategy=None if strategy is None else Closings(trade for trade in trades if trade.strategy == str(strategy)),
        complete_since=None if found.complete_since is None else moment(found.complete_since),
    )
