"""How long a protective exit takes: from the quote that crosses its stop to the order that the broker has accepted.

The whole road through the local cloud: the quote is published, the watch fires the exit, risk judges its order, execute
sends it to the simulator. The parts of it are the ledger's own times; the bare order beside it is the floor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
import requests
from psycopg.types.json import Jsonb

from benchmarks.measuring import WARM_UP_ROUNDS, Result, compared
from benchmarks.orders import alpaca_body, http_post, open_the_market
from functions.core.bus.pgmq import PgmqBus
from functions.core.events import QuoteData, QuoteUpdated
from functions.core.hotstore import HotStore
from functions.core.hotstore.keys import quote_key
from functions.core.market_calendar import exchange_date, exchange_time
from functions.execute.watching import watched_key
from local.linking import await_verdict, enter_simulator_keys
from local.stack import Stack
from local.supervisor.broker_keys import BROKER_ACCOUNT, LEDGER_ACCOUNT

_SYMBOL = "SPY"
_POLL_SECONDS = 0.002
_PATIENCE_SECONDS = 20.0
_TITLE = "a protective exit, from the crossing quote to the order at the broker"
_NOTE = "published quote, bus, watch, risk, execute, simulator; one exit after another; the bare order is the floor"


@dataclass(slots=True)
class _Scene:
    connection: psycopg.Connection[Any]
    bus: PgmqBus
    hot: HotStore
    account: str

    def arm(self, number: int) -> None:
        """One more share is held, with a stop; what the last round held is gone."""
        now = datetime.now(UTC)
        held = {"source": "activities", "external_id": f"held {number}", "kind": "transfer_in", "symbol": _SYMBOL}
        self._do(
            _ACTIVITY, self.account, Jsonb(held | {"quantity": "1", "price": "100", "occurred_at": now.isoformat()})
        )
        self._do(_ARM, self.account, _SYMBOL, Jsonb({"stop_price": "95"}))
        # As the stream worker says it: what is sent is heard of.
        self.hot.put(watched_key(LEDGER_ACCOUNT), {"how": "benchmark"})

    def cross(self) -> tuple[float, float, float, float]:
        """Seconds of the whole, and of it to the order, its verdict, and the broker's word."""
        now = datetime.now(UTC)
        said = {"symbol": _SYMBOL, "bid": "94.99", "ask": "95.01", "bid_size": "1", "ask_size": "1", "quoted_at": now}
        quote = QuoteData.model_validate(said | {"feed": "benchmark"})
        self.hot.put(quote_key(_SYMBOL), quote.model_dump(mode="json"))
        began = time.time()
        self.bus.publish("market-data-quotes", [QuoteUpdated.of(quote)])
        ends_at = time.perf_counter() + _PATIENCE_SECONDS
        while time.perf_counter() < ends_at:
            row = self.connection.execute(_STEPS, (self.account,)).fetchone()
            if row is not None and row[1] == "submitted":
                trade, _, pending, approved, accepted = row
                self._fill(trade)
                return accepted - began, pending - began, approved - pending, accepted - approved
            time.sleep(_POLL_SECONDS)
        raise AssertionError(f"the exit was not sent in time: {row}")

    def _fill(self, trade: Any) -> None:
        self._do(_FILL, trade)
        self._do("select public.settle_exits()")

    def _do(self, statement: LiteralString, *values: Any) -> None:
        self.connection.execute(statement, values)


