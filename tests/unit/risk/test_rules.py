"""Each rule: just inside, just outside, and with its input missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from functions.core.market_calendar import Session
from functions.risk.book import Book, Gate, Mark, OpenQuantity, ProposedOrder
from functions.risk.facts.market import MarketFacts, Quote
from functions.risk.limits import Limit, Limits, Scope
from functions.risk.rule import Verdict
from functions.risk.rules.capital_limit import capital_limit
from functions.risk.rules.gate import gate
from functions.risk.rules.market_hours import market_hours
from functions.risk.rules.max_loss_per_trade import max_loss_per_trade
from functions.risk.rules.position_limit import position_limit
from functions.risk.rules.price_collar import price_collar
from functions.risk.rules.reduce_only import reduce_only
from functions.risk.rules.stale_quote import stale_quote
from tests.unit.risk.conftest import around
from tests.unit.risk.test_proposed_order import CALL, option

D = Decimal
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]
UNSET = Limits()
NOON = datetime(2026, 1, 5, 17, 0, tzinfo=UTC)


def limits(name: str, value: str, scope: Scope = "account") -> Limits:
    return Limits((Limit(name, scope, D(value)),))


def said(verdict: Verdict) -> str:
    return verdict.code or verdict.outcome


# --- gate ---------------------------------------------------------------------------------------------------------


def test_gate_when_none_is_closed_then_it_allows(order: Orders, book: Books) -> None:
    assert said(gate(order(), book(), UNSET)) == "allow"


@pytest.mark.parametrize("scope", ["global", "user", "account", "strategy"])
def test_gate_when_closed_in_any_scope_then_it_denies_with_its_reason(order: Orders, book: Books, scope: Scope) -> None:
    verdict = gate(order(), book(closed_gates=(Gate(scope, "drawdown"),)), UNSET)
    assert verdict.text == f"GATE_CLOSED: scope={scope} reason=drawdown"


def test_gate_when_gates_could_not_be_read_then_it_denies(order: Orders, book: Books) -> None:
    assert said(gate(order(), book(closed_gates=None), UNSET)) == "MISSING_GATES"


# --- market hours -------------------------------------------------------------------------------------------------

HALF_DAY = Session.in_new_york(date(2026, 11, 27), closes=time(13, 0))


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        (HALF_DAY.opens_at - timedelta(microseconds=1), "MARKET_CLOSED"),
        (HALF_DAY.opens_at, "allow"),
        (HALF_DAY.closes_at - timedelta(microseconds=1), "allow"),
        (HALF_DAY.closes_at, "MARKET_CLOSED"),
    ],
)
def test_market_hours_when_on_a_half_day_then_its_own_close_counts(
    order: Orders, book: Books, at: datetime, outcome: str
) -> None:
    assert said(market_hours(order(event_time=at), book(sessions=(HALF_DAY,)), UNSET)) == outcome


def test_market_hours_when_closed_then_it_names_the_next_opening(order: Orders, book: Books) -> None:
    early = order(event_time=HALF_DAY.opens_at - timedelta(hours=1))
    verdict = market_hours(early, book(sessions=(HALF_DAY,)), UNSET)
    assert verdict.numbers["next_open"] == HALF_DAY.opens_at.isoformat()


def test_market_hours_when_it_is_a_holiday_then_it_is_closed_and_not_unknown(order: Orders, book: Books) -> None:
    assert said(market_hours(order(), book(sessions=()), UNSET)) == "MARKET_CLOSED"


def test_market_hours_when_the_calendar_is_missing_then_it_denies(order: Orders, book: Books) -> None:
    assert said(market_hours(order(), book(sessions=None), UNSET)) == "MISSING_CALENDAR"


def test_market_hours_when_closed_then_a_reducing_limit_passes_and_a_reducing_market_order_does_not(
    order: Orders, book: Books
) -> None:
    night, held = NOON + timedelta(hours=12), book(spy=OpenQuantity(D(100)))
    leaving = {"side": "sell", "reduce_only": True, "event_time": night}
    assert said(market_hours(order(order_type="limit", limit_price=D(99), **leaving), held, UNSET)) == "allow"
    assert said(market_hours(order(**leaving), held, UNSET)) == "MARKET_CLOSED"


def test_market_hours_when_it_trades_around_the_clock_then_it_allows(order: Orders, book: Books) -> None:
    assert said(market_hours(order(trades_around_the_clock=True), book(sessions=None), UNSET)) == "allow"


# --- stale quote --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "outcome"),
    [
        (timedelta(seconds=10), "allow"),
        (timedelta(seconds=10, microseconds=1), "STALE_QUOTE"),
        (timedelta(seconds=-5), "allow"),
    ],
)
def test_stale_quote_when_around_the_limit_then_the_limit_itself_is_fresh(
    order: Orders, book: Books, age: timedelta, outcome: str
) -> None:
    marks = {"SPY": Mark(D(100), NOON - age)}
    assert said(stale_quote(order(), book(marks=marks), limits("stale_quote", "10"))) == outcome


def test_stale_quote_when_there_is_no_quote_then_it_denies_with_its_own_code(order: Orders, book: Books) -> None:
    assert said(stale_quote(order(), book(marks={}), UNSET)) == "MISSING_QUOTE"


def test_stale_quote_when_no_limit_is_set_then_its_default_applies(order: Orders, book: Books) -> None:
    marks = {"SPY": Mark(D(100), NOON - timedelta(seconds=121))}
    verdict = stale_quote(order(), book(marks=marks), UNSET)
    assert verdict.text == "STALE_QUOTE: age_seconds=121 limit_seconds=120 scope=account"


# --- price sanity -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "price", "outcome"),
    [
        ("buy", "105", "allow"),
        ("buy", "105.01", "PRICE_COLLAR"),
        ("buy", "1", "allow"),
        ("sell", "95", "allow"),
        ("sell", "94.99", "PRICE_COLLAR"),
        ("sell", "1000", "allow"),
    ],
)
def test_price_collar_when_around_the_collar_then_only_the_paying_side_is_bound(
    order: Orders, book: Books, side: str, price: str, outcome: str
) -> None:
    proposed = order(side=side, order_type="limit", limit_price=D(price))
    assert said(price_collar(proposed, book(), limits("price_collar", "5"))) == outcome


def test_price_collar_when_a_hair_outside_then_rounding_does_not_let_it_pass(order: Orders, book: Books) -> None:
    proposed = order(order_type="limit", limit_price=D("105.000000000001"))
    assert said(price_collar(proposed, book(), limits("price_collar", "5"))) == "PRICE_COLLAR"


def test_price_collar_when_the_quote_is_missing_then_it_denies_limit_orders_only(order: Orders, book: Books) -> None:
    limit_order = order(order_type="limit", limit_price=D(100))
    for collar in (limits("price_collar", "5"), UNSET):
        for unread in (book(marks={}), book(market=None)):
            assert said(price_collar(limit_order, unread, collar)) == "MISSING_QUOTE"
            assert said(price_collar(order(), unread, collar)) == "allow"


@pytest.mark.parametrize(
    ("side", "price", "outcome"),
    [
        ("buy", "121", "allow"),
        ("buy", "121.01", "PRICE_COLLAR"),
        ("sell", "81", "allow"),
        ("sell", "80.99", "PRICE_COLLAR"),
    ],
)
def test_price_collar_when_no_limit_is_set_then_ten_percent_beyond_the_side_that_it_meets_are_the_most(
    order: Orders, book: Books, side: str, price: str, outcome: str
) -> None:
    wide = book(market=MarketFacts(quotes={"SPY": around(Mark(D(100), NOON), "20")}))
    assert said(price_collar(order(side=side, order_type="limit", limit_price=D(price)), wide, UNSET)) == outcome


def test_price_collar_when_a_cheap_option_is_a_quarter_beyond_then_that_is_never_a_wrong_key(
    order: Orders, book: Books
) -> None:
    cheap = book(market=MarketFacts(quotes={CALL: Quote(D(0), D("0.05"), D(0), D(9), NOON, D(100))}))
    orders = [
        order(symbol=CALL, order_type="limit", limit_price=D(price), legs=(option(CALL),)) for price in ("0.30", "0.31")
    ]
    collar = limits("price_collar", "10")
    assert [said(price_collar(each, cheap, collar)) for each in orders] == ["allow", "PRICE_COLLAR"]
    # Of options without a limit nothing is asked.
    assert [price_collar(each, cheap, UNSET).numbers for each in orders] == [{"limit": "not set"}] * 2


# --- position limit -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spy", "side", "quantity", "outcome"),
    [
        (OpenQuantity(), "buy", "1000", "allow"),
        (OpenQuantity(), "buy", "1000.0000000001", "POSITION_LIMIT"),
        (OpenQuantity(), "sell", "1001", "POSITION_LIMIT"),
        (OpenQuantity(D(600)), "buy", "400", "allow"),
        (OpenQuantity(D(600)), "buy", "401", "POSITION_LIMIT"),
        (OpenQuantity(to_buy=D(600)), "buy", "401", "POSITION_LIMIT"),
        (OpenQuantity(D(600), to_sell=D(600)), "buy", "401", "POSITION_LIMIT"),
        (OpenQuantity(D(-600)), "sell", "401", "POSITION_LIMIT"),
        (OpenQuantity(D(-600)), "buy", "1600", "allow"),
        (OpenQuantity(D(5000)), "sell", "100", "allow"),
    ],
)
def test_position_limit_when_around_it_then_working_orders_of_the_side_count(
    order: Orders, book: Books, spy: OpenQuantity, side: str, quantity: str, outcome: str
) -> None:
    proposed = order(side=side, quantity=D(quantity))
    assert said(position_limit(proposed, book(spy=spy), limits("position_limit", "1000"))) == outcome


def test_position_limit_when_not_set_then_it_allows_and_says_so(order: Orders, book: Books) -> None:
    assert position_limit(order(), book(), UNSET).text == "allow: limit=not set"


def test_position_limit_when_scopes_differ_then_each_is_held_against_its_own_exposure(
    order: Orders, book: Books
) -> None:
    exposures = {"account": {"SPY": OpenQuantity(D(900))}, "strategy": {"SPY": OpenQuantity(D(50))}}
    both = Limits((Limit("position_limit", "account", D(2000)), Limit("position_limit", "strategy", D(150))))
    within = position_limit(order(), book(exposures=exposures), both)
    outside = position_limit(order(quantity=D(101)), book(exposures=exposures), both)
    assert said(within) == "allow"
    assert outside.text == "POSITION_LIMIT: quantity_after=151 limit=150 scope=strategy"


def test_position_limit_when_the_scopes_exposure_is_missing_then_it_denies(order: Orders, book: Books) -> None:
    verdict = position_limit(order(), book(), limits("position_limit", "1000", "strategy"))
    assert said(verdict) == "MISSING_EXPOSURE"


# --- capital limit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "outcome"), [("100", "allow"), ("100.0000000001", "CAPITAL_LIMIT"), ("101", "CAPITAL_LIMIT")]
)
def test_capital_limit_when_around_it_then_the_limit_itself_is_allowed(
    order: Orders, book: Books, quantity: str, outcome: str
) -> None:
    assert said(capital_limit(order(quantity=D(quantity)), book(), limits("capital_limit", "10000"))) == outcome


def test_capital_limit_when_an_entry_is_filled_or_still_working_then_the_number_is_the_same(
    order: Orders, book: Books
) -> None:
    limit = limits("capital_limit", "100000")
    states = [OpenQuantity(D(100)), OpenQuantity(to_buy=D(100)), OpenQuantity(D(40), to_buy=D(60))]
    seen = {capital_limit(order(), book(spy=state), limit).numbers["notional_after"] for state in states}
    assert seen == {D(20_000)}


def test_capital_limit_when_several_symbols_are_open_then_all_count_with_their_multiplier(
    order: Orders, book: Books
) -> None:
    option = "SPY261218P00500000"
    marks = {"SPY": Mark(D(100), NOON), "IWM": Mark(D(50), NOON), option: Mark(D(2), NOON, D(100))}
    account = {"IWM": OpenQuantity(D(-10)), option: OpenQuantity(D(3)), "GONE": OpenQuantity()}
    verdict = capital_limit(
        order(), book(exposures={"account": account}, marks=marks), limits("capital_limit", "11099.99")
    )
    assert verdict.numbers["notional_after"] == 10_000 + 500 + 600
    assert said(verdict) == "CAPITAL_LIMIT"


def test_capital_limit_when_set_on_the_symbol_then_only_that_symbol_counts(order: Orders, book: Books) -> None:
    account = {"IWM": OpenQuantity(D(1_000_000))}
    verdict = capital_limit(order(), book(exposures={"account": account}), limits("capital_limit", "10000", "symbol"))
    assert said(verdict) == "allow"


def test_capital_limit_when_over_it_already_then_an_order_that_adds_nothing_passes(order: Orders, book: Books) -> None:
    held = book(spy=OpenQuantity(D(500)))
    assert said(capital_limit(order(side="sell"), held, limits("capital_limit", "10000"))) == "allow"


@pytest.mark.parametrize("missing", ["SPY", "IWM"])
def test_capital_limit_when_any_mark_is_missing_then_it_denies_and_names_it(
    order: Orders, book: Books, missing: str
) -> None:
    marks = {name: Mark(D(100), NOON) for name in ("SPY", "IWM") if name != missing}
    stated = book(exposures={"account": {"IWM": OpenQuantity(D(1))}}, marks=marks)
    verdict = capital_limit(order(), stated, limits("capital_limit", "1000000"))
    assert verdict.text == f"MISSING_MARK: symbol={missing} mark=missing"


def test_capital_limit_when_the_exposure_is_missing_then_it_denies_and_unset_it_allows(
    order: Orders, book: Books
) -> None:
    assert said(capital_limit(order(), book(), limits("capital_limit", "1", "user"))) == "MISSING_EXPOSURE"
    assert capital_limit(order(), book(marks={}), UNSET).text == "allow: limit=not set"


# --- max loss per trade -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "stop", "outcome"),
    [
        ("buy", "98", "allow"),
        ("buy", "97.99", "MAX_LOSS_PER_TRADE"),
        ("buy", "100", "STOP_ON_WRONG_SIDE"),
        ("buy", "101", "STOP_ON_WRONG_SIDE"),
        ("buy", None, "MAX_LOSS_PER_TRADE"),
        ("sell", "102", "allow"),
        ("sell", "102.01", "MAX_LOSS_PER_TRADE"),
        ("sell", "99", "STOP_ON_WRONG_SIDE"),
        ("sell", None, "MISSING_STOP"),
    ],
)
def test_max_loss_when_around_the_limit_then_distance_times_quantity_decides(
    order: Orders, book: Books, side: str, stop: str | None, outcome: str
) -> None:
    proposed = order(side=side, stop_loss_price=D(stop) if stop else None)
    assert said(max_loss_per_trade(proposed, book(), limits("max_loss_per_trade", "200"))) == outcome


def test_max_loss_when_a_long_has_no_stop_then_its_whole_notional_counts(order: Orders, book: Books) -> None:
    verdict = max_loss_per_trade(order(), book(), limits("max_loss_per_trade", "10000"))
    assert verdict.text == "allow: loss=10000 limit=10000 scope=account"


def test_max_loss_when_an_option_then_the_multiplier_counts(order: Orders, book: Books) -> None:
    proposed = order(quantity=D(1), multiplier=D(100), order_type="limit", limit_price=D(2))
    assert max_loss_per_trade(proposed, book(), limits("max_loss_per_trade", "199")).numbers["loss"] == 200


def test_max_loss_when_the_mark_is_missing_then_a_market_order_is_denied_and_a_limit_order_has_its_price(
    order: Orders, book: Books
) -> None:
    limit, blind = limits("max_loss_per_trade", "200"), book(marks={})
    assert said(max_loss_per_trade(order(stop_loss_price=D(99)), blind, limit)) == "MISSING_MARK"
    priced = order(order_type="limit", limit_price=D(100), stop_loss_price=D(99))
    assert said(max_loss_per_trade(priced, blind, limit)) == "allow"
    assert max_loss_per_trade(order(), blind, UNSET).numbers == {"limit": "not set"}


# --- reduce only --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spy", "side", "outcome", "to"),
    [
        (OpenQuantity(D(100)), "sell", "allow", None),
        (OpenQuantity(D(99)), "sell", "reduce", "99"),
        (OpenQuantity(D(100), to_sell=D(60)), "sell", "reduce", "40"),
        (OpenQuantity(D(100), to_sell=D(100)), "sell", "NOTHING_TO_REDUCE", None),
        (OpenQuantity(D(100)), "buy", "NOTHING_TO_REDUCE", None),
        (OpenQuantity(D(-100)), "buy", "allow", None),
        (OpenQuantity(D(-100), to_buy=D(1)), "buy", "reduce", "99"),
        (OpenQuantity(), "sell", "NOTHING_TO_REDUCE", None),
    ],
)
def test_reduce_only_when_the_promise_is_weighed_then_working_closing_orders_count(
    order: Orders, book: Books, spy: OpenQuantity, side: str, outcome: str, to: str | None
) -> None:
    verdict = reduce_only(order(side=side, reduce_only=True), book(spy=spy), UNSET)
    assert (said(verdict), verdict.to) == (outcome, D(to) if to else None)


def test_reduce_only_when_the_account_is_missing_then_it_denies(order: Orders, book: Books) -> None:
    assert said(reduce_only(order(side="sell", reduce_only=True), book(exposures={}), UNSET)) == "MISSING_EXPOSURE"
