"""Bars are stored by month: new months are made ahead, old ones go as a whole."""

from __future__ import annotations

from functions.core.clock import Clock
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.log import logger


def keep_months(ledger: MarketDataLedger, clock: Clock) -> None:
    """By the clock that the functions read, not the database's: a replay of 2018 keeps the bars of 2018."""
    now = clock.now()
    made = ledger.prepare_bar_months(now)
    dropped = ledger.drop_old_bars(now)
    logger("maintain_bars").info("months of bars", made=made, dropped=dropped)
