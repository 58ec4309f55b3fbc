"""Covered call: buys the shares, sells calls that they cover, rolls, and buys back what they do not cover."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.strategy.option_market import FULL, HALF, MARKET, NEAR, Quoted, decide, traded

D = Decimal
KIND = "covered_call"
SHARES = {"SPY": ("100", "99")}
COVERED = {**SHARES, "C105": ("-1", "1.00")}


def with_call(bid: str, ask: str) -> dict[str, Quoted]:
    return {**MARKET, "C105": (bid, ask, "0.30")}


@pytest.mark.parametrize(("held", "missing"), [({}, "200"), ({"SPY": ("57", "99")}, "143"), (SHARES, "100")])
def test_call_when_shares_are_missing_then_they_are_bought_first(
    held: dict[str, tuple[str, str]], missing: str
) -> None:
    decision = decide(KIND, {"contracts": 2}, held)
    (order,) = decision.orders
    assert (traded(order), order.quantity, order.order_type) == ({"SPY": "buy_to_open"}, D(missing), "market")
    assert decision.reason == f"{missing} shares are missing of 200: buying them"


@pytest.mark.parametrize(("shares", "calls"), [("200", 2), ("299", 2), ("700", 2)])
def test_call_when_the_shares_are_there_then_as_many_are_sold_as_wanted(shares: str, calls: int) -> None:
    (order,) = decide(KIND, {"contracts": 2, "yielding": 1}, {"SPY": (shares, "99")}).orders
    assert traded(order) == {"C105": "sell_to_open"}
    assert (order.quantity, order.limit_price) == (D(calls), D("1.00"))


@pytest.mark.parametrize(("cost", "sold"), [("105", True), ("105.01", False)])
def test_call_when_the_strike_is_below_what_the_shares_cost_then_it_is_not_sold_if_so_wished(
    cost: str, sold: bool
) -> None:
    decision = decide(KIND, {"not_below_cost": True}, {"SPY": ("100", cost)})
    assert bool(decision.orders) is sold
    assert sold or decision.reason == "the strike 105 is below the 105.01 that the shares cost"


def test_call_when_nobody_bids_then_it_is_not_sold() -> None:
    assert decide(KIND, {}, SHARES, quoted=with_call("0", "0.10")).reason == "nobody bids for SPY270108C00105000"


@pytest.mark.parametrize(("ask", "leaves"), [("0.51", False), ("0.50", True)])
def test_call_when_half_of_the_credit_is_earned_then_it_is_bought_back(ask: str, leaves: bool) -> None:
    decision = decide(KIND, {}, COVERED, quoted=with_call("0.40", ask))
    assert [(traded(order), order.limit_price) for order in decision.orders] == (
        [({"C105": "buy_to_close"}, D(ask))] if leaves else []
    )


def test_call_when_it_was_bought_back_then_the_next_bar_sells_another() -> None:
    (order,) = decide(KIND, {}, SHARES, at=31).orders
    assert traded(order) == {"C105": "sell_to_open"}


@pytest.mark.parametrize(("near_expiry", "leaves"), [("close", True), ("hold", False)])
def test_call_when_it_expires_soon_then_it_is_bought_back_or_held_as_configured(near_expiry: str, leaves: bool) -> None:
    decision = decide(KIND, {"near_expiry": near_expiry}, COVERED, expiry=NEAR)
    assert bool(decision.orders) is leaves
    assert decision.reason.startswith("the call expires in 21 days" if leaves else "holding -1 SPY261216C00105000")


def test_call_when_it_was_assigned_then_the_shares_are_bought_anew() -> None:
    (order,) = decide(KIND, {"near_expiry": "hold"}).orders
    assert (traded(order), order.quantity) == ({"SPY": "buy_to_open"}, D(100))


@pytest.mark.parametrize("shares", ["199", "57"])
def test_call_when_shares_do_not_cover_it_any_more_then_it_is_bought_back(shares: str) -> None:
    held = {"SPY": (shares, "99"), "C105": ("-2", "1.00")}
    decision = decide(KIND, {"contracts": 2}, held)
    (order,) = decision.orders
    assert (traded(order), order.quantity) == ({"C105": "buy_to_close"}, D(2))
    assert decision.reason == f"2 calls are sold and the {shares} shares do not cover them"


def test_call_when_fewer_are_open_than_wanted_then_none_is_added() -> None:
    assert decide(KIND, {"contracts": 2}, {"SPY": ("200", "99"), "C105": ("-1", "1.00")}).action == "stay"


def test_call_when_its_expiry_is_not_booked_yet_then_no_other_is_sold_against_the_same_shares() -> None:
    decision = decide(KIND, {}, COVERED, session=HALF, expiry=FULL.date)
    assert decision.reason == "SPY261125C00105000 expired, and the broker has not said yet what became of it"


def test_call_when_a_bought_option_expired_then_it_is_no_position_any_more() -> None:
    decision = decide(KIND, {}, {"C115": ("1", "0.20")}, session=HALF, expiry=FULL.date)
    assert traded(decision.orders[0]) == {"SPY": "buy_to_open"}
