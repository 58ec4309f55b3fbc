"""What the simulated exchange does with each order type, each time in force, and each request."""

from __future__ import annotations

from decimal import Decimal

import pytest

from functions.backtest.exchange_events import Fill, OrderEvent, Replaced
from functions.backtest.market import Quote
from functions.backtest.matching import MatchingEngine
from functions.backtest.orders import Change, TimeInForce
from functions.core.errors import BadInput
from tests.unit.matching.exchange import T0, at, fills, kinds, opened, order, quote, trade


def test_submit_when_a_quote_stands_then_a_market_order_takes_it_at_once() -> None:
    engine = opened()
    engine.on_quote(quote("99.99", "100.01"))
    events = engine.submit(order("a", "buy", "10"), at(2))
    assert kinds(events) == ["accepted", "fill"]
    assert fills(events) == [("100.01", "10")]
    assert engine.working("a") is None


def test_submit_when_more_than_displayed_is_wanted_then_the_rest_waits_for_the_next_quote() -> None:
    engine = opened()
    engine.on_quote(quote("99.99", "100.01", ask_size=4))
    assert fills(engine.submit(order("a", "buy", "10"), at(2))) == [("100.01", "4")]
    assert fills(engine.submit(order("b", "buy", "1"), at(2))) == []
    events = engine.on_quote(quote("100.00", "100.03", ask_size=100, second=3))
    assert fills(events, "a") == [("100.03", "6")]
    assert fills(events, "b") == [("100.03", "1")]
    last = [event for event in events if isinstance(event, Fill) and event.order_id == "a"][-1]
    assert (last.cumulative, last.leaves) == (Decimal(10), Decimal(0))


def test_on_quote_when_a_limit_order_rests_then_it_trades_at_its_own_limit() -> None:
    engine = opened()
    engine.on_quote(quote("99.99", "100.01"))
    assert fills(engine.submit(order("a", "buy", "10", "limit", limit="99.95"), at(2))) == []
    assert fills(engine.on_quote(quote("99.80", "99.90", second=3))) == [("99.95", "10")]


def test_submit_when_the_limit_is_marketable_then_the_quote_is_the_price() -> None:
    engine = opened()
    engine.on_quote(quote("99.99", "100.01", bid_size=5))
    assert fills(engine.submit(order("a", "sell", "10", "limit", limit="99.50"), at(2))) == [("99.99", "5")]
    # What is left was never passive, so it takes the next quote's price too.
    assert fills(engine.on_quote(quote("99.97", "99.99", second=3))) == [("99.97", "5")]


def test_on_print_when_it_is_through_a_resting_limit_then_the_limit_fills_up_to_the_print() -> None:
    engine = opened()
    engine.on_quote(quote("99.90", "100.10"))
    engine.submit(order("a", "buy", "10", "limit", limit="100.00"), at(2))
    assert fills(engine.on_print(trade("100.00"))) == []
    assert fills(engine.on_print(trade("99.99", size=4))) == [("100", "4")]


def test_on_quote_when_a_stop_is_reached_then_it_trades_as_a_market_order() -> None:
    engine = opened()
    engine.on_quote(quote("99.99", "100.01"))
    engine.submit(order("a", "sell", "10", "stop", stop="99.50"), at(2))
    assert fills(engine.on_quote(quote("99.51", "99.53", second=3))) == []
    assert fills(engine.on_quote(quote("99.40", "99.42", second=4))) == [("99.4", "10")]


def test_on_quote_when_a_stop_limit_triggers_beyond_its_limit_then_it_rests() -> None:
    engine = opened()
    engine.on_quote(quote("99.99", "100.01"))
    engine.submit(order("a", "buy", "10", "stop_limit", stop="100.50", limit="100.60"), at(2))
    assert fills(engine.on_quote(quote("100.98", "101.00", second=3))) == []
    assert fills(engine.on_quote(quote("100.50", "100.55", second=4))) == [("100.6", "10")]


def test_on_quote_when_a_trailing_stop_follows_the_market_then_it_triggers_at_the_trail() -> None:
    engine = opened()
    engine.on_quote(quote("100.00", "100.02"))
    engine.submit(order("a", "sell", "10", "trailing_stop", trail_price="1"), at(2))
    assert fills(engine.on_quote(quote("105.00", "105.02", second=3))) == []
    assert fills(engine.on_quote(quote("104.01", "104.03", second=4))) == []
    assert fills(engine.on_quote(quote("104.00", "104.02", second=5))) == [("104", "10")]


