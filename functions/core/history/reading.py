"""One history: the bars of the archive and of Postgres, each once, in one unit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from functions.core.archive import Archive
from functions.core.clock import require_utc
from functions.core.errors import BadInput, Misconfigured
from functions.core.history.adjusting import Adjusted, adjusted_bars
from functions.core.history.bars import PRICES, Bar, Timeframe, frame, merged, unpacked
from functions.core.ledger.history import HistoryPart
from functions.core.ledger.transport import Transport
from functions.core.market_calendar import exchange_date

if TYPE_CHECKING:
    import polars as pl

_AT_ONCE = 8
_INSTANT = timedelta(microseconds=1)


class Reach(Protocol):
    """What history needs of the outside world."""

    @property
    def ledger(self) -> Transport: ...

    @property
    def archive(self) -> Archive: ...


def history(
    reach: Reach,
    symbol: str,
    timeframe: Timeframe,
    start: datetime,
    end: datetime,
    adjusted: Adjusted = "splits",
) -> list[Bar]:
    """The bars that start in [start, end), oldest first; a gap stays a gap.

    Adjusted as somebody at `end` saw it: for what was effective by then, and never for what came later, so a past
    decision can be made again. See `adjusting` for the formula. Raises BadInput BAD_RANGE, and what ledger, archive and
    `adjusted_bars` raise.
    """
    start, end = require_utc(start, "start"), require_utc(end, "end")
    if start >= end:
        raise BadInput("BAD_RANGE", f"history begins before it ends, was {start} to {end}", field="start")
    ledger = HistoryPart(reach.ledger)
    # Postgres first: a month that leaves it meanwhile is in the archive by then.
    newer = ledger.bars_between(symbol, timeframe, start, end)
    keys = [month.key for month in ledger.months_in_archive(symbol, timeframe, start, end)]
    older = [bar for bars in _opened(reach.archive, keys) for bar in bars if start <= bar.starts_at < end]
    bars = merged(older, newer)
    if adjusted == "none" or not bars:
        return bars
    return adjusted_bars(bars, ledger.corporate_actions(symbol, exchange_date(end - _INSTANT)), adjusted)


def history_frame(
    reach: Reach,
    symbol: str,
    timeframe: Timeframe,
    start: datetime,
    end: datetime,
    adjusted: Adjusted = "splits",
) -> pl.DataFrame:
    """The same as a frame for analysis: prices and volume are floats, and no money is reckoned with them."""
    import polars as pl

    exact = frame(history(reach, symbol, timeframe, start, end, adjusted))
    return exact.with_columns(pl.col(*PRICES, "volume").cast(pl.Float64))


def _opened(archive: Archive, keys: list[str]) -> list[list[Bar]]:
    """The objects' bars, some at once: each is a call over the network."""
    if len(keys) < 2:
        return [_object(archive, key) for key in keys]
    with ThreadPoolExecutor(min(_AT_ONCE, len(keys)), "history") as pool:
        return list(pool.map(lambda key: _object(archive, key), keys))


def _object(archive: Archive, key: str) -> list[Bar]:
    body = archive.get(key)
    if body is None:
        text = f"the ledger knows the object {key}, and the archive does not have it; restore it, or backfill the month"
        raise Misconfigured("LOST_OBJECT", text, key=key)
    return unpacked(body, key)
