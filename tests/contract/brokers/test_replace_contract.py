"""A working order is replaced at the broker: by a new order of its own name, once, or not at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.errors import Rejected, Unsupported
from functions.brokers.orders import OrderChange
from functions.brokers.protocol import Quarantined
from tests.contract.brokers.venue import AlpacaVenue, Venue, order

LIMIT: dict[str, Any] = {"order_type": "limit", "limit_price": Decimal("200.01")}


def change(client_order_id: str = "new", quantity: str = "10", **more: Any) -> OrderChange:
    return OrderChange(client_order_id=client_order_id, quantity=Decimal(quantity), **more)


async def test_replace_when_the_order_works_then_a_new_one_takes_its_place(venue: Venue) -> None:
    broker = venue.broker()
    old = await broker.submit(order("old", "10", **LIMIT))
    quantity = "12" if broker.capabilities.replaces_quantity else "10"
    new = await broker.replace(old.broker_order_id, change(quantity=quantity, limit_price=Decimal("201.5")))
    assert new.broker_order_id != old.broker_order_id
    found, before = await broker.find_order("new"), await broker.find_order("old")
    assert found is not None
    assert before is not None
    assert (found.quantity, found.limit_price, found.state) == (
        Decimal(quantity),
        Decimal("201.5"),
        "submitted",
    )
    assert (before.state, before.replaced_by, found.replaces) == ("replaced", new.broker_order_id, old.broker_order_id)
    (working,) = await broker.open_orders()
    assert not isinstance(working, Quarantined)
    assert working.client_order_id == "new"


async def test_replace_when_a_trailing_stop_then_its_own_kind_of_trail_is_changed(opened: AlpacaVenue) -> None:
    broker = opened.broker()
    by_price = await broker.submit(order("price", order_type="trailing_stop", trail_price=Decimal("5.5")))
    by_percent = await broker.submit(order("percent", order_type="trailing_stop", trail_percent=Decimal("2.5")))
    await broker.replace(by_price.broker_order_id, change("price-2", "1", trail_price=Decimal("6.5")))
    await broker.replace(by_percent.broker_order_id, change("percent-2", "1", trail_percent=Decimal("3.5")))
    trails = {row["client_order_id"]: (row["trail_price"], row["trail_percent"]) for row in opened.orders()}
    assert (trails["price-2"], trails["percent-2"]) == (("6.5", None), (None, "3.5"))


async def test_replace_when_the_order_is_over_then_rejected_and_nothing_new_works(venue: Venue) -> None:
    broker = venue.broker()
    filled = await broker.submit(order("old", "1"))
    canceled = await broker.submit(order("gone", **LIMIT))
    await broker.cancel(canceled.broker_order_id)
    for over in (filled.broker_order_id, canceled.broker_order_id, "00000000-0000-4000-8000-000000000000"):
        with pytest.raises(Rejected):
            await broker.replace(over, change(limit_price=Decimal("201.5")))
    assert await broker.find_order("new") is None
    assert await broker.open_orders() == []


async def test_replace_when_asked_twice_under_one_name_then_one_order(venue: Venue) -> None:
    broker = venue.broker()
    old = await broker.submit(order("old", "10", **LIMIT))
    first = await broker.replace(old.broker_order_id, change(limit_price=Decimal("201.5")))
    again = await broker.replace(old.broker_order_id, change(limit_price=Decimal("201.5")))
    assert again.broker_order_id == first.broker_order_id
    assert len(venue.orders()) == 2


async def test_replace_when_of_a_fraction_then_unsupported_and_nothing_is_sent(opened: AlpacaVenue) -> None:
    broker = opened.broker()
    old = await broker.submit(order("old", "10", **LIMIT))
    with pytest.raises(Unsupported):
        await broker.replace(old.broker_order_id, change(quantity="10.5"))
    assert opened.sent("PATCH", f"/v2/orders/{old.broker_order_id}") == 0


async def test_replace_when_the_quantity_changes_and_the_broker_cannot_then_unsupported_and_nothing_is_sent(
    venue: Venue,
) -> None:
    broker = venue.broker()
    old = await broker.submit(order("old", "10", **LIMIT))
    if broker.capabilities.replaces_quantity:
        assert (await broker.replace(old.broker_order_id, change(quantity="12"))).quantity == Decimal(12)
        return
    with pytest.raises(Unsupported):
        await broker.replace(old.broker_order_id, change(quantity="12"))
    assert venue.changes() == 0
