"""A short trading day in a cloud of its own, and the ledger that it ends with."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg
from psycopg.rows import dict_row

from functions.core.hotstore.local import LocalHotStore
from functions.core.identity import named_uuid
from functions.core.replay_clock import CLOCK_KEY
from local.cli.demo_strategies import DemoPlan, DemoStrategy
from local.cli.demo_tape import tape_of
from local.conductor.market import Market
from local.conductor.pace import Pace
from local.conductor.replay import Progressed, replay
from local.conductor.settling import Patience
from local.linking import enter_simulator_keys
from local.stack import PORT_OFFSETS, Stack
from local.starting import start_strategies
from local.supervisor.broker_keys import BROKER_ACCOUNT, LEDGER_ACCOUNT
from local.supervisor.cloud import Cloud
from local.supervisor.environment import Setup
from local.verify import verify
from tests.machine import free_ports, new_folder
from tests.prepared import calendar_cache

DAY = date(2018, 2, 5)
_MOST_REPORT_RUNS = 20
# Means so short that the strategies trade every few minutes: every step of the flow comes soon. The limit is so tight
# that some orders are refused: a refusal is a path of the flow too.
BUSY = DemoPlan(
    strategies=(
        DemoStrategy("cross", "moving_average_cross", {"fast": 2, "slow": 3, "quantity": "100"}),
        DemoStrategy("rsi", "rsi_reversion", {"period": 2, "oversold": 40, "exit_level": 50, "quantity": "50"}),
    ),
    limits=(("position_limit", "120", "shares or contracts"),),
)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What "the same ledger" means: orders, legs, fills, positions, cash, P&L and decisions; no machine time."""

    rows: Mapping[str, list[dict[str, Any]]]
    broker: Mapping[str, Any]
    verified: tuple[str, ...]

    @property
    def fills(self) -> int:
        return len(self.rows["fills"])


@contextmanager
def arena(extra: Mapping[str, str] | None = None, plan: DemoPlan = BUSY) -> Iterator[Cloud]:
    """A fresh cloud with a trader, limits and strategies, by default two busy ones. Nothing is left behind."""
    folder = new_folder("arena")
    try:
        cache = calendar_cache()
        stack = Stack.create(folder / "state", free_ports(max(PORT_OFFSETS.values()) + 1))
        shutil.copytree(cache, stack.state / "cache", dirs_exist_ok=True)
        tape = tape_of("SPY", DAY, DAY, 7, cache)
        setup = Setup(
            tape=tape.spec,
            throw_away=True,
            # Machine time only: how soon a dead sender's order is asked for, and a dead worker's stream taken over.
            extra={
                "AGENTTRADER_ORDER_LEASE": "1",
                "AGENTTRADER_LOOKUP_FIRST": "0.1",
                "AGENTTRADER_LOOKUP_PATIENCE": "0.5",
                "AGENTTRADER_RELAY_LEASE": "1",
                "AGENTTRADER_WORKER_LEASE": "2",
                "AGENTTRADER_WATCH_INTERVAL": "0.2",
                "AGENTTRADER_POLL_INTERVAL": "2",
                **(extra or {}),
            },
        )
        with Cloud(stack, setup=setup) as cloud:
            _trader(stack, plan, tape.opens_at)
            yield cloud
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def trade(cloud: Cloud, pushes: int, patience: float = 60.0, settled: Callable[[int], None] = lambda _: None) -> Ledger:
    """Replays the first `pushes` steps of the day, writes the day's report, and returns the ledger.

    `settled` is told how many steps have been played, after each.
    """
    played = 0

    def count(_: Progressed) -> None:
        nonlocal played
        played += 1
        settled(played)

    at = replay(
        cloud.stack,
        Pace.read("lockstep"),
        progress=count,
        wanted=lambda: played < pushes,
        patience=Patience(seconds=patience, rounds=40),
    )
    _report(cloud, at)
    return _read(cloud)


def _report(cloud: Cloud, at: datetime) -> None:
    """What the schedule does after the close, without playing the rest of the day."""
    after_close = at.replace(hour=21, minute=30)
    store = LocalHotStore(cloud.url("hotstore"))
    store.put(CLOCK_KEY, after_close.isoformat())
    store.close()
    body = {"functions": ["sync_accounts", "daily_pnl"], "now": after_close.isoformat()}
    # A run that a strike ended is run again, as the next wake-up of the schedule would.
    for _ in range(_MOST_REPORT_RUNS):
        answer = httpx.post(f"{cloud.url('scheduler')}/run", json=body, timeout=60).json()
        if answer["ok"]:
            break
    else:
        raise AssertionError(f"the report was not written: {answer}")
    _publish(cloud, after_close)


