"""An approved order of several legs on its way to the broker and back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.brokers.orders import BrokerLeg, BrokerOrder, OrderLeg, OrderRequest
from functions.core.ledger.executing import ExecutionLedger
from functions.execute.accounts import Accounts
from functions.execute.submitting import Desk as TradingDesk
from functions.execute.witnessing import record_fill, record_order
from tests.integration.ledger.desk import NOON, Desk
from tests.integration.ledger.ledger import Direct, Ledger
from tests.unit.core.doubles import World
from tests.unit.execute.desk_made import ScriptedBroker, at_broker, execution

LOWER, UPPER = "SPY131019P00160000", "SPY131019P00165000"


@pytest.fixture(scope="module", autouse=True)
def _options(ledger: Ledger) -> None:
    for symbol in (LOWER, UPPER):
        ledger.run(
            "insert into public.instruments (symbol, kind, multiplier, source) values (%s, 'option', 100, 'test')",
            symbol,
        )


class OneBroker(Accounts):
    """Every account is at this broker."""

    def __init__(self, world: World, ledger: ExecutionLedger, broker: ScriptedBroker) -> None:
        super().__init__(world.ports, ledger)
        self._only = broker

    def broker(self, account: UUID) -> Any:
        return self._only


def trading_desk(desk: Desk, **answers: Any) -> tuple[TradingDesk, ScriptedBroker]:
    """The real functions on the real ledger, before a broker that answers as told; it is noon there."""
    world = World()
    world.clock.at = NOON
    reach = replace(world.ports, ledger=Direct(desk.ledger, "fn_execute"))
    broker = ScriptedBroker(world.journal, **answers)
    ledger = ExecutionLedger(reach.ledger)
    return TradingDesk(reach, ledger, OneBroker(world, ledger, broker)), broker


def approved_by_hand(desk: Desk, trade: UUID) -> None:
    """Risk does not judge several legs yet: an administrator lets this one through."""
    desk.ledger.run("update public.trades set status = 'approved' where id = %s", trade)


def sent(broker: ScriptedBroker) -> list[OrderRequest]:
    return [given for name, given in broker.journal if name == "broker.submit"]


async def test_vertical_when_approved_then_sent_with_intents_and_net_price_and_its_fills_make_both_positions(
    desk: Desk,
) -> None:
    legs = [
        {"symbol": UPPER, "side": "sell", "position_intent": "sell_to_open"},
        {"symbol": LOWER, "side": "buy", "position_intent": "buy_to_open"},
    ]
    order = {"order_type": "limit", "price": "-0.55", "quantity": "3", "legs": legs, "idempotency_key": "vertical"}
    placed = desk.ledger.call(
        "place_trade", "authenticated", desk.user, p_order=order | {"broker_account_id": str(desk.account)}
    )
    trade = UUID(placed["trade_id"])
    approved_by_hand(desk, trade)
    answered = at_broker(placed["client_order_id"], symbol=UPPER, order_class="multi_leg", quantity=Decimal(3))
    trading, broker = trading_desk(desk, submit=answered)

    await trading.submit_approved(desk.account)

    (request,) = sent(broker)
    assert (request.order_class, request.quantity, request.limit_price) == ("multi_leg", Decimal(3), Decimal("-0.55"))
    assert request.legs == (
        OrderLeg(symbol=UPPER, side="sell", position_intent="sell_to_open"),
        OrderLeg(symbol=LOWER, side="buy", position_intent="buy_to_open"),
    )
    assert desk.status(trade) == "submitted"

    def fill(number: int, leg: int, symbol: str, side: str, quantity: int, price: str) -> bool:
        told = execution(
            number,
            answered.broker_order_id,
            leg=leg,
            symbol=symbol,
            side=side,
            quantity=Decimal(quantity),
            cumulative_quantity=Decimal(quantity),
            price=Decimal(price),
        )
        return record_fill(trading.ledger, desk.account, told, "stream", answered)

    assert fill(1, 0, UPPER, "sell", 3, "1.20")
    assert desk.status(trade) == "partially_filled"
    # The broker calls it over while one leg's execution is still on its way.
    over = replace(
        answered,
        state="canceled",
        filled_quantity=Decimal(0),
        legs=(_leg(UPPER, "sell", 3), _leg(LOWER, "buy", 2)),
    )
    assert record_order(trading.ledger, desk.account, over) == "partially_filled"
    assert fill(2, 1, LOWER, "buy", 3, "0.65")
    assert not fill(2, 1, LOWER, "buy", 3, "0.65")
    assert desk.status(trade) == "filled"
    assert (desk.position(UPPER), desk.position(LOWER)) == (-3, 3)
    assert desk.ledger.rows("select filled_quantity, fill_price from public.trades where id = %s", trade) == [
        (3, Decimal("-0.55"))
    ]


async def test_single_option_when_approved_then_sent_with_its_intent_and_filled(desk: Desk) -> None:
    trade = desk.place_by_hand("single", "buy", "2", symbol=UPPER, order_type="limit", price="1.20")
    assert desk.approve(trade) == "approved"
    client_order_id = desk.ledger.one("select client_order_id from public.trades where id = %s", trade)
    answered: BrokerOrder = at_broker(client_order_id, symbol=UPPER, quantity=Decimal(2))
    trading, broker = trading_desk(desk, submit=answered)

    await trading.submit_approved(desk.account)

    (request,) = sent(broker)
    assert (request.symbol, request.position_intent, request.order_class) == (UPPER, "buy_to_open", "simple")
    assert request.legs == ()
    told = execution(2, answered.broker_order_id, symbol=UPPER, quantity=Decimal(2), price=Decimal("1.10"), side="buy")
    assert record_fill(trading.ledger, desk.account, told, "activities", answered)
    assert (desk.status(trade), desk.position(UPPER)) == ("filled", 2)
    assert desk.ledger.one(
        "select cost_basis from public.position_books where broker_account_id = %s and symbol = %s", desk.account, UPPER
    ) == Decimal(220)


def _leg(symbol: str, side: Any, filled: int) -> BrokerLeg:
    return BrokerLeg(
        symbol=symbol, side=side, position_intent=None, quantity=Decimal(3), filled_quantity=Decimal(filled)
    )
