"""How long an order waits for its verdict: from the row `pending` to the row `approved`, through the local cloud.

The whole road: the ledger's webhook wakes the relay, the relay publishes, the bus delivers, risk reads the book and
judges. Beside it the same ledger calls by hand, without anything that wakes anybody: what the road adds is the ratio.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from benchmarks.measuring import Result, compared
from functions.core.hotstore import HotStore
from functions.core.hotstore.keys import quote_key
from functions.core.ledger.judging import RiskLedger
from functions.core.ledger.transport import RestTransport
from functions.core.settings import Settings
from local.stack import Stack

# Crypto trades around the clock: the benchmark does not wait for a session.
_SYMBOL = "BTC/USD"
_POLL_SECONDS = 0.002
_PATIENCE_SECONDS = 20.0
# What follows a verdict (relay, execute, watch) is over by then: each order is measured on a cloud at rest.
_REST_SECONDS = 0.4
# Postgres counts calls when a session has been idle for a moment.
_COUNTED_SECONDS = 1.5
_OF_THE_ROAD = ("claim_outbox", "mark_published", "pending_trades", "risk_book", "approve_trade")


@dataclass(slots=True)
class _Scene:
    connection: psycopg.Connection[Any]
    ledger: RiskLedger
    account: UUID
    placed: int = 0

    def place(self) -> UUID:
        """A pending trade of a size that no limit minds."""
        self.placed += 1
        order = {
            "broker_account_id": str(self.account),
            "symbol": _SYMBOL,
            "side": "buy",
            "position_intent": "buy_to_open",
            # No two alike: an equal order within seconds is refused as a duplicate.
            "quantity": str(Decimal("0.01") + Decimal(self.placed) / 10_000),
        }
        return UUID(_one(self.connection, _PLACE, Jsonb(order), self.account)["id"])

    def await_verdict(self, trade: UUID) -> str:
        """Its status once it is judged. Raises AssertionError where nobody judges it."""
        ends_at = time.perf_counter() + _PATIENCE_SECONDS
        while time.perf_counter() < ends_at:
            status = str(_one(self.connection, "select status from public.trades where id = %s", trade))
            if status != "pending":
                return status
            time.sleep(_POLL_SECONDS)
        raise AssertionError("the order was not judged in time: is a part of the road missing?")

    def through_the_cloud(self, _number: int) -> None:
        """Taken back at once: without keys to send it with, execute would try it again beside the next ones."""
        trade = self.place()
        self.await_verdict(trade)
        self.connection.execute("select public.request_cancel(%s, 'measured')", (trade,))

    def by_hand(self) -> float:
        """Seconds that the calls of risk alone take, one after another, on an order that is judged already."""
        trade = _one(self.connection, "select id from public.trades order by placed_number desc limit 1")
        began = time.perf_counter()
        self.ledger.pending_trades(self.account)
        self.ledger.risk_book(trade)
        self.ledger.approve_trade(trade, [], {})
        return time.perf_counter() - began

    def waits(self, count: int) -> list[float]:
        """Seconds between the two rows of the newest orders, by the ledger's own clock."""
        return [float(row[0]) for row in self.connection.execute(_WAITS, (count,)).fetchall()]

    def trips(self) -> Mapping[str, int]:
        """How often each ledger function of the road was called."""
        rows = self.connection.execute(_TRIPS, (list(_OF_THE_ROAD),)).fetchall()
        return {str(name): int(calls) for name, calls in rows}


def judging(stack: Stack, settings: Settings, hot: HotStore, *, rounds: int, seconds: float) -> Result:
    """Orders placed one after another, each approved and taken back before the next; the times are the ledger's own.

    The note says which ledger functions the road called, and how often for each order.
    """
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("alter system set track_functions = 'all'")
        connection.execute("select pg_reload_conf()")
        scene = _Scene(connection, RiskLedger(RestTransport(settings, "fn_risk")), _account(connection))
        _quote(hot)
        warm_up = 10
        for number in range(warm_up):
            scene.through_the_cloud(number)
        before = scene.trips()
        ends_at = time.perf_counter() + seconds
        count = 0
        while count < rounds and (time.perf_counter() < ends_at or not count):
            time.sleep(_REST_SECONDS)
            scene.through_the_cloud(count)
            count += 1
        waits = scene.waits(count)
        time.sleep(_COUNTED_SECONDS)
        after = scene.trips()
        calls = [scene.by_hand() for _ in range(count)]
    trips = ", ".join(f"{name} {(after[name] - before.get(name, 0)) / count:.1f}" for name in after)
    return Result(
        "an order from pending to approved, through the local cloud",
        f"ledger calls per order: {trips}",
        compared({"webhook, relay, bus, risk": waits, "the same calls of risk by hand": calls}),
    )


def _account(connection: psycopg.Connection[Any]) -> UUID:
    """A user with an account into which nothing was entered: it is judged, and nothing is sent."""
    connection.execute("select set_config('app.actor', 'benchmark', false)")
    connection.execute("update private.settings set value = 'open' where name = 'sign_up'")
    listed = Jsonb([{"symbol": _SYMBOL, "kind": "crypto", "lot": "0.0001"}])
    connection.execute("select public.upsert_instruments(%s, 'benchmark', %s)", (listed, datetime.now(UTC).date()))
    _one(connection, _USER)
    return UUID(str(_one(connection, _ACCOUNT)))


def _quote(hot: HotStore) -> None:
    """Of the future, so that it is not stale however long the benchmark takes."""
    quote = {
        "symbol": _SYMBOL,
        "bid": "50000",
        "ask": "50001",
        "bid_size": "1",
        "ask_size": "1",
        "quoted_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        "feed": "benchmark",
    }
    hot.put(quote_key(_SYMBOL), quote)


def _one(connection: psycopg.Connection[Any], statement: LiteralString, *values: Any) -> Any:
    row = connection.execute(statement, values).fetchone()
    if row is None:
        raise AssertionError("the ledger gave no row")
    return row[0]


_USER = "insert into auth.users (id, email) values (gen_random_uuid(), 'judging@example.com') returning id"
_ACCOUNT = """
    insert into public.broker_accounts (user_id, broker, account_id)
    select id, 'alpaca', 'JUDGING' from auth.users where email = 'judging@example.com' returning id"""
_PLACE = """
    select to_jsonb(private.place(%s || jsonb_build_object('signal', gen_random_uuid()), a.user_id, 'manual'))
    from public.broker_accounts as a where a.id = %s"""
_WAITS = """
    select extract(epoch from done.at - began.at) from public.trade_transitions as done
    join public.trade_transitions as began on began.trade_id = done.trade_id and began.to_status = 'pending'
    where done.to_status = 'approved' order by done.at desc limit %s"""
_TRIPS = "select funcname, calls from pg_stat_user_functions where schemaname = 'public' and funcname = any (%s)"
