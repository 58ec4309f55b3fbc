"""One history: the bars of the archive and of Postgres, each once, in one unit."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from functions.core.archive import Archive
from functions.core.clock import require_utc
from functions.core.errors import BadInput, Misconfigured
from functions.core.history.adjusting import Adjusted, adjusted_bars
from functions.core.history.bars import PRICES, Bar, Timeframe, frame, merged, unpacked
from functions.core.history.rolling import KNOWN_BEFORE, periods, rolled_up
from functions.core.ledger.history import HistoryPart
from functions.core.ledger.transport import Transport
from functions.core.market_calendar import Calendar, exchange_date

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

    Longer bars of months whose minutes the archive alone has are rolled up of these, as Postgres does it.
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
    months = ledger.months_in_archive(symbol, timeframe, start, end)
    older = [
        bar
        for bars in _opened(reach.archive, [month.key for month in months])
        for bar in bars
        if start <= bar.starts_at < end
    ]
    bars = merged(older, newer)
    if timeframe != "1Min":
        kept = {month.month: month.bars for month in months}
        rolled = _rolled_up(reach, ledger, symbol, timeframe, start, end, kept)
        bars = merged([bar for bar in rolled if start <= bar.starts_at < end], bars)
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


def _rolled_up(
    reach: Reach,
    ledger: HistoryPart,
    symbol: str,
    timeframe: Timeframe,
    start: datetime,
    end: datetime,
    kept: Mapping[date, int],
) -> list[Bar]:
    """Longer bars of the months whose minutes the archive alone has, but for those of which `kept` says every bar.

    A month's first period may need the month before, which shows that its beginning is known.
    """
    months = {month.month: month.key for month in ledger.months_in_archive(symbol, "1Min", start - KNOWN_BEFORE, end)}
    if not months:
        return []
    sessions = ledger.sessions(_moment(min(months)), _moment(_next(max(months))))
    lacking = [month for month in months if kept.get(month, 0) < _most(sessions, month, timeframe)]
    needed = sorted(month for month in months if month in lacking or _next(month) in lacking)
    minutes = [bar for bars in _opened(reach.archive, [months[month] for month in needed]) for bar in bars]
    for month in needed:
        minutes = merged(minutes, ledger.bars_between(symbol, "1Min", _moment(month), _moment(_next(month))))
    # What came later shows that the last period is over.
    return rolled_up(minutes, timeframe, sessions, ledger.latest_bar_end(symbol, "1Min"))


def _most(sessions: Calendar, month: date, timeframe: Timeframe) -> int:
    """How many bars a month can have."""
    of_the_month = sessions.between(_moment(month), _moment(_next(month)))
    return sum(sum(1 for _ in periods(session, timeframe)) for session in of_the_month)


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _moment(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)


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
