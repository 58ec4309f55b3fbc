"""Cash-secured put: enters once a session, takes profit, stops, leaves in time, sells what is assigned to it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.strategy.option_market import FULL, HALF, MARKET, NEAR, Quoted, decide, traded

D = Decimal
KIND = "cash_secured_put"
PUT = {"P95": ("-1", "1.00")}


def with_put(bid: str, ask: str) -> dict[str, Quoted]:
    return {**MARKET, "P95": (bid, ask, "-0.30")}


@pytest.mark.parametrize(("yielding", "price"), [("0", "1.05"), ("0.5", "1.03"), ("1", "1.00")])
def test_put_when_nothing_is_held_then_it_is_sold_by_delta_between_the_middle_and_the_bid(
    yielding: str, price: str
) -> None:
    decision = decide(KIND, {"yielding": yielding, "contracts": 2})
    (order,) = decision.orders
    assert traded(order) == {"P95": "sell_to_open"}
    assert (order.limit_price, order.quantity, order.reduce_only) == (D(price), D(2), False)
    assert decision.reason.startswith("selling SPY270108P00095000 (delta 0.3) for ")


@pytest.mark.parametrize("at", [1, 29, 31, 389])
def test_put_when_it_is_not_the_bar_of_entry_then_it_stays(at: int) -> None:
    assert decide(KIND, {}, at=at).reason.startswith("nothing is open, and entries are made on the bar 30 minutes")


@pytest.mark.parametrize(("at", "enters"), [(29, False), (30, True), (33, True), (34, False)])
def test_put_when_the_window_has_more_bars_then_each_of_them_may_enter(at: int, enters: bool) -> None:
    assert bool(decide(KIND, {"entry_bars": 4}, at=at).orders) is enters


def test_put_when_bars_are_longer_then_the_first_that_ends_after_the_time_enters() -> None:
    entered = [at for at in range(15, 391, 15) if decide(KIND, {}, at=at, timeframe="15Min").orders]
    late = [
        at
        for at in range(15, 391, 15)
        if decide(KIND, {"enter_minutes_after_open": 40}, at=at, timeframe="15Min").orders
    ]
    assert (entered, late) == ([30], [45])


@pytest.mark.parametrize(
    ("config", "quoted", "reason"),
    [
        ({"put_delta": "0.65"}, MARKET, "expected a put of SPY expiring 2027-01-08 with a delta of 0.65 within 0.1"),
        ({"days_to": 50, "days_from": 46, "days": 48}, MARKET, "the chain of SPY has no expiry in 46 to 50 days"),
        ({}, with_put("0", "0.05"), "nobody bids for SPY270108P00095000"),
        ({}, with_put("0.02", "0.04"), "SPY270108P00095000: a credit of 0.025 is below 0.05"),
        ({}, {short: (bid, ask, None) for short, (bid, ask, _) in MARKET.items()}, "no contract of the chain has a"),
        ({}, {}, "the chain of SPY has no expiry in 30 to 60 days"),
    ],
    ids=["no delta near", "no expiry", "no bid", "small credit", "no delta at all", "no contract"],
)
def test_put_when_what_it_needs_is_missing_then_it_stays_and_says_what(
    config: dict[str, object], quoted: dict[str, Quoted], reason: str
) -> None:
    decision = decide(KIND, config, quoted=quoted)
    assert decision.orders == ()
    assert reason in decision.reason


def test_put_when_there_is_no_chain_then_it_stays_and_says_so() -> None:
    assert decide(KIND, {}, without_chain=True).reason == "no option chain of SPY at 15:00 UTC"
    assert decide(KIND, {}, PUT, without_chain=True).reason == "no option chain of SPY at 15:00 UTC"


@pytest.mark.parametrize(("session", "at"), [(FULL, 390), (HALF, 210)])
def test_put_when_the_session_is_over_then_nothing_is_done(session: object, at: int) -> None:
    decision = decide(KIND, {"entry_bars": 390}, PUT, session=session, at=at, quoted=with_put("9", "9.1"))  # type: ignore[arg-type]
    assert decision.reason == "the session is over"


@pytest.mark.parametrize(("ask", "leaves"), [("0.51", False), ("0.50", True)])
def test_put_when_half_of_the_credit_can_be_had_at_the_ask_then_it_is_bought_back_there(ask: str, leaves: bool) -> None:
    decision = decide(KIND, {}, PUT, at=77, quoted=with_put("0.40", ask))
    assert [(traded(order), order.limit_price, order.reduce_only) for order in decision.orders] == (
        [({"P95": "buy_to_close"}, D(ask), True)] if leaves else []
    )
    assert ("profit target 0.5" if leaves else "holding -1 SPY270108P00095000: received 1") in decision.reason


def test_put_when_the_profit_share_is_all_then_it_is_held_however_cheap() -> None:
    assert decide(KIND, {"profit_share": 1}, PUT, quoted=with_put("0", "0.01")).action == "stay"


@pytest.mark.parametrize(
    ("bid", "ask", "leaves"), [("1.90", "2.08", False), ("1.90", "2.10", True), ("1.00", "2.90", False)]
)
def test_put_when_the_middle_reaches_the_multiple_then_it_stops_at_the_ask(bid: str, ask: str, leaves: bool) -> None:
    decision = decide(KIND, {"stop_multiple": 2}, PUT, at=200, quoted=with_put(bid, ask))
    assert [order.limit_price for order in decision.orders] == ([D(ask)] if leaves else [])
    assert decision.reason.startswith("stop at 2 times the credit" if leaves else "holding")


@pytest.mark.parametrize(("exit_days", "leaves"), [(20, False), (21, True)])
def test_put_when_it_expires_in_the_days_of_exit_then_it_is_bought_back(exit_days: int, leaves: bool) -> None:
    decision = decide(KIND, {"exit_days": exit_days}, PUT, expiry=NEAR)
    assert [order.limit_price for order in decision.orders] == ([D("1.10")] if leaves else [])
    assert decision.reason.startswith("the put expires in 21 days" if leaves else "holding")


def test_put_when_it_has_no_market_then_it_stays_and_names_it() -> None:
    decision = decide(KIND, {}, PUT, quoted={"P90": MARKET["P90"]})
    assert decision.reason == "no market for SPY270108P00095000 in the chain of SPY"


def test_put_when_it_was_assigned_then_the_shares_are_sold() -> None:
    (order,) = decide(KIND, {}, {"SPY": ("100", "95"), "P95": ("-1", "1.00")}).orders
    assert (traded(order), order.quantity, order.order_type) == ({"SPY": "sell_to_close"}, D(100), "market")


def test_put_when_it_expired_and_that_is_not_booked_yet_then_it_waits_for_the_broker() -> None:
    decision = decide(KIND, {}, PUT, session=HALF, expiry=FULL.date)
    assert decision.reason == "SPY261125P00095000 expired, and the broker has not said yet what became of it"
