"""Credit spread: enters for enough, leaves as one package, and closes what is left of one that broke."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.strategy.option_market import MARKET, NEAR, Quoted, decide, traded

D = Decimal
KIND = "credit_spread"
SMALL = {"least_credit_share": "0.1"}
PUTS = {"P95": ("-1", "1.00"), "P90": ("1", "0.40")}
Held = dict[str, tuple[str, str]]


def market(**changed: Quoted) -> dict[str, Quoted]:
    return {**MARKET, **changed}


@pytest.mark.parametrize(("right", "sold", "bought"), [("put", "P95", "P90"), ("call", "C105", "C110")])
def test_spread_when_nothing_is_held_then_it_is_sold_as_one_order(right: str, sold: str, bought: str) -> None:
    decision = decide(KIND, {**SMALL, "right": right, "contracts": 3})
    (order,) = decision.orders
    assert traded(order) == {sold: "sell_to_open", bought: "buy_to_open"}
    # 0.62 in the middle, 0.54 at once.
    assert (order.limit_price, order.quantity) == (D("-0.58"), D(3))
    assert decision.reason.endswith(f"over {bought[1:]} for 0.58 of 5")


@pytest.mark.parametrize(
    ("config", "quoted", "reason"),
    [
        ({}, MARKET, "a credit of 0.58 is below 0.2 of the width 5"),
        ({"width": 7}, MARKET, "with a strike of 88 within 0 dollars, the nearest is 90"),
        ({"delta": "0.6"}, MARKET, "with a delta of 0.6 within 0.1, the nearest has 0.42"),
        (SMALL, market(P95=("0", "0.10", "-0.30")), "nobody bids for SPY270108P00095000"),
        (SMALL, market(P95=("7.00", "7.10", "-0.30")), "cannot be: the chain is not consistent"),
    ],
    ids=["small credit", "no wing", "no delta", "no bid", "more than the width"],
)
def test_spread_when_it_cannot_be_sold_well_then_it_stays_and_says_why(
    config: dict[str, object], quoted: dict[str, Quoted], reason: str
) -> None:
    decision = decide(KIND, config, quoted=quoted)
    assert decision.orders == ()
    assert reason in decision.reason


def test_spread_when_the_wing_may_be_off_then_the_nearest_is_bought() -> None:
    (order,) = decide(KIND, {**SMALL, "width": 7, "width_within": 2}).orders
    assert traded(order) == {"P95": "sell_to_open", "P90": "buy_to_open"}


def test_spread_when_it_is_not_the_bar_of_entry_then_it_stays() -> None:
    assert decide(KIND, SMALL, at=31).reason.startswith("nothing is open, and entries are made on the bar")


@pytest.mark.parametrize(("ask", "leaves"), [("0.41", False), ("0.40", True)])
def test_spread_when_half_of_the_credit_can_be_had_at_once_then_it_leaves_at_that_price(ask: str, leaves: bool) -> None:
    # Received 0.60; closing costs the ask of the one less the bid of the other.
    decision = decide(KIND, SMALL, PUTS, at=99, quoted=market(P95=("0.30", ask, "-0.2"), P90=("0.10", "0.14", "-0.1")))
    assert [(traded(order), order.limit_price, order.reduce_only) for order in decision.orders] == (
        [({"P95": "buy_to_close", "P90": "sell_to_close"}, D("0.30"), True)] if leaves else []
    )
    assert decision.reason.startswith("profit target 0.3: received 0.6, closing costs 0.3" if leaves else "holding")


@pytest.mark.parametrize(("bid", "leaves"), [("2.10", False), ("2.14", True)])
def test_spread_when_the_middle_is_twice_the_credit_then_it_stops(bid: str, leaves: bool) -> None:
    quoted = market(P95=(bid, "2.26", "-0.5"), P90=("0.90", "1.10", "-0.3"))
    decision = decide(KIND, SMALL, PUTS, at=99, quoted=quoted)
    assert [order.limit_price for order in decision.orders] == ([D("1.36")] if leaves else [])
    assert decision.reason.startswith("stop at 2 times the credit" if leaves else "holding")


@pytest.mark.parametrize(("exit_days", "leaves"), [(20, False), (21, True)])
def test_spread_when_it_expires_in_the_days_of_exit_then_it_leaves(exit_days: int, leaves: bool) -> None:
    decision = decide(KIND, {**SMALL, "exit_days": exit_days}, PUTS, expiry=NEAR)
    assert bool(decision.orders) is leaves
    assert decision.reason.startswith("the spread expires in 21 days" if leaves else "holding")


def test_spread_when_nobody_bids_for_the_bought_leg_then_the_sold_one_is_closed_alone_and_that_is_said() -> None:
    decision = decide(KIND, SMALL, PUTS, quoted=market(P95=("0.02", "0.05", "-0.01"), P90=("0", "0.01", "-0.01")))
    (order,) = decision.orders
    assert (traded(order), order.limit_price) == ({"P95": "buy_to_close"}, D("0.05"))
    assert decision.reason.endswith("nobody bids for SPY270108P00090000: kept until it expires")


def test_spread_when_the_time_is_up_and_the_bought_leg_has_no_market_then_the_sold_one_is_closed() -> None:
    quoted = {short: found for short, found in MARKET.items() if short != "P90"}
    assert traded(decide(KIND, SMALL, PUTS, expiry=NEAR, quoted=quoted).orders[0]) == {"P95": "buy_to_close"}
    # Without it nobody can say what the package costs: no profit and no stop is measured.
    assert decide(KIND, SMALL, PUTS, quoted=quoted).reason.startswith("no market for SPY270108P00090000")


@pytest.mark.parametrize(("at", "stays"), [(30, "is left of what was open before"), (31, "nothing is open")])
def test_spread_when_a_worthless_leg_is_kept_then_it_is_no_open_package(at: int, stays: str) -> None:
    quoted = market(P90=("0", "0.01", "-0.01"))
    decision = decide(KIND, SMALL, {"P90": ("1", "0.40")}, at=at, quoted=quoted)
    assert decision.orders == ()
    assert stays in decision.reason


def test_spread_when_the_kept_leg_is_of_another_expiry_then_the_next_package_is_sold() -> None:
    (order,) = decide(KIND, SMALL, {"P90": ("1", "0.40")}, held_expiry=NEAR).orders
    assert traded(order) == {"P95": "sell_to_open", "P90": "buy_to_open"}
    assert not order.reduce_only


@pytest.mark.parametrize(
    ("held", "trades"),
    [
        ({"SPY": ("100", "95"), "P90": ("1", "0.40")}, {"SPY": "sell_to_close"}),
        ({"SPY": ("-100", "105"), "C110": ("1", "0.40")}, {"SPY": "buy_to_close"}),
        ({"P90": ("1", "0.40")}, {"P90": "sell_to_close"}),
        ({"P95": ("-1", "1.00")}, {"P95": "buy_to_close"}),
        ({"P95": ("-1", "1.00"), "P90": ("2", "0.40")}, {"P95": "buy_to_close", "P90": "sell_to_close"}),
        ({"C105": ("-1", "1.00"), "C110": ("1", "0.40")}, {"C105": "buy_to_close", "C110": "sell_to_close"}),
    ],
    ids=[
        "put assigned: shares first",
        "call assigned: shares first",
        "then what was bought",
        "what was bought is gone",
        "half assigned",
        "the other right",
    ],
)
def test_spread_when_it_is_not_whole_any_more_then_what_is_left_is_closed(held: Held, trades: dict[str, str]) -> None:
    decision = decide(KIND, SMALL, held)
    (order,) = decision.orders
    assert (traded(order), order.reduce_only) == (trades, True)


def test_spread_when_it_is_not_whole_any_more_then_the_reason_says_so() -> None:
    assert decide(KIND, SMALL, {"P95": ("-1", "1.00")}).reason.startswith("the spread is not whole any more")
    assert "came by assignment" in decide(KIND, SMALL, {"SPY": ("100", "95")}).reason
    assert "whose other legs are gone" in decide(KIND, SMALL, {"P90": ("1", "0.40")}).reason