def exits(stack: Stack, hot: HotStore, *, rounds: int, seconds: float) -> Result:
    """Exits one after another, each of one share that the simulator's account holds too."""
    open_the_market(stack, "alpaca")
    headers = {"APCA-API-KEY-ID": stack.secrets.broker_key, "APCA-API-SECRET-KEY": stack.secrets.broker_secret}
    floor = http_post(stack.port("alpaca"), "/v2/orders", headers, alpaca_body)
    names = ("quote to accepted order", "of it: watch, to the order", "of it: risk", "of it: execute and broker")
    samples: dict[str, list[float]] = {name: [] for name in (*names, "HTTP POST of an order")}
    bus = PgmqBus(stack.bus_url)
    try:
        with psycopg.connect(stack.database_url, autocommit=True) as connection:
            scene = _Scene(connection, bus, hot, _account(connection, stack))
            # After the account was compared with the broker: these shares are not in its books.
            _hold(stack, headers, rounds + WARM_UP_ROUNDS)
            ends_at = time.perf_counter() + seconds
            for number in range(-WARM_UP_ROUNDS, rounds):
                if number > 0 and time.perf_counter() > ends_at:
                    break
                scene.arm(number)
                taken = scene.cross()
                began = time.perf_counter()
                floor(10_000 + WARM_UP_ROUNDS + number)
                if number >= 0:
                    for name, sample in zip(samples, (*taken, time.perf_counter() - began), strict=True):
                        samples[name].append(sample)
    finally:
        bus.close()
    return Result(_TITLE, _NOTE, compared(samples))


def _hold(stack: Stack, headers: dict[str, str], shares: int) -> None:
    order = {"symbol": _SYMBOL, "qty": str(shares), "side": "buy", "type": "market", "time_in_force": "day"}
    requests.post(f"{stack.url('alpaca')}/v2/orders", json=order, headers=headers, timeout=30).raise_for_status()
    requests.post(f"{stack.url('alpaca')}/control/advance", json={"minutes": 2}, timeout=30).raise_for_status()


def _account(connection: psycopg.Connection[Any], stack: Stack) -> str:
    """A trader whose keys are the simulator's, in a session that lasts all day."""
    now = datetime.now(UTC)
    wall = exchange_time(now)
    session = {
        "date": exchange_date(now).isoformat(),
        "opens_at": wall.replace(hour=0, minute=0, second=0, microsecond=0).isoformat(),
        "closes_at": wall.replace(hour=23, minute=59, second=59, microsecond=0).isoformat(),
    }
    connection.execute("select set_config('app.actor', 'benchmark', false)")
    connection.execute("update private.settings set value = 'open' where name = 'sign_up'")
    connection.execute("select public.upsert_calendar(%s, 'benchmark')", (Jsonb([session]),))
    connection.execute("insert into auth.users (id, email) values (gen_random_uuid(), 'exits@example.com')")
    connection.execute(_ACCOUNT, (LEDGER_ACCOUNT, BROKER_ACCOUNT))
    with connection.transaction():
        enter_simulator_keys(connection, stack, LEDGER_ACCOUNT)
    await_verdict(connection, LEDGER_ACCOUNT, _PATIENCE_SECONDS, lambda _: None)
    return str(LEDGER_ACCOUNT)


_ACCOUNT = """
    insert into public.broker_accounts (id, user_id, broker, account_id)
    select %s, id, 'alpaca', %s from auth.users where email = 'exits@example.com'"""
_ACTIVITY = "select public.apply_activity(%s, %s)"
_ARM = "select public.set_position_exit(%s, %s, %s)"
_STEPS = """
    select t.id, t.status,
      extract(epoch from min(s.at) filter (where s.to_status = 'pending'))::float8,
      extract(epoch from min(s.at) filter (where s.to_status = 'approved'))::float8,
      extract(epoch from min(s.at) filter (where s.to_status = 'submitted'))::float8
    from public.position_exits as e join public.trades as t on t.id = e.exit_trade_id
    join public.trade_transitions as s on s.trade_id = t.id
    where e.broker_account_id = %s and e.status = 'triggered' group by t.id, t.status"""
_FILL = """
    select public.record_fill(t.broker_account_id, jsonb_build_object('broker_order_id', t.broker_order_id,
      'client_order_id', t.client_order_id, 'symbol', t.symbol, 'side', t.side, 'quantity', '1',
      'cumulative_quantity', '1', 'price', '94.99', 'executed_at', now(), 'source', 'stream', 'external_id', t.id))
    from public.trades as t where t.id = %s"""
