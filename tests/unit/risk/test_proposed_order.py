"""What an order is to the rules: its legs, and what a stop is valued at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from functions.core.errors import BadInput
from functions.risk.book import Book, OpenQuantity, ProposedLeg, ProposedOrder
from functions.risk.limits import Limit, Limits
from functions.risk.rules.capital_limit import capital_limit
from functions.risk.rules.market_hours import market_hours
from functions.risk.rules.max_loss_per_trade import max_loss_per_trade
from functions.risk.rules.price_collar import price_collar

D = Decimal
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]
CALL, FAR = "SPY260116C00100000", "SPY260116C00105000"


def option(symbol: str, side: str = "buy", ratio: int = 1, **changes: Any) -> ProposedLeg:
    """A leg that opens an option on SPY of January 2026; its strike is the symbol's."""
    plain: dict[str, Any] = {
        "symbol": symbol,
        "side": side,
        "position_intent": f"{side}_to_open",
        "quantity": D(ratio),
        "ratio": ratio,
        "multiplier": D(100),
        "kind": "option",
        "underlying": "SPY",
        "right": "call",
        "strike": D(symbol[-8:]) / 1000,
        "expiry": date(2026, 1, 16),
    }
    return ProposedLeg(**{**plain, **changes})


def test_order_when_of_one_symbol_then_it_has_one_leg(order: Orders) -> None:
    (leg,) = order(multiplier=D(10)).legs
    assert (leg.symbol, leg.side, leg.position_intent, leg.quantity) == ("SPY", "buy", "buy_to_open", D(100))
    assert (leg.ratio, leg.multiplier, leg.kind, leg.closes, leg.sign) == (1, D(10), "equity", False, 1)
    (leg,) = order(side="sell", reduce_only=True).legs
    assert (leg.position_intent, leg.closes, leg.sign) == ("sell_to_close", True, -1)


def test_order_when_cut_then_every_leg_is_cut_with_it(order: Orders) -> None:
    legs = (option(CALL), option(FAR, "sell", 2))
    several = order(symbol=CALL, quantity=D(5), order_type="limit", limit_price=D("-0.5"), legs=legs)
    assert [leg.quantity for leg in several.legs] == [D(5), D(10)]
    assert [leg.quantity for leg in replace(several, quantity=D(2)).legs] == [D(2), D(4)]
    assert (several.several_legs, several.multiplier) == (True, D(100))


@pytest.mark.parametrize(
    "changes",
    [
        {"legs": (option(FAR), option(CALL))},
        {"side": "sell", "legs": (option(CALL), option(FAR))},
        {"legs": (option(CALL), option(FAR)), "order_type": "stop", "stop_price": D(1)},
        {"legs": (option(CALL),), "order_type": "limit", "limit_price": D(-1)},
        {"legs": (option(CALL), option(FAR)), "order_type": "limit", "limit_price": D("NaN")},
        {"order_type": "stop"},
        {"stop_price": D(1)},
        {"order_type": "trailing_stop", "trail_price": D(1), "trail_percent": D(1)},
    ],
)
def test_order_when_its_parts_do_not_fit_then_it_is_refused(order: Orders, changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        order(**{"symbol": CALL, **changes})
    assert refused.value.code == "BAD_ORDER"


@pytest.mark.parametrize("changes", [{"ratio": 0}, {"position_intent": "sell_to_open"}, {"strike": None}])
def test_leg_when_its_parts_do_not_fit_then_it_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        option(CALL, **changes)
    assert refused.value.code == "BAD_ORDER"


@pytest.mark.parametrize(
    ("changes", "trigger", "worst"),
    [
        ({}, "100", "100"),
        ({"order_type": "limit", "limit_price": D(90)}, "100", "90"),
        ({"order_type": "stop", "stop_price": D(110)}, "110", "110"),
        ({"order_type": "stop", "stop_price": D(90)}, "100", "100"),
        ({"side": "sell", "order_type": "stop", "stop_price": D(90)}, "90", "90"),
        ({"side": "sell", "order_type": "stop", "stop_price": D(110)}, "100", "100"),
        ({"order_type": "stop_limit", "stop_price": D(110), "limit_price": D(112)}, "110", "112"),
        ({"order_type": "trailing_stop", "trail_price": D(3)}, "103", "103"),
        ({"side": "sell", "order_type": "trailing_stop", "trail_percent": D(5)}, "95", "95"),
        ({"side": "sell", "order_type": "trailing_stop", "trail_price": D(300)}, "0", "0"),
    ],
)
def test_price_when_a_stop_is_beyond_the_mark_then_the_worse_of_the_two_counts(
    order: Orders, changes: dict[str, Any], trigger: str, worst: str
) -> None:
    judged = order(**changes)
    assert (judged.trigger_price(D(100)), judged.worst_price(D(100))) == (D(trigger), D(worst))


STOP = {"order_type": "stop", "stop_price": D(110)}


def test_capital_when_a_stop_buys_above_the_mark_then_it_counts_at_its_stop(order: Orders, book: Books) -> None:
    held = book(spy=OpenQuantity(D(1)))
    limits = Limits((Limit("capital_limit", "account", D(1000)),))
    assert capital_limit(order(quantity=D(1), **STOP), held, limits).numbers["notional_after"] == 220
    assert capital_limit(order(quantity=D(9), **STOP), held, limits).code == "CAPITAL_LIMIT"
    assert capital_limit(order(quantity=D(9)), held, limits).code is None


def test_loss_when_a_stop_buys_above_the_mark_then_it_is_counted_from_there(order: Orders, book: Books) -> None:
    limits = Limits((Limit("max_loss_per_trade", "account", D(1000)),))
    planned = order(quantity=D(1), stop_loss_price=D(95), **STOP)
    assert max_loss_per_trade(planned, book(), limits).numbers["loss"] == 15


def test_price_collar_when_a_stop_limit_is_near_its_stop_then_the_mark_does_not_hold_it(
    order: Orders, book: Books
) -> None:
    collar = Limits((Limit("price_collar", "account", D(5)),))
    near = order(order_type="stop_limit", stop_price=D(110), limit_price=D(111))
    far = order(order_type="stop_limit", stop_price=D(110), limit_price=D(116))
    assert [price_collar(judged, book(), collar).code for judged in (near, far)] == [None, "PRICE_COLLAR"]


def test_market_hours_when_a_stop_without_a_limit_reduces_at_night_then_it_waits_for_the_session(
    order: Orders, book: Books
) -> None:
    held = book(spy=OpenQuantity(D(100)), sessions=())
    leaving = order(side="sell", reduce_only=True, order_type="stop", stop_price=D(90))
    assert market_hours(leaving, held, Limits()).code == "MARKET_CLOSED"