def test_on_quote_when_a_trailing_stop_is_in_percent_then_the_trail_grows_with_the_price() -> None:
    engine = opened()
    engine.on_quote(quote("99.98", "100.00"))
    engine.submit(order("a", "buy", "10", "trailing_stop", trail_percent="1"), at(2))
    assert fills(engine.on_quote(quote("49.98", "50.00", second=3))) == []
    assert fills(engine.on_quote(quote("50.47", "50.49", second=4))) == []
    assert fills(engine.on_quote(quote("50.48", "50.50", second=5))) == [("50.5", "10")]


def test_submit_when_ioc_is_larger_than_displayed_then_the_rest_is_canceled() -> None:
    engine = opened()
    engine.on_quote(quote("99.99", "100.01", ask_size=4))
    events = engine.submit(order("a", "buy", "10", tif="ioc"), at(2))
    assert kinds(events) == ["accepted", "fill", "canceled"]
    assert fills(events) == [("100.01", "4")]


@pytest.mark.parametrize(("displayed", "expected"), [(9, ["accepted", "canceled"]), (10, ["accepted", "fill"])])
def test_submit_when_fok_then_all_of_it_trades_or_nothing(displayed: int, expected: list[str]) -> None:
    engine = opened()
    engine.on_quote(quote("99.99", "100.01", ask_size=displayed))
    assert kinds(engine.submit(order("a", "buy", "10", tif="fok"), at(2))) == expected


@pytest.mark.parametrize("tif", ["ioc", "fok"])
def test_submit_when_no_session_is_on_then_orders_for_now_are_rejected(tif: str) -> None:
    assert kinds(MatchingEngine().submit(order("a", "buy", "10", tif=tif), T0)) == ["rejected"]


def test_submit_when_no_session_is_on_then_a_day_order_waits_for_the_open() -> None:
    engine = MatchingEngine()
    assert kinds(engine.submit(order("a", "buy", "10"), T0)) == ["accepted"]
    assert engine.on_quote(quote("99.99", "100.01")) == []
    engine.open_session(T0)
    assert fills(engine.on_quote(quote("99.99", "100.01"))) == [("100.01", "10")]


def test_close_session_when_orders_work_then_day_orders_expire_and_gtc_orders_stay() -> None:
    engine = opened()
    engine.submit(order("day", "buy", "1", "limit", limit="90"), at(1))
    engine.submit(order("gtc", "buy", "1", "limit", "gtc", limit="90"), at(1))
    events = engine.close_session(at(9))
    assert [(event.kind, event.order_id) for event in events if isinstance(event, OrderEvent)] == [("expired", "day")]
    engine.open_session(at(10))
    # A new session: the order meets the opening quote as a taker.
    assert fills(engine.on_quote(quote("88.99", "89.00", second=11))) == [("89", "1")]


def test_auctions_when_a_price_is_known_then_orders_for_them_trade_at_it() -> None:
    engine = MatchingEngine()
    engine.submit(order("open", "buy", "5000", tif="opg"), T0)
    engine.submit(order("late", "buy", "1", "limit", "opg", limit="99"), T0)
    engine.submit(order("close", "sell", "5000", tif="cls"), T0)
    events = engine.open_session(T0, {"SPY": Decimal(100)})
    assert fills(events, "open") == [("100", "5000")]
    assert [event.kind for event in events if isinstance(event, OrderEvent)] == ["expired"]
    assert engine.on_quote(quote("99.99", "100.01")) == []
    assert fills(engine.close_session(at(9), {"SPY": Decimal(101)})) == [("101", "5000")]


def test_submit_when_the_opening_auction_is_over_then_opg_is_rejected() -> None:
    assert kinds(opened().submit(order("a", "buy", "1", tif="opg"), at(1))) == ["rejected"]


def test_cancel_when_the_order_ended_then_it_stays_as_it_ended() -> None:
    engine = opened()
    engine.on_quote(quote("99.99", "100.01"))
    engine.submit(order("a", "buy", "10"), at(2))
    events = engine.cancel("a", at(3))
    assert kinds(events) == ["cancel_rejected"]
    assert isinstance(events[0], OrderEvent)
    assert events[0].reason == "the order is already filled"
    assert kinds(engine.cancel("never", at(3))) == ["cancel_rejected"]


def test_cancel_when_it_comes_before_the_fill_then_the_order_never_trades_again() -> None:
    engine = opened()
    engine.submit(order("a", "buy", "10", "limit", limit="100"), at(1))
    assert kinds(engine.cancel("a", at(2))) == ["canceled"]
    assert engine.on_quote(quote("98", "99", second=3)) == []


