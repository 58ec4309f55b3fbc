"""Sixteen judges at once, on the orders of one user: whatever is set, together they exceed no limit.

Each run sets limits at random, places sixteen orders at random in two accounts, and gives each to a judge of its own.
What may be approved is reckoned here from the orders themselves, not by the code that is tried.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from functions.core.events import QuoteData
from functions.core.ledger.errors import LedgerUnavailable
from functions.risk.judging import Judge
from tests.integration.ledger.clients import CLIENTS, Clients, Work, sixteen_clients
from tests.integration.ledger.desk import NOON, new_account, new_user
from tests.integration.ledger.ledger import Connection, Ledger, call
from tests.unit.core.doubles import World

SESSION = {"date": "2013-10-07", "opens_at": "2013-10-07T13:30Z", "closes_at": "2013-10-07T20:00Z"}
SYMBOLS = ("AAA", "BBB", "CCC", "DDD")
PRICE = Decimal(100)
RUNS = [pytest.param(6, id="six runs"), pytest.param(200, id="two hundred runs", marks=pytest.mark.long)]
# Each limit with numbers that some of sixteen orders of up to 50 shares fit, and not all of them.
KINDS = {
    "position_limit": ("shares or contracts", (40, 90, 160)),
    "capital_limit": ("dollars", (4_000, 12_000, 25_000)),
    "open_positions_limit": ("positions", (1, 2, 3)),
    "trade_capital_limit": ("dollars", (1_000, 3_000)),
}


@dataclass(slots=True)
class Run:
    """A user with two accounts, what limits are set, and what was ordered."""

    user: UUID
    accounts: tuple[UUID, UUID]
    limits: list[tuple[str, str, UUID, Decimal]] = field(default_factory=list)
    trades: list[UUID] = field(default_factory=list)

    def broken(self, approved: list[tuple[UUID, str, str, Decimal]]) -> list[str]:
        """Which limits the approved orders exceed together, in words."""
        found = []
        for name, scope, scope_id, value in self.limits:
            counted = [one for one in approved if scope == "user" or one[0] == scope_id]
            reached = _reached(name, counted)
            if reached > value:
                found.append(f"{name} of the {scope}: {reached} > {value}")
        return found


def _reached(name: str, orders: list[tuple[UUID, str, str, Decimal]]) -> Decimal:
    sides: dict[tuple[UUID, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for account, symbol, side, quantity in orders:
        sides[account, symbol][side] += quantity
    worst = {key: max(each.values()) for key, each in sides.items()}
    if name == "trade_capital_limit":
        return max((quantity * PRICE for *_, quantity in orders), default=Decimal(0))
    if name == "open_positions_limit":
        return Decimal(len({symbol for _, symbol in worst}))
    if name == "capital_limit":
        return sum(worst.values(), Decimal(0)) * PRICE
    by_symbol: dict[str, Decimal] = defaultdict(Decimal)
    for (_, symbol), quantity in worst.items():
        by_symbol[symbol] += quantity
    return max(by_symbol.values(), default=Decimal(0))


@dataclass(frozen=True, slots=True)
class _Through:
    """Risk's calls over one client's connection, each a transaction of its own; it is told of one order."""

    connection: Connection
    trade: UUID
    have_read: threading.Barrier

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        if function == "pending_trades":
            return [{"trade_id": str(self.trade), "broker_account_id": str(self.trade), "book": self._first_book()}]
        return self._answer(function, arguments)

    def _first_book(self) -> Any:
        """Nobody approves before everybody has read a book: each of these knows of no approval."""
        book = self._answer("risk_book", {"p_trade_id": self.trade})
        self.have_read.wait()
        return book

    def _answer(self, function: str, arguments: dict[str, Any]) -> Any:
        try:
            with self.connection.transaction():
                return call(self.connection, function, "fn_risk", **arguments)
        except psycopg.errors.LockNotAvailable as error:
            raise LedgerUnavailable("LEDGER_UNAVAILABLE", str(error)) from error


@pytest.fixture
def clients(fresh_ledger: Ledger) -> Iterator[Clients]:
    with sixteen_clients(fresh_ledger) as connected:
        yield connected


def _set_up(ledger: Ledger, random: Random) -> Run:
    user = new_user(ledger)
    run = Run(user, (new_account(ledger, user), new_account(ledger, user)))
    for name in random.sample(list(KINDS), random.randint(1, 3)):
        unit, values = KINDS[name]
        scope = random.choice(("account", "user"))
        scope_id = user if scope == "user" else random.choice(run.accounts)
        value = Decimal(random.choice(values))
        said = {"p_scope": scope, "p_scope_id": scope_id, "p_name": name, "p_value": str(value), "p_unit": unit}
        ledger.call("set_limit", "authenticated", user, **said)
        run.limits.append((name, scope, scope_id, value))
    sides = {symbol: random.choice(("buy", "sell")) for symbol in SYMBOLS}
    for number in range(CLIENTS):
        symbol = random.choice(SYMBOLS)
        # Both ways in one symbol would be refused as a wash trade, whatever the limits.
        side = sides[symbol]
        order = {
            "broker_account_id": str(random.choice(run.accounts)),
            "signal": f"race {number}",
            "symbol": symbol,
            "side": side,
            "position_intent": f"{side}_to_open",
            # No two alike: an equal order is refused as a duplicate, which is another rule's test.
            "quantity": str(random.randint(1, 49) + Decimal(number) / 100),
            "event_at": (NOON + timedelta(seconds=number)).isoformat(),
            "order_type": "limit",
            "price": str(PRICE),
        }
        run.trades.append(ledger.one("select (private.place(%s, %s, 'manual')).id", Jsonb(order), user))
    return run


@pytest.mark.timeout(900)
@pytest.mark.parametrize("runs", RUNS)
def test_judges_when_sixteen_judge_orders_of_one_user_at_once_then_no_limit_is_exceeded(
    clients: Clients, runs: int
) -> None:
    ledger = clients.ledger
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")
    listed = [{"symbol": symbol, "kind": "equity", "lot": "0.01"} for symbol in SYMBOLS]
    ledger.run("select public.upsert_instruments(%s, 'test', '2013-10-07')", Jsonb(listed))
    world = World()
    world.clock.at = NOON
    quoted = {"bid": "99.99", "ask": "100.01", "bid_size": "1000", "ask_size": "1000", "feed": "test"}
    for symbol in SYMBOLS:
        quote = QuoteData.model_validate({"symbol": symbol, "quoted_at": NOON.isoformat()} | quoted)
        world.hot.put(f"quote:{symbol}", quote.model_dump(mode="json"))
    marks = [
        {"symbol": symbol, "mark": str(PRICE), "marked_at": NOON.isoformat(), "source": "test"} for symbol in SYMBOLS
    ]
    ledger.call("upsert_marks", "fn_risk", p_marks=marks)
    outcomes: set[str] = set()
    for number in range(runs):
        run = _set_up(ledger, Random(number))

        have_read = threading.Barrier(CLIENTS, timeout=120)

        def race(trade: UUID, have_read: threading.Barrier = have_read) -> Work:
            return lambda connection: Judge(
                replace(world.ports, ledger=_Through(connection, trade, have_read))
            ).judge_pending(None)

        clients.round(*[race(trade) for trade in run.trades])
        judged = ledger.rows(
            "select broker_account_id, symbol, side, quantity, status, refusal from public.trades where user_id = %s",
            run.user,
        )
        assert {row[4] for row in judged} <= {"approved", "rejected"}, judged
        approved = [row[:4] for row in judged if row[4] == "approved"]
        assert run.broken(approved) == [], (number, run.limits)
        outcomes |= {str(row[5]).split(":")[0] for row in judged}
    # Each limit has refused something, and something was approved: the race was about something.
    assert outcomes >= {"POSITION_LIMIT", "CAPITAL_LIMIT", "OPEN_POSITIONS", "TRADE_CAPITAL", "None"} or runs < 20


def test_reached_when_orders_are_reckoned_by_hand_then_each_kind_counts_as_its_rule_says() -> None:
    one, two = UUID(int=1), UUID(int=2)
    orders = [
        (one, "AAA", "buy", Decimal(10)),
        (one, "AAA", "sell", Decimal(4)),
        (two, "AAA", "buy", Decimal(5)),
        (two, "BBB", "sell", Decimal(7)),
    ]
    assert _reached("position_limit", orders) == 15
    assert _reached("capital_limit", orders) == 2_200
    assert _reached("open_positions_limit", orders) == 2
    assert _reached("trade_capital_limit", orders) == 1_000
