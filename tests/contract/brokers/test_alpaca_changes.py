"""Executions that are taken back or corrected, on Alpaca's stream."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.orders import BrokerFill, BrokerFillChange, TradeUpdate
from functions.brokers.protocol import Connected, Quarantined
from tests.contract.alpaca_simulator.running import ALICE
from tests.contract.brokers.rude import rude_socket, trade_talk
from tests.contract.brokers.venue import NOWHERE, AlpacaVenue, keys, order, settings_for
from tests.unit.brokers.test_alpaca_wire import ORDER

SECONDS = 20
BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("price", [None, "270.01"])
async def test_execution_when_changed_then_the_stream_names_it_and_the_list_has_what_stands(
    price: str | None, opened: AlpacaVenue
) -> None:
    broker = opened.broker()
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        assert isinstance(await anext(updates), Connected)
        await broker.submit(order("one", "3"))
        fills: list[BrokerFill] = []
        while not fills:
            update = await anext(updates)
            assert isinstance(update, TradeUpdate)
            fills += update.fills
        said = {"account_id": ALICE, "execution_id": fills[0].execution_id}
        opened.simulator.post("/control/executions", said if price is None else said | {"price": price})
        told = await anext(updates)
    assert isinstance(told, TradeUpdate)
    (change,) = told.changes
    assert isinstance(change, BrokerFillChange)
    assert (change.corrects, change.broker_order_id) == (fills[0].execution_id, fills[0].broker_order_id)
    assert change.execution_id not in (None, fills[0].execution_id)
    assert told.fills == ()
    listed = [row for row in await broker.fills(BEGINNING) if isinstance(row, BrokerFill)]
    held = {position.symbol: position.quantity for position in await broker.positions()}
    if price is None:
        assert (change.kind, change.quantity, change.price) == ("bust", None, None)
        assert (listed, held) == ([], {})
    else:
        assert (change.kind, change.quantity, change.price) == ("correction", Decimal(3), Decimal(price))
        assert ([fill.price for fill in listed], held) == ([Decimal(price)], {"SPY": Decimal(3)})


@pytest.mark.parametrize(
    "told",
    [
        {"event": "trade_bust"},
        {"event": "trade_bust", "previous_execution_id": 7},
        {"event": "trade_correct", "previous_execution_id": "one"},
        {"event": "trade_correct", "previous_execution_id": "one", "qty": "0", "price": "1"},
        {"event": "trade_correct", "previous_execution_id": "one", "qty": "1", "price": None},
    ],
)
async def test_change_when_it_does_not_say_of_what_or_to_what_then_quarantined_and_never_guessed_at(
    told: dict[str, Any],
) -> None:
    async with rude_socket(trade_talk([told | {"order": ORDER, "timestamp": "2026-03-16T18:38:02Z"}])) as socket:
        broker = AlpacaBroker(keys("any"), settings_for(NOWHERE, socket), is_paper=True)
        async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
            assert isinstance(await anext(updates), Connected)
            assert isinstance(await anext(updates), Quarantined)
