"""What storing bars costs: a batch through `record_market_data`, and a bare INSERT of the same rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from benchmarks.measuring import WARM_UP_ROUNDS, Result, measure
from local.stack import Stack

_BATCH = 2_000
_ROUNDS = 10
_ROLE = "fn_ingest"
_TYPES = {"symbol": "text", "timeframe": "text", "starts_at": "timestamptz", "ends_at": "timestamptz"}
_TYPES |= dict.fromkeys(("open", "high", "low", "close", "volume"), "numeric") | {"feed": "text"}
# Each contestant writes minutes of its own, a batch after the other.
_THROUGH = datetime(2010, 1, 4, tzinfo=UTC)
_BARE = datetime(2012, 1, 4, tzinfo=UTC)


def storing_bars(stack: Stack, *, rounds: int, seconds: float) -> Result:
    """Batches of new bars, over direct connections."""
    rounds = min(rounds, _ROUNDS)
    with (
        psycopg.connect(stack.database_url, autocommit=True) as through,
        psycopg.connect(stack.database_url, autocommit=True) as bare,
    ):
        through.execute(sql.SQL("set role {}").format(sql.Identifier(_ROLE)))
        listed = Jsonb([{"symbol": "SPY", "kind": "equity"}])
        through.execute("select public.upsert_instruments(%s, 'benchmark', %s)", (listed, _BARE.date()))
        ends = _BARE + timedelta(minutes=_BATCH * (rounds + WARM_UP_ROUNDS + 1))
        bare.execute("select private.make_bar_months(array(select generate_series(%s, %s, '1 day')))", (_BARE, ends))
        result = measure(
            f"{_BATCH:,} new bars at once",
            "",
            {
                "record_market_data": lambda number: through.execute(
                    "select public.record_market_data(%s)", (Jsonb(_bars(_THROUGH, number)),)
                ),
                "bare INSERT": lambda number: _insert(bare, _bars(_BARE, number)),
            },
            rounds=rounds,
            seconds=seconds,
        )
    rates = ", ".join(f"{figures.name} {_BATCH / figures.p50_ms * 1000:,.0f} bars/s" for figures in result.figures)
    return replace(result, note=f"direct connections; {rates}")


def _bars(begins: datetime, number: int) -> list[dict[str, str]]:
    prices = {
        "open": "100.01",
        "high": "101.5",
        "low": "99.5",
        "close": "100.77",
        "volume": "1200",
        "feed": "benchmark",
    }
    starts = (begins + timedelta(minutes=_BATCH * number + place) for place in range(_BATCH))
    return [
        {
            "symbol": "SPY",
            "timeframe": "1Min",
            "starts_at": at.isoformat(),
            "ends_at": (at + timedelta(minutes=1)).isoformat(),
        }
        | prices
        for at in starts
    ]


def _insert(connection: psycopg.Connection[Any], bars: list[dict[str, str]]) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, _TYPES))
    arrays = sql.SQL(", ").join(sql.SQL("%s::{}[]").format(sql.Identifier(name)) for name in _TYPES.values())
    connection.execute(
        sql.SQL("insert into public.bars ({}) select * from unnest({})").format(columns, arrays),
        [[bar[column] for bar in bars] for column in _TYPES],
    )
