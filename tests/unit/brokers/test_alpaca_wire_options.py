"""Orders of several legs, brackets, and what Alpaca is asked for: signs, units, children, and what it does not take."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from functions.brokers import alpaca_requests
from functions.brokers import alpaca_wire as wire
from functions.brokers.errors import BadResponse, Unsupported
from functions.brokers.orders import BrokerLeg, OrderChange, OrderLeg, OrderRequest, StopLoss, TakeProfit

SOLD, BOUGHT = "SPY261218P00500000", "SPY261218P00495000"
STAMP = "2026-12-01T15:00:00.123456789Z"


def leg(symbol: str, side: str, ratio: str = "1", filled: str = "0", **more: Any) -> dict[str, Any]:
    return {
        "id": f"leg-{symbol}",
        "symbol": symbol,
        "side": side,
        "qty": "2",
        "ratio_qty": ratio,
        "filled_qty": filled,
        "filled_avg_price": None,
        "type": "",
        "order_type": "",
        "status": "new",
        "position_intent": f"{side}_to_open",
        **more,
    }


def spread(price: str | None = "-0.55", sold: str = "0", bought: str = "0", **more: Any) -> dict[str, Any]:
    return {
        "id": "whole",
        "client_order_id": "mine",
        "symbol": "",
        "side": "",
        "type": "limit",
        "order_class": "mleg",
        "status": "new",
        "qty": "2",
        "filled_qty": "0",
        "limit_price": price,
        "updated_at": STAMP,
        "legs": [leg(SOLD, "sell", filled=sold), leg(BOUGHT, "buy", filled=bought)],
        **more,
    }


def request(**more: Any) -> OrderRequest:
    values: dict[str, Any] = {
        "client_order_id": "mine",
        "symbol": "SPY",
        "side": "buy",
        "order_type": "limit",
        "time_in_force": "day",
        "position_intent": "buy_to_open",
        "quantity": Decimal(2),
        "limit_price": Decimal("270.10"),
    }
    return OrderRequest(**(values | more))


def vertical(price: str, **more: Any) -> OrderRequest:
    legs = (
        OrderLeg(symbol=SOLD, side="sell", position_intent="sell_to_open"),
        OrderLeg(symbol=BOUGHT, side="buy", position_intent="buy_to_open"),
    )
    values: dict[str, Any] = {
        "symbol": SOLD,
        "side": "sell",
        "position_intent": "sell_to_open",
        "order_class": "multi_leg",
        "legs": legs,
        "limit_price": Decimal(price),
    }
    return request(**(values | more))


@pytest.mark.parametrize("price", ["-0.55", "1.20"])
def test_price_sign_of_several_legs_when_sent_and_read_then_positive_pays_and_negative_receives(price: str) -> None:
    body = alpaca_requests.order_body(vertical(price))
    assert body["limit_price"] == format(Decimal(price).normalize(), "f")
    assert wire.order(spread(price)).limit_price == Decimal(price)


def test_order_body_when_it_has_several_legs_then_none_of_it_names_the_whole() -> None:
    body = alpaca_requests.order_body(vertical("-0.55"))
    assert body["order_class"] == "mleg"
    assert {"symbol", "side", "position_intent"}.isdisjoint(body)
    assert body["legs"][0] == {
        "symbol": SOLD,
        "ratio_qty": "1",
        "side": "sell",
        "position_intent": "sell_to_open",
    }


@pytest.mark.parametrize(
    ("sold", "bought", "units"), [("0", "0", 0), ("2", "0", 0), ("1", "2", 1), ("2", "2", 2), (1, 1.0, 1)]
)
def test_multi_leg_partial_fill_when_the_legs_differ_then_a_unit_is_what_every_leg_has(
    sold: Any, bought: Any, units: int
) -> None:
    found = wire.order(spread(sold=sold, bought=bought, filled_qty="2"))
    assert found.filled_quantity == units
    assert [one.filled_quantity for one in found.legs] == [Decimal(str(sold)), Decimal(str(bought))]


def test_multi_leg_partial_fill_when_ratios_differ_then_units_are_counted_by_them() -> None:
    legs = [leg(SOLD, "sell", ratio="1", filled="1"), leg(BOUGHT, "buy", ratio="3", filled="5")]
    assert wire.order(spread(legs=legs)).filled_quantity == 1
    unsaid = [leg(SOLD, "sell", ratio="1", filled="1"), leg(BOUGHT, "buy", filled="5", ratio_qty=None)]
    assert wire.order(spread(legs=unsaid, filled_qty="2")).filled_quantity == 2


def test_order_when_it_has_several_legs_then_the_first_stands_for_it() -> None:
    found = wire.order(spread())
    assert (found.symbol, found.side, found.order_class, found.children) == (SOLD, "sell", "multi_leg", ())
    assert found.legs[1] == BrokerLeg(
        symbol=BOUGHT,
        side="buy",
        position_intent="buy_to_open",
        quantity=Decimal(2),
        filled_quantity=Decimal(0),
    )
    assert wire.leg_orders(spread()) == {f"leg-{SOLD}": ("whole", 0), f"leg-{BOUGHT}": ("whole", 1)}


def test_trade_update_when_several_legs_fill_then_the_net_price_is_no_execution() -> None:
    row = {"event": "fill", "execution_id": "e", "qty": "2", "price": "-0.55", "timestamp": STAMP}
    update = wire.trade_update(row | {"order": spread(status="filled", sold="2", bought="2")})
    assert update.fills == ()
    assert update.order.filled_quantity == 2


@pytest.mark.parametrize(
    ("event", "status", "state"),
    [
        ("order_replace_rejected", "pending_replace", "partially_filled"),
        ("order_cancel_rejected", "pending_cancel", "partially_filled"),
        ("order_replace_rejected", "filled", "filled"),
        ("pending_replace", "pending_replace", "replace_pending"),
        ("restated", "new", "submitted"),
        ("a_word_of_tomorrow", "new", "submitted"),
    ],
)
def test_trade_update_when_a_change_is_refused_then_the_order_works_on(event: str, status: str, state: str) -> None:
    order = spread(status=status, sold="1", bought="1")
    assert wire.trade_update({"event": event, "timestamp": STAMP, "order": order}).order.state == state


def bracket(**more: Any) -> dict[str, Any]:
    base = {"symbol": "SPY", "qty": "1", "filled_qty": "0", "updated_at": STAMP, "order_class": "bracket"}
    target = base | {"id": "target", "side": "sell", "type": "limit", "status": "held", "limit_price": "300"}
    stop = base | {"id": "stop", "side": "sell", "type": "stop", "status": "held", "stop_price": "250"}
    return base | {"id": "entry", "side": "buy", "type": "market", "status": "new", "legs": [target, stop]} | more


def test_order_when_it_is_a_bracket_then_its_children_know_their_parent() -> None:
    found = wire.order(bracket())
    assert [(one.broker_order_id, one.parent_order_id) for one in found.children] == [
        ("target", "entry"),
        ("stop", "entry"),
    ]
    assert found.legs == ()


def test_order_when_its_class_is_not_known_then_legs_are_not_guessed_at() -> None:
    with pytest.raises(BadResponse, match="order class"):
        wire.order(bracket(order_class="basket"))
    assert wire.order(bracket(order_class="basket", legs=None)).order_class == "simple"


def test_order_body_when_it_is_a_bracket_then_both_exits_travel_as_text() -> None:
    exits = {"take_profit": TakeProfit(Decimal(300)), "stop_loss": StopLoss(Decimal(250), Decimal("249.5"))}
    body = alpaca_requests.order_body(request(order_class="bracket", **exits))
    assert body["order_class"] == "bracket"
    assert body["take_profit"] == {"limit_price": "300"}
    assert body["stop_loss"] == {"stop_price": "250", "limit_price": "249.5"}


def test_order_body_when_meant_for_extended_hours_then_it_says_so_and_else_nothing_of_it() -> None:
    assert alpaca_requests.order_body(request(extended_hours=True))["extended_hours"] is True
    assert "extended_hours" not in alpaca_requests.order_body(request())


def test_closing_body_when_short_then_it_buys_to_close_what_is_held() -> None:
    body = alpaca_requests.closing_body("SPY", "mine", Decimal(-3), None)
    assert (body["side"], body["qty"], body["position_intent"]) == ("buy", "3", "buy_to_close")


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (request(symbol="BTC/USD"), "UNSUPPORTED_ASSET"),
        (request(symbol="nonsense!"), "UNSUPPORTED_SYMBOL"),
        (request(symbol=SOLD, time_in_force="gtc"), "UNSUPPORTED_TIME_IN_FORCE"),
        (request(symbol=SOLD, quantity=Decimal("1.5")), "UNSUPPORTED_FRACTION"),
        (request(symbol=SOLD, quantity=None, notional=Decimal(100)), "UNSUPPORTED_FRACTION"),
        (request(symbol=SOLD, order_type="trailing_stop"), "UNSUPPORTED_ORDER_TYPE"),
        (request(order_type="iceberg"), "UNSUPPORTED_ORDER_TYPE"),
        (request(time_in_force="gtd"), "UNSUPPORTED_TIME_IN_FORCE"),
        (request(order_class="bracket", take_profit=TakeProfit(Decimal(1))), "UNSUPPORTED_EXITS"),
        (request(order_class="oto"), "UNSUPPORTED_EXITS"),
        (vertical("1", order_type="stop", stop_price=Decimal(1)), "UNSUPPORTED_ORDER_TYPE"),
        (vertical("1", legs=vertical("1").legs[:1]), "UNSUPPORTED_LEGS"),
        (vertical("1", legs=vertical("1").legs[:1] * 2), "UNSUPPORTED_LEGS"),
        (vertical("1", legs=vertical("1").legs * 3), "UNSUPPORTED_LEGS"),
        (vertical("1", time_in_force="gtc"), "UNSUPPORTED_TIME_IN_FORCE"),
    ],
)
def test_order_body_when_alpaca_does_not_take_it_then_nothing_is_made(order: OrderRequest, code: str) -> None:
    with pytest.raises(Unsupported) as caught:
        alpaca_requests.order_body(order)
    assert caught.value.code == code


def test_change_body_when_it_is_a_fraction_then_it_is_not_supported() -> None:
    with pytest.raises(Unsupported):
        alpaca_requests.change_body(OrderChange(client_order_id="mine", quantity=Decimal("0.5")))
