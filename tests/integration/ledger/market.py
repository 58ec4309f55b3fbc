"""Market data as the tests tell it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.ledger.desk import NOON
from tests.integration.ledger.ledger import Connection, Ledger

JANUARY = datetime(2018, 1, 31, 23, 58, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CALL = "SPY181221C00250000"


def bar(at: datetime = JANUARY, symbol: str = "SPY", **more: Any) -> dict[str, Any]:
    told = {"symbol": symbol, "timeframe": "1Min", "starts_at": at.isoformat(), "ends_at": (at + MINUTE).isoformat()}
    prices = {"open": "10", "high": "12", "low": "9", "close": "11", "volume": "100", "feed": "test"}
    return told | prices | more


def quote(at: datetime = NOON, **more: Any) -> dict[str, Any]:
    sizes = {"bid": "10", "ask": "11", "bid_size": "1", "ask_size": "2"}
    return {"symbol": "SPY", "quoted_at": at.isoformat(), "feed": "test"} | sizes | more


def mark(at: datetime = NOON, price: str = "10", **more: Any) -> dict[str, Any]:
    return {"symbol": "SPY", "mark": price, "marked_at": at.isoformat(), "source": "test"} | more


def record(ledger: Ledger, bars: Sequence[dict[str, Any]], quotes: Sequence[dict[str, Any]] = ()) -> int:
    written: int = ledger.call("record_market_data", "fn_ingest", p_bars=list(bars), p_quotes=list(quotes))
    return written


@contextmanager
def open_transaction(ledger: Ledger) -> Iterator[Connection]:
    """A session that keeps its locks while the test goes on, and then takes everything back."""
    with ledger.session() as connection:
        yield connection
        connection.rollback()


def months(ledger: Ledger) -> list[str]:
    """The tables of schema private that hold bars."""
    return [
        name
        for (name,) in ledger.rows(
            "select c.relname::text from pg_inherits as h join pg_class as c on c.oid = h.inhrelid "
            "where h.inhparent = 'public.bars'::regclass and c.relnamespace = 'private'::regnamespace order by 1"
        )
    ]
