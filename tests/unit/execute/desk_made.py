"""A desk whose broker and ledger are in memory and write into one journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.holdings import AccountRules, AccountSnapshot, BrokerActivity, BrokerPosition
from functions.brokers.markets import MarketClock
from functions.brokers.orders import (
    BrokerFill,
    BrokerOrder,
    CancelOutcome,
    OrderChange,
    OrderPreview,
    OrderRequest,
    TradeUpdate,
)
from functions.brokers.protocol import Connected, Quarantined
from functions.core.errors import Misconfigured
from functions.core.identity import named_uuid
from functions.core.ledger.executing import ClaimedOrder, ExecutionLedger, TradingAccount
from functions.execute.accounts import Accounts
from functions.execute.submitting import Desk
from tests.unit.core.doubles import NOW, Journal, Turns, World

ALICE, BOB = named_uuid("alice"), named_uuid("bob")
Message = Connected | TradeUpdate | Quarantined


def trade(number: int) -> UUID:
    return named_uuid("trade", number)


def claimed_row(number: int = 1, account: UUID = ALICE, **more: Any) -> dict[str, Any]:
    """A claimed order as the ledger answers it."""
    row: dict[str, Any] = {
        "claimed": True,
        "trade_id": str(trade(number)),
        "user_id": str(named_uuid("user")),
        "broker_account_id": str(account),
        "client_order_id": f"at-{number}",
        "symbol": "SPY",
        "side": "buy",
        "order_type": "limit",
        "time_in_force": "day",
        "quantity": "10",
        "notional": None,
        "price": "270.10",
        "stop_price": None,
        "trail_price": None,
        "trail_percent": None,
        "position_intent": "buy_to_open",
        "multi_leg": False,
        "replaces_trade_id": None,
        "replaces_broker_order_id": None,
        "good_until": (NOW + timedelta(minutes=1)).isoformat(),
        "attempt": 1,
    }
    return row | more


def claimed(number: int = 1, account: UUID = ALICE, **more: Any) -> ClaimedOrder:
    return ClaimedOrder.model_validate(claimed_row(number, account, **more))


def waiting(number: int, account: UUID = ALICE) -> dict[str, Any]:
    return {"trade_id": str(trade(number)), "broker_account_id": str(account)}


def account_row(account: UUID = ALICE, broker: str = "alpaca") -> dict[str, Any]:
    return {
        "broker_account_id": str(account),
        "user_id": str(named_uuid("user")),
        "broker": broker,
        "account_id": "PA1",
        "is_paper": True,
        "working": True,
        "trading_entered_at": NOW.isoformat(),
        "link_state": "verified",
    }


def at_broker(client_order_id: str = "at-1", **more: Any) -> BrokerOrder:
    """The order as the broker has it."""
    values: dict[str, Any] = {
        "broker_order_id": f"b-{client_order_id}",
        "client_order_id": client_order_id,
        "symbol": "SPY",
        "side": "buy",
        "order_type": "limit",
        "state": "submitted",
        "raw_status": "new",
        "quantity": Decimal(10),
        "filled_quantity": Decimal(0),
        "limit_price": Decimal("270.10"),
        "stop_price": None,
        "updated_at": NOW,
    }
    return BrokerOrder(**(values | more))


def execution(number: int = 1, order: str = "b-at-1", **more: Any) -> BrokerFill:
    values: dict[str, Any] = {
        "execution_id": f"e-{number}",
        "broker_order_id": order,
        "client_order_id": None,
        "symbol": "SPY",
        "side": "buy",
        "quantity": Decimal(1),
        "price": Decimal("270.10"),
        "cumulative_quantity": Decimal(number),
        "executed_at": NOW,
    }
    return BrokerFill(**(values | more))


RULES = AccountRules(
    account_number="PA1",
    is_paper=True,
    is_margin=True,
    options_level=3,
    may_short=True,
    closing_only=False,
    blocked=None,
)


class ScriptedBroker:
    """A broker that answers what it was told to, and journals what it was asked; an error is raised."""

    name = "alpaca"
    capabilities = AlpacaBroker.capabilities

    def __init__(self, journal: Journal, name: str = "broker", **answers: Any) -> None:
        self.journal = journal
        self._name = name
        self.answers: dict[str, Any] = {
            "account": AccountSnapshot(cash=Decimal(5), equity=Decimal(7), buying_power=None),
            "positions": [],
            "open_orders": [],
            "find_order": None,
            "find_orders": [],
            "order": None,
            "cancel": None,
            "fills": [],
            "activities": [],
            "rules": RULES,
            "clock": MarketClock(now=NOW, is_open=True),
        } | answers
        self.arriving: asyncio.Queue[Message | Exception] = asyncio.Queue()
        self.streams = 0

    def _answer(self, step: str, given: Any = None) -> Any:
        self.journal.append((f"{self._name}.{step}", given))
        answer = self.answers[step]
        if isinstance(answer, Turns):
            answer = answer.next()
        if isinstance(answer, Exception):
            raise answer
        return answer(given) if callable(answer) else answer

    async def account(self) -> AccountSnapshot:
        found: AccountSnapshot = self._answer("account")
        return found

    async def positions(self) -> list[BrokerPosition]:
        found: list[BrokerPosition] = self._answer("positions")
        return found

    async def open_orders(self) -> list[BrokerOrder | Quarantined]:
        found: list[BrokerOrder | Quarantined] = self._answer("open_orders")
        return found

    async def find_order(self, client_order_id: str) -> BrokerOrder | None:
        found: BrokerOrder | None = self._answer("find_order", client_order_id)
        return found

    async def find_orders(self, client_order_id: str) -> list[BrokerOrder]:
        found: list[BrokerOrder] = self._answer("find_orders", client_order_id)
        return found

    async def order(self, broker_order_id: str) -> BrokerOrder | None:
        found: BrokerOrder | None = self._answer("order", broker_order_id)
        return found

    async def submit(self, order: OrderRequest) -> BrokerOrder:
        found: BrokerOrder = self._answer("submit", order)
        return found

    async def replace(self, broker_order_id: str, change: OrderChange) -> BrokerOrder:
        found: BrokerOrder = self._answer("replace", (broker_order_id, change))
        return found

    async def cancel(self, broker_order_id: str) -> None:
        self._answer("cancel", broker_order_id)

    async def fills(self, since: datetime) -> list[BrokerFill | Quarantined]:
        found: list[BrokerFill | Quarantined] = self._answer("fills", since)
        return found

    async def activities(self, since: datetime) -> list[BrokerActivity | Quarantined]:
        found: list[BrokerActivity | Quarantined] = self._answer("activities", since)
        return found

    async def rules(self) -> AccountRules:
        found: AccountRules = self._answer("rules")
        return found

    async def preview(self, order: OrderRequest) -> OrderPreview:
        found: OrderPreview = self._answer("preview", order)
        return found

    async def cancel_all(self, symbol: str | None = None) -> list[CancelOutcome]:
        found: list[CancelOutcome] = self._answer("cancel_all", symbol)
        return found

    async def close_position(self, symbol: str, client_order_id: str, quantity: Decimal | None = None) -> BrokerOrder:
        found: BrokerOrder = self._answer("close_position", (symbol, client_order_id, quantity))
        return found

    async def exercise(self, symbol: str) -> None:
        self._answer("exercise", symbol)

    async def do_not_exercise(self, symbol: str) -> None:
        self._answer("do_not_exercise", symbol)

    async def aclose(self) -> None:
        """Nothing is held."""

    async def clock(self) -> MarketClock:
        found: MarketClock = self._answer("clock")
        return found

    async def trade_updates(self) -> AsyncGenerator[Message, None]:
        self.streams += 1
        try:
            yield Connected()
            while True:
                message = await self.arriving.get()
                if isinstance(message, Exception):
                    raise message
                yield message
        finally:
            self.streams -= 1


class HandedAccounts(Accounts):
    """Accounts whose brokers are handed over; one that is not there has no keys."""

    def __init__(self, world: World, brokers: dict[UUID, Any]) -> None:
        super().__init__(world.ports, ExecutionLedger(world.ledger))
        self.handed: dict[UUID, Any] = brokers
        self.forgotten: list[UUID] = []

    def broker(self, account: UUID) -> Any:
        if account not in self.handed:
            raise Misconfigured("NO_BROKER_KEYS", f"there are no keys for the account {account}")
        return self.handed[account]

    def broker_of(self, account: TradingAccount) -> Any:
        return self.broker(account.broker_account_id)

    def renewed(self, account: UUID) -> Any:
        """Nobody enters keys here."""
        return None

    def forget(self, account: UUID) -> None:
        self.forgotten.append(account)


def desk_of(world: World, brokers: dict[UUID, Any]) -> Desk:
    return Desk(world.ports, ExecutionLedger(world.ledger), HandedAccounts(world, brokers))
