"""The guard before every broker: one that is down is left alone, one that asks to slow down is, and cancels pass."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.alpaca_market_data import AlpacaMarketData
from functions.brokers.breaker import Breaker, BreakerRule
from functions.brokers.errors import BadCredentials, NotConnected, NotSent
from functions.brokers.guard import Guard
from functions.brokers.protocol import Broker, MarketData
from functions.brokers.rate_budget import Rate, RateBudget
from functions.brokers.tastytrade import TastytradeBroker
from functions.brokers.tastytrade_market_data import TastytradeMarketData
from tests.contract.brokers.rude import RudeServer
from tests.contract.brokers.tastytrade_login import TOKEN, login, tastytrade_settings
from tests.contract.brokers.tastytrade_venue import NUMBERS
from tests.contract.brokers.venue import Venue, keys, order
from tests.unit.brokers.test_rate_budget import CountedStore, Hand

RULE = BreakerRule(failures=3, seconds=5.0, most_seconds=60.0)
RESTING: dict[str, Any] = {"order_type": "limit", "limit_price": Decimal("200.01")}


def guarded() -> tuple[Guard, Hand]:
    hot, hand = CountedStore(), Hand()
    return Guard(RateBudget(hot, "key", Rate.of(600), hand), Breaker(hot, "broker", RULE, hand), lambda _: None), hand


def broker_of(venue: Venue, guard: Guard) -> Broker:
    settings: Any = venue.settings(broker_timeout=20)  # type: ignore[attr-defined] # both venues have them
    if venue.name == "alpaca":
        return AlpacaBroker(keys("alice"), settings, is_paper=True, guard=guard)
    return TastytradeBroker(login("alice"), settings, account_number=NUMBERS["alice"], is_paper=True, guard=guard)


def data_of(venue: Venue, guard: Guard) -> MarketData:
    settings: Any = venue.settings(broker_timeout=20)  # type: ignore[attr-defined] # both venues have them
    if venue.name == "alpaca":
        return AlpacaMarketData(keys("data"), settings, guard)
    return TastytradeMarketData(login("alice"), settings, is_paper=True, guard=guard)


async def code_of(call: Any) -> str:
    with pytest.raises((NotConnected, NotSent)) as caught:
        await call
    return caught.value.code


async def test_guard_when_the_broker_fails_again_and_again_then_nothing_is_sent_until_a_probe_is_answered(
    venue: Venue,
) -> None:
    guard, hand = guarded()
    broker = broker_of(venue, guard)
    resting = await broker.submit(order("rests", **RESTING))
    venue.fault("reset_before_accept", -1, method="GET", path="/")
    for _ in range(RULE.failures):
        assert await code_of(broker.positions()) != "BROKER_DOWN"
    before = venue.submits()
    assert await code_of(broker.positions()) == "BROKER_DOWN"
    assert await code_of(broker.submit(order("held back"))) == "BROKER_DOWN"
    assert venue.submits() == before
    # The probe finds it still down.
    hand.at += RULE.seconds + RULE.look_again
    assert await code_of(broker.positions()) != "BROKER_DOWN"
    assert await code_of(broker.positions()) == "BROKER_DOWN"
    venue.heal()
    # A cancel asks nobody; that it was answered says that the broker is back.
    await broker.cancel(resting.broker_order_id)
    assert [row["status"] for row in venue.orders()] == ["canceled"]
    await broker.positions()
    await broker.submit(order("goes"))


async def test_guard_when_the_broker_asks_to_slow_down_then_only_cancels_and_closes_go(venue: Venue) -> None:
    guard, hand = guarded()
    broker = broker_of(venue, guard)
    await broker.submit(order("in", "2"))
    resting = await broker.submit(order("rests", **RESTING))
    venue.fault("reject_429", method="GET", path="/")
    await code_of(broker.open_orders())
    assert await code_of(broker.open_orders()) == "RATE_BUDGET"
    before = venue.submits()
    assert await code_of(broker.submit(order("held back"))) == "RATE_BUDGET"
    assert venue.submits() == before
    await broker.cancel(resting.broker_order_id)
    await broker.close_position("SPY", "out")
    assert venue.book()["positions"] == []
    # Flat by now, and asked again: its name is looked for, urgently too.
    assert (await broker.close_position("SPY", "out")).client_order_id == "out"
    hand.at += 120
    await broker.open_orders()


async def test_guard_when_market_data_fails_again_and_again_then_it_is_left_alone_too(venue: Venue) -> None:
    guard, hand = guarded()
    data = data_of(venue, guard)
    venue.fault("reset_before_accept", RULE.failures, method="GET", path="/")
    for _ in range(RULE.failures):
        assert await code_of(data.clock()) != "BROKER_DOWN"
    assert await code_of(data.clock()) == "BROKER_DOWN"
    hand.at += RULE.seconds + RULE.look_again
    await data.clock()
    await data.clock()


# --- what only a broker that is signed in to meets ------------------------------------------------------------------


def signing_in(rude: RudeServer, guard: Guard) -> TastytradeBroker:
    settings = tastytrade_settings(rude.url, "ws://127.0.0.1:9")
    return TastytradeBroker(login("any"), settings, account_number="5WT00001", is_paper=True, guard=guard)


async def test_guard_when_sign_in_is_down_then_that_counts_and_the_probe_is_given_back(rude: RudeServer) -> None:
    guard, hand = guarded()
    broker = signing_in(rude, guard)
    rude.says(503, {})
    for _ in range(RULE.failures):
        assert await code_of(broker.positions()) == "TASTYTRADE_UNAVAILABLE"
    asked = len(rude.asked)
    assert await code_of(broker.positions()) == "BROKER_DOWN"
    assert len(rude.asked) == asked
    hand.at += RULE.seconds + RULE.look_again
    assert await code_of(broker.positions()) == "TASTYTRADE_UNAVAILABLE"
    assert await code_of(broker.positions()) == "BROKER_DOWN"
    hand.at += RULE.seconds * 2 + RULE.look_again
    rude.says(200, TOKEN)
    rude.then(200, {"data": {"items": []}})
    assert await broker.positions() == []
    assert await broker.positions() == []


async def test_guard_when_the_login_is_refused_then_the_broker_is_not_down(rude: RudeServer) -> None:
    guard, _ = guarded()
    broker = signing_in(rude, guard)
    rude.says(401, {"error": "invalid_grant"})
    for _ in range(RULE.failures + 1):
        with pytest.raises(BadCredentials):
            await broker.positions()


async def test_guard_when_the_probe_is_abandoned_then_the_next_call_is_the_probe(tastytrade: Venue) -> None:
    guard, hand = guarded()
    let_through = threading.Event()

    class Watched(Guard):
        """Says when a call was let through."""

        def admit(self, *, urgent: bool = False) -> None:
            super().admit(urgent=urgent)
            let_through.set()

    broker = broker_of(tastytrade, Watched(guard.budget, guard.breaker))
    await broker.positions()
    let_through.clear()
    for _ in range(RULE.failures):
        guard.failed()
    hand.at += RULE.seconds + RULE.look_again
    tastytrade.fault("timeout_after_accept", method="GET", path="/")
    probe = asyncio.create_task(broker.positions())
    await asyncio.to_thread(let_through.wait, 20)
    assert await code_of(broker.positions()) == "BROKER_DOWN"
    probe.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await probe
    tastytrade.heal()
    assert await broker.positions() == []
