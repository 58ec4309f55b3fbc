"""Longer bars whose last minute never came: nobody traded in it, and the clock says that they are over."""

from __future__ import annotations

from functions.core.events import BarCompleted
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.log import logger
from functions.core.ports import Ports
from functions.ingest.stream import BARS_TOPIC


def roll_up_missed(reach: Ports, ledger: MarketDataLedger) -> int:
    """Stores and publishes them; returns how many. By the functions' clock: a replay of 2018 is in 2018."""
    bars = ledger.roll_up_missed(reach.clock.now())
    if bars:
        logger("roll_up_missed").info("rolled up", bars=len(bars))
        reach.bus.publish(BARS_TOPIC, [BarCompleted.of(bar) for bar in bars])
    return len(bars)