def test_replace_when_part_is_filled_then_the_new_order_works_for_the_rest() -> None:
    engine = opened()
    engine.on_quote(quote("99.99", "100.01", ask_size=4))
    engine.submit(order("a", "buy", "10", "limit", limit="100.01"), at(2))
    events = engine.replace("a", "b", Change(quantity=Decimal(12), limit=Decimal("100.05")), at(3))
    assert events == [Replaced(events[0].sequence, "a", "b", Decimal(8), at(3))]
    assert fills(engine.on_quote(quote("99.99", "100.02", second=4))) == [("100.02", "8")]


def test_replace_when_the_fill_came_first_then_it_is_refused() -> None:
    engine = opened()
    engine.on_quote(quote("99.99", "100.01"))
    engine.submit(order("a", "buy", "10"), at(2))
    assert kinds(engine.replace("a", "b", Change(limit=Decimal(1)), at(3))) == ["replace_rejected"]
    assert engine.working("b") is None


@pytest.mark.parametrize(
    "change",
    [
        Change(quantity=Decimal(4)),
        Change(stop=Decimal(99)),
        Change(limit=Decimal("100.00001")),
        Change(time_in_force=TimeInForce.IOC),
        Change(trail_price=Decimal(1)),
    ],
)
def test_replace_when_the_change_is_impossible_then_the_old_order_works_on(change: Change) -> None:
    engine = opened()
    engine.on_quote(quote("99.99", "100.01", ask_size=4))
    engine.submit(order("a", "buy", "10", "limit", limit="100.01"), at(2))
    assert kinds(engine.replace("a", "b", change, at(3))) == ["replace_rejected"]
    assert fills(engine.on_quote(quote("99.99", "100.01", second=4)), "a") == [("100.01", "6")]


def test_replace_when_only_the_quantity_shrinks_then_the_place_in_time_is_kept() -> None:
    engine = opened()
    for name in ("a", "b"):
        engine.submit(order(name, "buy", "10", "limit", limit="100"), at(1))
    engine.replace("a", "a2", Change(quantity=Decimal(5)), at(2))
    assert fills(engine.on_quote(quote("99", "100", ask_size=5, second=3)), "a2") == [("100", "5")]


def test_replace_when_the_quantity_grows_then_the_place_in_time_is_lost() -> None:
    engine = opened()
    for name in ("a", "b"):
        engine.submit(order(name, "buy", "10", "limit", limit="100"), at(1))
    engine.replace("a", "a2", Change(quantity=Decimal(15)), at(2))
    assert fills(engine.on_quote(quote("99", "100", ask_size=10, second=3)), "b") == [("100", "10")]


@pytest.mark.parametrize(
    "bad",
    [
        order("a", "buy", "0"),
        order("a", "buy", "-1"),
        order("a", "buy", "0.0000000001"),
        order("a", "buy", "NaN"),
        order("a", "buy", "1", "limit"),
        order("a", "buy", "1", "limit", limit="0"),
        order("a", "buy", "1", "limit", limit="100.00001"),
        order("a", "buy", "1", "market", limit="100"),
        order("a", "buy", "1", "stop"),
        order("a", "buy", "1", "stop", tif="ioc", stop="100"),
        order("a", "buy", "1", "trailing_stop"),
        order("a", "buy", "1", "trailing_stop", trail_price="1", trail_percent="1"),
        order("a", "buy", "1", "trailing_stop", trail_percent="100"),
        order("a", "buy", "1", "trailing_stop", trail_price="-1"),
        order("a", "buy", "1", "trailing_stop", tif="cls", trail_price="1"),
    ],
)
def test_submit_when_the_order_makes_no_sense_then_it_is_rejected_with_a_reason(bad: object) -> None:
    events = opened().submit(bad, at(1))  # type: ignore[arg-type]
    assert kinds(events) == ["rejected"]
    assert isinstance(events[0], OrderEvent)
    assert events[0].reason


def test_submit_when_an_order_id_comes_twice_then_the_second_is_rejected() -> None:
    engine = opened()
    engine.submit(order("a", "buy", "1", "limit", limit="90"), at(1))
    assert kinds(engine.submit(order("a", "buy", "1"), at(2))) == ["rejected"]
    assert engine.working("a") is not None


@pytest.mark.parametrize(
    "bad",
    [quote("100.01", "100.00"), quote("0", "1"), quote("-1", "1"), quote("1", "2", bid_size=-1), quote("NaN", "1")],
)
def test_on_quote_when_the_quote_makes_no_sense_then_it_is_refused_and_nothing_trades(bad: Quote) -> None:
    engine = opened()
    engine.submit(order("a", "buy", "1"), at(1))
    with pytest.raises(BadInput):
        engine.on_quote(bad)
    assert engine.working("a") is not None
