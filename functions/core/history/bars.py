"""A bar of history, and a month of them as a Parquet object.

Object `bars/{timeframe}/{symbol}/{YYYY-MM}.parquet`, one row a bar, rising: starts_at and ends_at (timestamps in UTC,
microseconds), open, high, low, close, volume (decimals of 28 digits, ten after the point, as the ledger keeps them),
feed, delay_seconds. The same bars always make the same object.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from functions.core.errors import Mistake
from functions.core.events import BarData

if TYPE_CHECKING:
    import polars as pl

Timeframe = Literal["1Min", "5Min", "15Min", "1Hour", "1Day"]
_PRECISION, _SCALE = 28, 10
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Bar:
    """A completed bar. Prices in the instrument's currency, volume in shares or contracts, times UTC."""

    starts_at: datetime
    ends_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    feed: str
    delay_seconds: int = 0


def bar_of(told: BarData) -> Bar:
    """A bar as a feed told it."""
    return Bar(told.starts_at, told.ends_at, told.open, told.high, told.low, told.close, told.volume, told.feed)


def month_of(at: datetime) -> date:
    """First day of the month (UTC) that a bar which starts at `at` lies in."""
    return at.date().replace(day=1)


def month_key(symbol: str, timeframe: Timeframe, month: date) -> str:
    """Where a month lies in the archive."""
    return f"bars/{timeframe}/{quote(symbol, safe='')}/{month:%Y-%m}.parquet"


def merged(older: Iterable[Bar], newer: Iterable[Bar]) -> list[Bar]:
    """Both, oldest first; where both have a bar, it is the newer word."""
    found = {bar.starts_at: bar for bar in older} | {bar.starts_at: bar for bar in newer}
    return [found[at] for at in sorted(found)]


def frame(bars: Sequence[Bar]) -> pl.DataFrame:
    """The bars as a frame, its prices exact decimals."""
    import polars as pl

    amount, moment = pl.Decimal(_PRECISION, _SCALE), pl.Datetime("us", "UTC")
    schema = {
        "starts_at": moment,
        "ends_at": moment,
        **dict.fromkeys((*PRICES, "volume"), amount),
        "feed": pl.String(),
        "delay_seconds": pl.Int32(),
    }
    return pl.DataFrame({name: [getattr(bar, name) for bar in bars] for name in schema}, schema=schema)


def rows(table: pl.DataFrame) -> list[Bar]:
    """The bars of a frame that `frame` made."""
    return [Bar(**row) for row in table.iter_rows(named=True)]


def packed(bars: Sequence[Bar]) -> bytes:
    """The object of a month."""
    body = io.BytesIO()
    frame(bars).write_parquet(body, compression="zstd", statistics=True)
    return body.getvalue()


def unpacked(body: bytes, key: str) -> list[Bar]:
    """The bars of a month's object. Raises Mistake BROKEN_OBJECT where it is no such object."""
    import polars as pl

    try:
        return rows(pl.read_parquet(io.BytesIO(body)))
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise Mistake("BROKEN_OBJECT", f"the archive's object {key} cannot be read: {error}", key=key) from error
