"""The account itself: who it is, what it may do, closing all or one, and what the broker books besides fills."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest

from functions.brokers.errors import Rejected
from functions.brokers.holdings import BrokerActivity
from tests.contract.brokers.venue import Venue, order

BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)
RESTING: Final[dict[str, Any]] = {"order_type": "limit", "limit_price": Decimal("200.01")}


async def test_rules_when_read_then_they_say_who_the_account_is_and_what_it_may_do(venue: Venue) -> None:
    rules, cash = await venue.broker().rules(), await venue.broker("carol").rules()
    assert (rules.is_paper, rules.is_margin, rules.may_short) == (True, True, True)
    assert (rules.options_level, rules.closing_only, rules.blocked) == (3, False, None)
    assert (cash.may_short, cash.is_margin) == (False, False)
    assert len({rules.account_number, cash.account_number}) == 2


async def test_account_when_read_then_it_changes_nothing_and_every_amount_is_exact(venue: Venue) -> None:
    broker = venue.broker("carol")
    await broker.submit(order("bought", "3"))
    first, second = await broker.account(), await broker.account()
    assert first == second
    assert first.cash == Decimal(venue.book("carol")["cash"]) or first.cash >= Decimal(venue.book("carol")["cash"])
    assert first.equity > 0


async def test_close_position_when_long_then_all_or_a_part_of_it_is_sold(venue: Venue) -> None:
    broker = venue.broker()
    await broker.submit(order("in", "5"))
    part = await broker.close_position("SPY", "part", Decimal(2))
    assert (part.client_order_id, part.side, part.order_type, part.quantity) == ("part", "sell", "market", Decimal(2))
    assert [position.quantity for position in await broker.positions()] == [Decimal(3)]
    await broker.close_position("SPY", "rest")
    assert await broker.positions() == []


async def test_close_position_when_short_then_it_is_bought_back(venue: Venue) -> None:
    broker = venue.broker()
    await broker.submit(order("in", "4", "sell"))
    closed = await broker.close_position("SPY", "out")
    assert (closed.side, closed.quantity) == ("buy", Decimal(4))
    assert await broker.positions() == []


async def test_close_position_when_asked_twice_then_it_is_closed_once(venue: Venue) -> None:
    broker = venue.broker()
    await broker.submit(order("in", "3"))
    first = await broker.close_position("SPY", "out")
    again = await broker.close_position("SPY", "out")
    assert again.broker_order_id == first.broker_order_id
    assert await broker.positions() == []
    assert venue.submits() == 2


async def test_close_position_when_flat_or_for_more_than_is_held_then_it_is_rejected(venue: Venue) -> None:
    broker = venue.broker()
    with pytest.raises(Rejected):
        await broker.close_position("SPY", "flat")
    await broker.submit(order("in", "3"))
    with pytest.raises(Rejected):
        await broker.close_position("SPY", "more", Decimal(5))
    assert [position.quantity for position in await broker.positions()] == [Decimal(3)]


async def test_cancel_all_when_orders_work_then_each_has_its_outcome(venue: Venue) -> None:
    broker = venue.broker()
    await broker.submit(order("over"))
    sent = {(await broker.submit(order(name, **RESTING))).broker_order_id for name in ("one", "two")}
    assert await broker.cancel_all("IWM") == []
    outcomes = await broker.cancel_all("SPY")
    assert {one.broker_order_id for one in outcomes if one.accepted} == sent
    assert await broker.open_orders() == []
    await broker.submit(order("three", **RESTING))
    (outcome,) = await broker.cancel_all()
    assert outcome.accepted
    assert await broker.cancel_all() == []


@pytest.mark.parametrize(
    ("kind", "amount", "symbol"),
    [
        ("dividend", "12.34", "SPY"),
        ("interest", "0.07", None),
        ("deposit", "2500", None),
        ("withdrawal", "-300.5", None),
        ("fee", "-1.25", None),
    ],
)
async def test_activities_when_the_broker_books_money_then_it_is_told_once_in_the_ledgers_words(
    kind: str, amount: str, symbol: str | None, venue: Venue
) -> None:
    broker = venue.broker()
    await broker.submit(order("a-fill-is-no-activity"))
    cash = (await broker.account()).cash
    venue.books(kind, amount, symbol)
    rows = await broker.activities(BEGINNING)
    (told,) = rows
    assert isinstance(told, BrokerActivity)
    assert (told.kind, told.amount, told.symbol) == (kind, Decimal(amount), symbol)
    assert told.occurred_at.utcoffset() is not None
    assert await broker.activities(BEGINNING) == rows
    assert (await broker.account()).cash == cash + Decimal(amount)
