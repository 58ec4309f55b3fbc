"""Wheel: which half it is in is read from what is held."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.strategy.option_market import MARKET, Quoted, decide, traded

D = Decimal
KIND = "wheel"
TWO = {"contracts": 2}
CHEAP: dict[str, Quoted] = {**MARKET, "P95": ("0.30", "0.40", "-0.30"), "C105": ("0.30", "0.40", "0.30")}
Held = dict[str, tuple[str, str]]


@pytest.mark.parametrize(
    ("held", "trades", "quantity"),
    [
        ({}, {"P95": "sell_to_open"}, 2),
        ({"SPY": ("200", "95")}, {"C105": "sell_to_open"}, 2),
        ({"SPY": ("100", "95")}, {"C105": "sell_to_open"}, 1),
        ({"SPY": ("100", "95"), "C105": ("-1", "1")}, {"P95": "sell_to_open"}, 1),
        ({"SPY": ("100", "95"), "P95": ("-1", "1")}, {"C105": "sell_to_open"}, 1),
        ({"SPY": ("50", "95")}, {"P95": "sell_to_open"}, 2),
        ({"SPY": ("700", "95")}, {"C105": "sell_to_open"}, 2),
    ],
    ids=[
        "nothing: puts",
        "assigned: calls",
        "half assigned: calls for it",
        "half: then puts for the rest",
        "half: puts still open",
        "no whole lot",
        "more shares than contracts",
    ],
)
def test_wheel_when_this_is_held_then_it_sells_what_comes_next(
    held: Held, trades: dict[str, str], quantity: int
) -> None:
    (order,) = decide(KIND, TWO, held).orders
    assert (traded(order), order.quantity, order.reduce_only) == (trades, D(quantity), False)


@pytest.mark.parametrize(
    "held",
    [
        {"P95": ("-2", "1")},
        {"SPY": ("200", "95"), "C105": ("-2", "1")},
        {"SPY": ("100", "95"), "C105": ("-1", "1"), "P95": ("-1", "1")},
    ],
)
def test_wheel_when_all_is_sold_then_it_holds_and_says_what(held: Held) -> None:
    decision = decide(KIND, TWO, held)
    assert (decision.action, decision.orders) == ("stay", ())
    assert decision.reason.startswith("holding -")


@pytest.mark.parametrize(
    ("held", "symbol"), [({"P95": ("-2", "1")}, "P95"), ({"SPY": ("200", "95"), "C105": ("-2", "1")}, "C105")]
)
def test_wheel_when_the_profit_target_is_reached_then_it_buys_back(held: Held, symbol: str) -> None:
    (order,) = decide(KIND, TWO, held, quoted=CHEAP).orders
    assert (traded(order), order.limit_price, order.quantity) == ({symbol: "buy_to_close"}, D("0.40"), D(2))


def test_wheel_when_a_put_doubles_then_there_is_no_stop() -> None:
    dear: dict[str, Quoted] = {**MARKET, "P95": ("9.00", "9.10", "-0.90")}
    assert decide(KIND, {}, {"P95": ("-1", "1")}, quoted=dear).action == "stay"


def test_wheel_when_calls_outnumber_the_shares_then_they_are_bought_back() -> None:
    decision = decide(KIND, TWO, {"SPY": ("100", "95"), "C105": ("-2", "1")})
    assert traded(decision.orders[0]) == {"C105": "buy_to_close"}
    assert decision.reason == "2 calls are sold and the 100 shares do not cover them"


def test_wheel_when_a_call_was_assigned_without_cover_then_the_shares_are_bought_back() -> None:
    (order,) = decide(KIND, TWO, {"SPY": ("-100", "105")}).orders
    assert (traded(order), order.reduce_only) == ({"SPY": "buy_to_close"}, True)


def test_wheel_when_one_half_has_no_price_then_the_other_half_goes_on() -> None:
    quoted = {short: found for short, found in MARKET.items() if short != "C105"}
    decision = decide(KIND, TWO, {"SPY": ("100", "95"), "C105": ("-1", "1")}, quoted=quoted)
    assert traded(decision.orders[0]) == {"P95": "sell_to_open"}


def test_wheel_when_neither_half_can_then_both_reasons_are_said() -> None:
    silent: dict[str, Quoted] = {short: (bid, ask, None) for short, (bid, ask, _) in MARKET.items()}
    reason = decide(KIND, TWO, {"SPY": ("100", "95")}, quoted=silent).reason
    assert "expected a call" in reason
    assert "expected a put" in reason
