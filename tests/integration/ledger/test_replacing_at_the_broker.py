"""The sender, the real ledger and the broker's simulator together: an order is replaced, and fills race it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from functions.brokers.protocol import Broker
from functions.core.ledger.executing import ExecutionLedger
from functions.execute.accounts import Accounts
from functions.execute.canceling import cancel_due
from functions.execute.resolving import resolve_unknown
from functions.execute.submitting import Desk as Sender
from functions.execute.syncing import sync_account
from local.tape.sessions import new_york
from tests.contract.brokers.venue import WHALE, AlpacaVenue, start_alpaca
from tests.integration.ledger.desk import NOON, Desk
from tests.integration.ledger.ledger import Ledger, become
from tests.unit.core.doubles import World


class DirectLedger:
    """The functions' transport, without the REST API between: a session and a transaction for each call."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        # As PostgREST does: json where it is json, else text that Postgres takes for what the function wants.
        given = {
            name: Jsonb(value) if isinstance(value, dict | list) else str(value) if isinstance(value, float) else value
            for name, value in arguments.items()
        }
        names = sql.SQL(", ").join(
            sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in given
        )
        with psycopg.connect(self._dsn) as connection:
            become(connection, "fn_execute")
            query = sql.SQL("select public.{}({})").format(sql.Identifier(function), names)
            row = connection.execute(query, given).fetchone()
        assert row is not None
        return row[0]


@pytest.fixture(scope="module")
def _venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlpacaVenue]:
    venue, stop = start_alpaca(new_york(cache=tmp_path_factory.mktemp("calendar")))
    yield venue
    stop()


class Trading:
    """A desk whose account is the whale's at the simulator; SPY trades between 250 and 280 dollars."""

    def __init__(self, desk: Desk, venue: AlpacaVenue) -> None:
        self.desk = desk
        self.venue = venue
        self.broker: Broker = venue.broker("whale", broker_timeout=0.3)
        self.before: dict[str, Callable[[], object]] = {}
        world = World()
        world.clock.at = NOON
        ports = replace(world.ports, ledger=DirectLedger(desk.ledger.dsn), around=self._around)
        ledger = ExecutionLedger(ports.ledger)
        broker = self.broker

        class Handed(Accounts):
            def broker(self, account: UUID) -> Broker:
                return broker

        self.sender = Sender(ports, ledger, Handed(ports, ledger))

    def _around(self, step: str, call: Callable[[], object]) -> object:
        """What happens between the claim and the broker's hearing of it."""
        self.before.get(step, lambda: None)()
        return call()

    def orders(self) -> list[dict[str, Any]]:
        return self.venue.orders("whale")

    def until_broker_says(self, status: str, place: int = 0) -> None:
        for _ in range(300):
            if self.orders()[place]["status"] == status:
                return
            self.venue.move()
        raise AssertionError(f"the market never made it {status}")

    async def working(self, quantity: str = "100", price: str = "200.01") -> UUID:
        trade = self.desk.place("buy", quantity, order_type="limit", price=price)
        assert self.desk.approve(trade) == "approved"
        await self.sender.submit_approved(self.desk.account)
        assert self.desk.status(trade) == "submitted"
        return trade

    def replacing(self, old: UUID, **change: str) -> UUID:
        said = {"idempotency_key": f"{old}", "event_at": NOON.isoformat()} | change
        answer = self.desk.ledger.call("request_replace", "fn_risk", p_trade_id=old, p_change=said)
        new = UUID(answer["trade_id"])
        assert self.desk.approve(new) == "approved"
        return new

    async def send(self) -> None:
        await self.sender.submit_approved(self.desk.account)

    async def sync(self) -> None:
        accounts = {account.broker_account_id: account for account in self.sender.ledger.trading_accounts()}
        await sync_account(self.sender, accounts[self.desk.account], self.broker)

    async def resolve(self) -> None:
        """What the sweep does once the lease is over and the broker has been asked for long enough."""
        self.desk.ledger.tamper(
            "update public.order_attempts set lease_until = 'epoch', answered_at = answered_at - interval '1 minute'"
        )
        await resolve_unknown(self.sender)

    def statuses(self, *trades: UUID) -> list[str]:
        return [self.desk.status(trade) for trade in trades]

    def agrees(self) -> bool:
        """The ledger holds what the broker holds."""
        positions = self.venue.simulator.get("/control/book")["accounts"]
        held = sum(Decimal(row["qty"]) for row in positions[WHALE]["positions"])
        return held == self.desk.position()