def _publish(cloud: Cloud, now: datetime) -> None:
    """What the report tells is published too; where the relay died at it, when its lease is over."""
    ends_at = time.monotonic() + _PUBLISHED_SECONDS
    with psycopg.connect(cloud.stack.database_url, autocommit=True) as connection:
        while connection.execute(_UNPUBLISHED).fetchone() != (0,):
            if time.monotonic() > ends_at:
                raise AssertionError("what the report tells is not published")
            body = {"functions": ["relay_unpublished"], "now": now.isoformat()}
            httpx.post(f"{cloud.url('scheduler')}/run", json=body, timeout=60).raise_for_status()


_PUBLISHED_SECONDS = 30.0
_UNPUBLISHED = "select count(*) from private.outbox where published_at is null and gave_up_at is null"


_QUERIES = {
    "trades": """
        select id, strategy_id, signal, symbol, side, order_type, quantity, status, filled_quantity, fill_price,
          client_order_id, refusal, event_at, reason
        from public.trades order by id""",
    "legs": """
        select trade_id, leg, symbol, side, position_intent, quantity, filled_quantity
        from public.trade_legs order by trade_id, leg""",
    "fills": """
        select id, trade_id, symbol, side, quantity, price, cumulative_quantity, fee, realised_pnl,
          date_trunc('second', executed_at) as executed_at
        from public.fills order by id""",
    "positions": """
        select broker_account_id, symbol, quantity, cost_basis, realised_pnl, fees
        from public.position_books order by symbol""",
    "strategy_positions": """
        select owner_key, symbol, quantity, cost_basis, realised_pnl
        from public.strategy_positions order by owner_key, symbol""",
    "decisions": """
        select strategy_id, symbol, bar_at, action, reason, orders, refused
        from public.strategy_decisions order by strategy_id, symbol, bar_at""",
    "verdicts": "select trade_id, rule, verdict from public.risk_decisions order by trade_id, number",
    "transitions": """
        select trade_id, to_status from public.trade_transitions
        where to_status in ('pending', 'approved', 'rejected', 'filled', 'canceled', 'expired')
        order by trade_id, number""",
    "reports": """
        select report_date, realised_pnl, unrealised_pnl, fees, total_pnl, ending_cash, trades, fills
        from public.daily_pnl_reports order by report_date""",
}


def ledger_rows(stack: Stack) -> dict[str, list[dict[str, Any]]]:
    """What two runs of the same market have alike."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        cursor = connection.cursor(row_factory=dict_row)
        return {name: cursor.execute(query).fetchall() for name, query in _QUERIES.items()}


def _read(cloud: Cloud) -> Ledger:
    rows = ledger_rows(cloud.stack)
    market = Market.of(cloud.stack)
    book = httpx.get(f"{cloud.url('alpaca')}/control/book", timeout=10).json()["accounts"][BROKER_ACCOUNT]
    broker = {
        "cash": book["cash"],
        "positions": book["positions"],
        "orders": sorted((row["client_order_id"], row["status"], row["filled_qty"]) for row in book["orders"]),
    }
    try:
        with psycopg.connect(cloud.stack.database_url, autocommit=True) as connection:
            found = verify(connection, market)
    finally:
        market.close()
    wrong = tuple(f"{check.name}: {check.detail}" for check in found.checks if not check.ok)
    return Ledger(rows, broker, wrong)


def _trader(stack: Stack, plan: DemoPlan, opens_at: datetime) -> None:
    user = UUID(str(named_uuid("arena", "user")))
    started: list[UUID] = []
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("insert into auth.users (id, email) values (%s, 'arena@example.com')", [user])
        connection.execute(
            "insert into public.broker_accounts (id, user_id, broker, account_id, label) "
            "values (%s, %s, 'alpaca', %s, 'arena')",
            [LEDGER_ACCOUNT, user, BROKER_ACCOUNT],
        )
        enter_simulator_keys(connection, stack, LEDGER_ACCOUNT)
        for limit, value, unit in plan.limits:
            connection.execute(
                "select public.set_limit('account', %s, %s, %s, %s)", [LEDGER_ACCOUNT, limit, value, unit]
            )
        for one in plan.strategies:
            strategy = named_uuid("arena", "strategy", one.kind)
            connection.execute(
                "insert into public.strategies "
                "(id, user_id, broker_account_id, name, kind, config, symbols, timeframe) "
                "values (%s, %s, %s, %s, %s, %s, array['SPY'], %s)",
                [strategy, user, LEDGER_ACCOUNT, one.kind, one.kind, json.dumps(one.config), one.timeframe],
            )
            started.append(strategy)
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        # A part that a strike ended may have lost a wake-up, and the tape, with its sweeps, has not begun.
        start_strategies(
            connection, started, opens_at - timedelta(minutes=1), lambda: _sweep(stack, opens_at - timedelta(minutes=1))
        )


def _sweep(stack: Stack, at: datetime) -> None:
    body = {"functions": ["relay_unpublished", "verify_missed", "validate_missed"], "now": at.isoformat()}
    httpx.post(f"{stack.url('scheduler')}/run", json=body, timeout=60)
