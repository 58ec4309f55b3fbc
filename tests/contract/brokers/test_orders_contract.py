"""Every order type, class and time in force: sent exactly as asked, or refused before anything is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest

from functions.brokers.errors import Rejected, Unsupported
from functions.brokers.orders import OrderLeg, StopLoss, TakeProfit
from tests.contract.brokers.conformance import told
from tests.contract.brokers.venue import Venue, order

LIMIT: Final[dict[str, Any]] = {"limit_price": Decimal("200.01")}
STOP: Final[dict[str, Any]] = {"stop_price": Decimal("300.1")}
STOP_LIMIT: Final[dict[str, Any]] = STOP | {"limit_price": Decimal("300.15")}
PRICES: Final[dict[str, dict[str, Any]]] = {
    "market": {},
    "limit": LIMIT,
    "stop": STOP,
    "stop_limit": STOP_LIMIT,
    "trailing_stop": {"trail_price": Decimal("1.5")},
    "iceberg": LIMIT,
}
TIMES: Final = ("day", "gtc", "ioc", "fok", "opg", "cls", "gtd")
TRIGGERED: Final = ("stop", "stop_limit", "trailing_stop")
AT_ONCE: Final = ("ioc", "fok", "opg", "cls")
NOT_TOGETHER: Final[dict[str, dict[tuple[str, str], type[Exception]]]] = {
    "alpaca": {(kind, time): Rejected for kind in TRIGGERED for time in AT_ONCE},
    "tastytrade": {
        ("market", "gtc"): Unsupported,
        ("stop", "gtc"): Unsupported,
    },
}
"""Of what each broker declares, what it does not take together, and who says so."""
CALL, PUT = "SPY180216C00280000", "SPY180216P00260000"


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("kind", PRICES)
async def test_submit_when_of_a_type_and_time_in_force_then_the_broker_has_exactly_that_or_nothing_is_sent(
    kind: str, time: str, closed_venue: Venue, request: pytest.FixtureRequest
) -> None:
    venue = closed_venue
    if time != "opg":
        # Opening auctions are for orders that come before them.
        venue.open()
    broker = venue.broker()
    can, asked = broker.capabilities, order("one", order_type=kind, time_in_force=time, **PRICES[kind])
    is_declared = kind in can.order_types and time in can.times_in_force
    refusal = NOT_TOGETHER[venue.name].get((kind, time)) if is_declared else Unsupported
    if refusal is not None:
        with pytest.raises(refusal):
            await broker.submit(asked)
        assert venue.orders() == []
        assert venue.submits() == (0 if refusal is Unsupported else 1)
        told(request, f"{kind} {time}", refusal.__name__.lower())
        return
    answered = await broker.submit(asked)
    found = await broker.find_order("one")
    assert found is not None
    assert found.broker_order_id == answered.broker_order_id
    assert (found.symbol, found.side, found.order_type) == ("SPY", "buy", kind)
    assert (found.quantity, found.limit_price, found.time_in_force) == (Decimal(1), asked.limit_price, time)
    assert kind == "trailing_stop" or found.stop_price == asked.stop_price
    assert found.updated_at.tzinfo is not None
    (row,) = venue.orders()
    assert (row["type"], row["time_in_force"], row["qty"]) == (kind, time, "1")
    for name in ("limit_price", "stop_price", "trail_price"):
        said = getattr(asked, name)
        assert (kind, name) == ("trailing_stop", "stop_price") or row[name] == (None if said is None else str(said))
    told(request, f"{kind} {time}", "taken")


@pytest.mark.parametrize("kind", ["limit", "stop_limit", "market"])
async def test_submit_when_it_sells_short_then_the_broker_has_a_sale_that_opens(kind: str, venue: Venue) -> None:
    prices = {"limit": {"limit_price": Decimal("300.01")}, "stop_limit": {}, "market": {}}[kind]
    if kind == "stop_limit":
        prices = {"stop_price": Decimal(200), "limit_price": Decimal("199.5")}
    broker = venue.broker()
    await broker.submit(order("short", "2", "sell", order_type=kind, **prices))
    (row,) = venue.orders()
    assert (row["side"], row["type"], row["qty"]) == ("sell", kind, "2")
    found = await broker.find_order("short")
    assert found is not None
    assert (found.side, found.limit_price) == ("sell", prices.get("limit_price"))


@pytest.mark.parametrize("amount", ["quantity", "notional"])
async def test_submit_when_of_a_fraction_or_of_dollars_then_exactly_that_is_bought(
    amount: str, venue: Venue, request: pytest.FixtureRequest
) -> None:
    broker = venue.broker()
    part: dict[str, Any] = {"quantity": Decimal("0.123456789")}
    asked = part if amount == "quantity" else {"quantity": None, "notional": Decimal("1000.55")}
    assert broker.capabilities.fractional
    assert broker.capabilities.notional
    await broker.submit(order("part", **asked))
    found = await broker.find_order("part")
    assert found is not None
    assert found.state == "filled"
    (row,) = venue.orders()
    if amount == "quantity":
        assert found.filled_quantity == asked["quantity"]
    else:
        assert row["notional"] == "1000.55"
        assert found.average_price is not None
        assert 0 < found.filled_quantity * found.average_price <= Decimal("1000.55")
    told(request, f"market, of a {'fraction' if amount == 'quantity' else 'notional amount'}", "taken")


BRACKET: Final[dict[str, Any]] = {
    "order_class": "bracket",
    "take_profit": TakeProfit(Decimal(400)),
    "stop_loss": StopLoss(Decimal(100)),
}
LEGS: Final = (
    OrderLeg(symbol=CALL, side="buy", position_intent="buy_to_open"),
    OrderLeg(symbol=PUT, side="buy", position_intent="buy_to_open"),
)
SPREAD: Final[dict[str, Any]] = {
    "symbol": CALL,
    "order_type": "limit",
    "limit_price": Decimal(1),
    "order_class": "multi_leg",
    "legs": LEGS,
}
NOT_OFFERED: Final[dict[str, dict[str, Any]]] = {
    "class": {"order_class": "butterfly"},
    "crypto": {"symbol": "BTC/USD"},
    "future": {"symbol": "ESH8"},
    "bracket without stop": BRACKET | {"stop_loss": None},
    "bracket without target": BRACKET | {"take_profit": None},
    "oco without stop": BRACKET | {"order_class": "oco", "stop_loss": None, "side": "sell"},
    "oto without exits": {"order_class": "oto"},
    "oto with both exits": BRACKET | {"order_class": "oto"},
    "bracket of dollars": BRACKET | {"quantity": None, "notional": Decimal(1000)},
    "option of dollars": {"symbol": CALL, "quantity": None, "notional": Decimal(1000)},
    "option of a fraction": {"symbol": CALL, "quantity": Decimal("1.5")},
    "option trailing": {"symbol": CALL, "order_type": "trailing_stop", "trail_price": Decimal(1)},
    "one leg": SPREAD | {"legs": LEGS[:1]},
    "no legs": SPREAD | {"legs": ()},
    "a leg twice": SPREAD | {"legs": (LEGS[0], LEGS[0])},
    "ratios not in lowest terms": SPREAD
    | {"legs": tuple(OrderLeg(symbol=leg.symbol, side="buy", position_intent="buy_to_open", ratio=2) for leg in LEGS)},
    "ratio of nothing": SPREAD
    | {"legs": (LEGS[0], OrderLeg(symbol=PUT, side="buy", position_intent="buy_to_open", ratio=0))},
    "five legs": SPREAD
    | {
        "legs": tuple(
            OrderLeg(symbol=f"SPY180216C00{strike}000", side="buy", position_intent="buy_to_open")
            for strike in range(270, 275)
        )
    },
    "a leg of shares": SPREAD
    | {"legs": (LEGS[0], OrderLeg(symbol="SPY", side="sell", position_intent="sell_to_open"))},
    "legs of a fraction": SPREAD | {"quantity": Decimal("1.5")},
    "legs with a stop": SPREAD | {"order_type": "stop", "limit_price": None, "stop_price": Decimal(1)},
}


@pytest.mark.parametrize("shape", NOT_OFFERED)
async def test_submit_when_no_broker_offers_it_then_unsupported_and_nothing_is_sent(shape: str, venue: Venue) -> None:
    with pytest.raises(Unsupported):
        await venue.broker().submit(order("odd", **({"side": "buy"} | NOT_OFFERED[shape])))
    assert venue.orders() == []
    assert venue.submits() == 0


async def test_submit_when_meant_for_extended_hours_then_taken_or_nothing_is_sent(venue: Venue) -> None:
    broker, early = venue.broker(), order("early", order_type="limit", extended_hours=True, **LIMIT)
    if broker.capabilities.extended_hours:
        assert (await broker.submit(early)).state in ("submitted", "filled")
        return
    with pytest.raises(Unsupported) as caught:
        await broker.submit(early)
    assert caught.value.code == "UNSUPPORTED_EXTENDED_HOURS"
    assert venue.submits() == 0


async def test_submit_when_the_auction_is_at_the_open_then_it_waits_for_it(closed_venue: Venue) -> None:
    broker = closed_venue.broker()
    if "opg" not in broker.capabilities.times_in_force:
        with pytest.raises(Unsupported):
            await broker.submit(order("auction", time_in_force="opg"))
        return
    waiting = await broker.submit(order("auction", time_in_force="opg"))
    assert waiting.state == "submitted"
    closed_venue.open()
    filled = await broker.find_order("auction")
    assert filled is not None
    assert (filled.state, filled.filled_quantity) == ("filled", Decimal(1))
    with pytest.raises(Rejected):
        await broker.submit(order("late", time_in_force="opg"))


@pytest.mark.parametrize(
    ("symbol", "price"),
    [
        pytest.param("SPY", "200.015", id="share"),
        pytest.param(CALL, "0.055", id="option"),
    ],
)
async def test_submit_when_the_price_is_off_the_tick_then_refused_as_such_and_nothing_works(
    symbol: str, price: str, venue: Venue
) -> None:
    off = order("off", symbol=symbol, order_type="limit", limit_price=Decimal(price))
    with pytest.raises(Rejected):
        await venue.broker().submit(off)
    assert venue.orders() == []
    # On the tick the same order is taken: it was the price alone.
    on = order("on", symbol=symbol, order_type="limit", limit_price=Decimal(price).quantize(Decimal("0.01")))
    assert (await venue.broker().submit(on)).limit_price == on.limit_price


async def test_submit_when_it_is_for_the_day_then_it_expires_with_it_and_gtc_works_on(venue: Venue) -> None:
    broker = venue.broker()
    await broker.submit(order("today", order_type="limit", **LIMIT))
    await broker.submit(order("on", order_type="limit", time_in_force="gtc", **LIMIT))
    venue.move(390)
    today, on = await broker.find_order("today"), await broker.find_order("on")
    assert today is not None
    assert on is not None
    assert (today.state, on.state) == ("expired", "submitted")
    assert [getattr(one, "client_order_id", None) for one in await broker.open_orders()] == ["on"]


async def test_preview_when_asked_then_it_says_what_the_order_would_do_and_nothing_is_placed(venue: Venue) -> None:
    broker = venue.broker()
    asked = order("one", "10", order_type="limit", **LIMIT)
    if not broker.capabilities.preview:
        with pytest.raises(Unsupported):
            await broker.preview(asked)
        return
    seen = await broker.preview(asked)
    assert seen.buying_power_change is not None
    assert seen.buying_power_change < 0
    assert seen.fees is not None
    assert seen.fees >= 0
    with pytest.raises(Rejected):
        await broker.preview(order("huge", "100000"))
    with pytest.raises(Unsupported):
        await broker.preview(order("odd", order_type="iceberg"))
    assert venue.orders() == []