@pytest.fixture
def trading(ledger: Ledger, _venue: AlpacaVenue) -> Trading:
    _venue.begin()
    _venue.open()
    return Trading(Desk.open(ledger), _venue)


async def test_replace_when_the_broker_takes_it_then_the_old_order_ends_by_its_word(trading: Trading) -> None:
    old = await trading.working()
    new = trading.replacing(old, price="201.5", quantity="120")
    await trading.send()
    assert trading.statuses(old, new) == ["replace_pending", "submitted"]
    await trading.sync()
    assert trading.statuses(old, new) == ["replaced", "submitted"]
    rows = [(row["status"], row["qty"], row["limit_price"]) for row in trading.orders()]
    assert rows == [("replaced", "100", "200.01"), ("working", "120", "201.5")]


async def test_replace_when_the_new_price_fills_at_once_then_counted_once_on_the_new_order(trading: Trading) -> None:
    old = await trading.working()
    new = trading.replacing(old, price="290")
    await trading.send()
    trading.venue.move(2)
    await trading.sync()
    assert trading.statuses(old, new)[0] == "replaced"
    assert trading.desk.position() > 0
    assert trading.agrees()


async def test_replace_when_the_order_fills_before_the_broker_hears_of_it_then_refused_and_nothing_is_doubled(
    trading: Trading,
) -> None:
    old = await trading.working("3000", "290")
    new = trading.replacing(old, quantity="4000")
    trading.before["broker.replace"] = lambda: trading.until_broker_says("filled")
    await trading.send()
    assert trading.statuses(old, new) == ["submitted", "rejected"]
    await trading.sync()
    assert trading.statuses(old, new) == ["filled", "rejected"]
    assert trading.desk.position() == 3000
    assert trading.agrees()


async def test_replace_when_the_order_is_cancelled_there_first_then_refused_and_both_are_over(trading: Trading) -> None:
    old = await trading.working()
    new = trading.replacing(old, quantity="200")
    trading.before["broker.replace"] = lambda: trading.venue.simulator.trading("whale", "whale-secret").cancel_orders()
    await trading.send()
    await trading.sync()
    assert trading.statuses(old, new) == ["canceled", "rejected"]
    assert [row["status"] for row in trading.orders()] == ["canceled"]


async def test_replace_when_a_part_fills_meanwhile_then_the_whole_is_exactly_what_was_asked(trading: Trading) -> None:
    old = await trading.working("3000", "290")
    new = trading.replacing(old, quantity="3500")
    # None of the fills is on record when the order is replaced: they come late, and are part of the same whole.
    await trading.send()
    filled_before = Decimal(trading.orders()[0]["filled_qty"])
    trading.until_broker_says("filled", place=1)
    await trading.sync()
    assert 0 < filled_before < 3000
    assert trading.statuses(old, new) == ["replaced", "filled"]
    assert trading.desk.position() == 3500
    assert trading.agrees()
    halted = trading.desk.ledger.one(
        "select closed from public.trading_gates where gate_key = %s", f"account:{trading.desk.account}"
    )
    assert not halted


@pytest.mark.parametrize(("switch", "taken"), [("timeout_after_accept", True), ("reset_before_accept", False)])
async def test_replace_when_the_answer_is_lost_then_resolved_by_name_and_sent_at_most_once(
    trading: Trading, switch: str, taken: bool
) -> None:
    old = await trading.working()
    new = trading.replacing(old, price="201.5")
    trading.venue.simulator.fault(switch, method="PATCH")
    await trading.send()
    assert trading.statuses(old, new) == ["replace_pending", "unknown"]
    assert (len(trading.orders()) == 2) is taken
    await trading.resolve()
    await trading.sync()
    assert trading.statuses(old, new) == ["replaced", "submitted"]
    assert [row["status"] for row in trading.orders()] == ["replaced", "working"]


async def test_replace_when_a_cancel_is_wanted_while_the_answer_is_lost_then_the_order_that_lives_is_cancelled(
    trading: Trading,
) -> None:
    old = await trading.working()
    new = trading.replacing(old, price="201.5")
    trading.venue.simulator.fault("timeout_after_accept", method="PATCH")
    await trading.send()
    trading.desk.ledger.call("request_cancel", "fn_risk", p_trade_id=old, p_reason="enough")
    assert trading.statuses(old, new) == ["replace_pending", "unknown"]
    await trading.resolve()
    await trading.sync()
    assert trading.statuses(old, new) == ["replaced", "cancel_pending"]
    await cancel_due(trading.sender)
    await trading.sync()
    assert trading.statuses(old, new) == ["replaced", "canceled"]
    assert [row["status"] for row in trading.orders()] == ["replaced", "canceled"]
