"""The rules that look at the clock of the exchange: sessions, the hours around them, last trades, the newest bars."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest

from functions.core.market_calendar import Session
from functions.risk.assess import assess
from functions.risk.book import Book, OpenQuantity, ProposedOrder
from functions.risk.facts.market import Dates, MarketFacts
from functions.risk.limits import Limit, Limits
from functions.risk.rules.last_minutes import last_minutes
from functions.risk.rules.market_hours import market_hours
from functions.risk.rules.stale_bars import stale_bars
from functions.risk.rules.zero_dte_cutoff import zero_dte_cutoff
from tests.unit.risk.test_proposed_order import option

D = Decimal
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]
MONDAY = Session.in_new_york(date(2026, 1, 5))
HALF_DAY = Session.in_new_york(date(2026, 1, 5), closes=time(13, 0))
TUESDAY = Session.in_new_york(date(2026, 1, 6))
SECOND = timedelta(seconds=1)
UNSET = Limits()


def limits(name: str, value: str) -> Limits:
    return Limits((Limit(name, "account", D(value)),))


def last_trades(**until: datetime) -> MarketFacts:
    return MarketFacts(dates=Dates(trades_until=until))


@pytest.mark.parametrize(
    ("session", "at", "code"),
    [
        (MONDAY, time(3, 59, 59), "MARKET_CLOSED"),
        (MONDAY, time(4, 0), None),
        (MONDAY, time(16, 0), None),
        (MONDAY, time(19, 59, 59), None),
        (MONDAY, time(20, 0), "MARKET_CLOSED"),
        (HALF_DAY, time(16, 59, 59), None),
        (HALF_DAY, time(17, 0), "MARKET_CLOSED"),
    ],
)
def test_market_hours_when_an_order_says_extended_hours_then_those_around_the_session_count(
    order: Orders, book: Books, session: Session, at: time, code: str | None
) -> None:
    moment = (
        session.opens_at
        - timedelta(hours=9, minutes=30)
        + timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
    )
    wide = {"order_type": "limit", "limit_price": D(100), "event_time": moment}
    assert market_hours(order(**wide, extended_hours=True), book(sessions=(session,)), UNSET).code == code
    assert market_hours(order(**wide), book(sessions=(session,)), UNSET).code == "MARKET_CLOSED"


def test_market_hours_when_an_option_says_extended_hours_then_it_is_closed_all_the_same(
    order: Orders, book: Books
) -> None:
    call = "SPY260116C00100000"
    made = order(
        symbol=call,
        order_type="limit",
        limit_price=D(1),
        legs=(option(call),),
        extended_hours=True,
        event_time=MONDAY.closes_at,
    )
    assert market_hours(made, book(), UNSET).code == "MARKET_CLOSED"


@pytest.mark.parametrize(("root", "code"), [("SPX", "OPTION_EXPIRED"), ("SPXW", None)])
def test_market_hours_when_an_index_option_is_settled_at_the_open_then_it_trades_until_the_close_before(
    order: Orders, book: Books, root: str, code: str | None
) -> None:
    symbol = f"{root}260106C00100000"
    legs = (option(symbol, underlying="SPX", expiry=date(2026, 1, 6)),)
    facts = last_trades(**{symbol: MONDAY.closes_at})
    sessions = (MONDAY, TUESDAY)
    on_the_day = order(symbol=symbol, legs=legs, event_time=TUESDAY.opens_at)
    before = order(symbol=symbol, legs=legs, event_time=MONDAY.closes_at - SECOND)
    assert market_hours(on_the_day, book(sessions=sessions, market=facts), UNSET).code == code
    assert market_hours(before, book(sessions=sessions, market=facts), UNSET).code is None


def test_market_hours_when_the_last_trade_of_such_an_option_is_not_known_then_it_denies(
    order: Orders, book: Books
) -> None:
    symbol = "SPX260106C00100000"
    made = order(symbol=symbol, legs=(option(symbol, underlying="SPX", expiry=date(2026, 1, 6)),))
    assert market_hours(made, book(), UNSET).code == "MISSING_CALENDAR"
    assert market_hours(made, book(market=None), UNSET).code == "MISSING_CALENDAR"


@pytest.mark.parametrize(
    ("session", "before_close", "code"),
    [
        (MONDAY, timedelta(minutes=10), None),
        (MONDAY, timedelta(minutes=10) - timedelta(microseconds=1), "LAST_MINUTES"),
        (HALF_DAY, timedelta(minutes=10), None),
        (HALF_DAY, timedelta(minutes=10) - SECOND, "LAST_MINUTES"),
        (HALF_DAY, timedelta(), None),
    ],
)
def test_last_minutes_when_around_the_limit_then_the_days_own_close_counts(
    order: Orders, book: Books, session: Session, before_close: timedelta, code: str | None
) -> None:
    made = order(event_time=session.closes_at - before_close)
    assert last_minutes(made, book(sessions=(session,)), limits("last_minutes", "10")).code == code


def test_last_minutes_when_the_calendar_is_missing_or_no_limit_is_set_then_it_denies_or_is_off(
    order: Orders, book: Books
) -> None:
    assert last_minutes(order(), book(sessions=None), limits("last_minutes", "10")).code == "MISSING_CALENDAR"
    assert last_minutes(order(), book(sessions=None), UNSET).code is None
    crypto = order(trades_around_the_clock=True)
    assert last_minutes(crypto, book(sessions=None), limits("last_minutes", "10")).code is None


def test_last_minutes_when_two_limits_apply_then_the_larger_is_the_stricter(order: Orders, book: Books) -> None:
    both = Limits(
        (Limit("last_minutes", "account", D(5)), Limit("last_minutes", "global", D(10))), {"last_minutes": "higher"}
    )
    made = order(event_time=MONDAY.closes_at - timedelta(minutes=9))
    assert last_minutes(made, book(), both).numbers["scope"] == "global"


@pytest.mark.parametrize(
    ("expiry", "until", "before", "code"),
    [
        (MONDAY.date, MONDAY.closes_at, timedelta(minutes=15), None),
        (MONDAY.date, MONDAY.closes_at, timedelta(minutes=15) - SECOND, "ZERO_DTE_CUTOFF"),
        (MONDAY.date, MONDAY.closes_at, timedelta(minutes=1), "ZERO_DTE_CUTOFF"),
        (MONDAY.date, HALF_DAY.closes_at, timedelta(hours=3, minutes=15) - SECOND, "ZERO_DTE_CUTOFF"),
        (TUESDAY.date, TUESDAY.closes_at, timedelta(minutes=1), None),
        # Settled at Tuesday's opening: Monday's close is its last.
        (TUESDAY.date, MONDAY.closes_at, timedelta(minutes=1), "ZERO_DTE_CUTOFF"),
        (date(2026, 1, 16), None, timedelta(minutes=1), None),
        (TUESDAY.date, None, timedelta(minutes=1), "MISSING_CALENDAR"),
    ],
)
def test_zero_dte_cutoff_when_around_its_default_then_the_last_trade_counts(
    order: Orders, book: Books, expiry: date, until: datetime | None, before: timedelta, code: str | None
) -> None:
    symbol = f"SPY{expiry:%y%m%d}C00100000"
    facts = last_trades(**({} if until is None else {symbol: until}))
    made = order(symbol=symbol, legs=(option(symbol, expiry=expiry),), event_time=MONDAY.closes_at - before)
    assert zero_dte_cutoff(made, book(market=facts), UNSET).code == code


def test_zero_dte_cutoff_when_a_limit_is_set_then_it_takes_the_place_of_the_default(order: Orders, book: Books) -> None:
    symbol = "SPY260105C00100000"
    facts = last_trades(**{symbol: MONDAY.closes_at})
    made = order(
        symbol=symbol, legs=(option(symbol, expiry=MONDAY.date),), event_time=MONDAY.closes_at - timedelta(minutes=10)
    )
    assert zero_dte_cutoff(made, book(market=facts), limits("zero_dte_cutoff", "10")).code is None
    assert zero_dte_cutoff(made, book(market=facts), limits("zero_dte_cutoff", "11")).code == "ZERO_DTE_CUTOFF"


def test_zero_dte_cutoff_when_it_closes_or_is_no_option_then_it_passes(order: Orders, book: Books) -> None:
    symbol, late = "SPY260105C00100000", MONDAY.closes_at - timedelta(minutes=1)
    facts = last_trades(**{symbol: MONDAY.closes_at})
    closing = option(symbol, "sell", expiry=MONDAY.date, position_intent="sell_to_close")
    made = order(symbol=symbol, side="sell", legs=(closing,), event_time=late)
    assert zero_dte_cutoff(made, book(market=facts), UNSET).code is None
    assert zero_dte_cutoff(order(event_time=late), book(market=None, sessions=None), UNSET).code is None
    opening = order(symbol=symbol, legs=(option(symbol, expiry=MONDAY.date),), event_time=late)
    assert zero_dte_cutoff(opening, book(sessions=None), UNSET).code == "MISSING_CALENDAR"


@pytest.mark.parametrize(
    ("newest", "at", "code"),
    [
        (timedelta(hours=2), timedelta(hours=2, seconds=90), None),
        (timedelta(hours=2), timedelta(hours=2, seconds=91), "STALE_BARS"),
        # Yesterday's bar is not late before the first of today had time to end.
        (timedelta(hours=-17, minutes=-30), timedelta(seconds=90), None),
        (timedelta(hours=-17, minutes=-30), timedelta(seconds=91), "STALE_BARS"),
    ],
)
def test_stale_bars_when_around_the_limit_then_the_time_of_the_session_counts(
    order: Orders, book: Books, newest: timedelta, at: timedelta, code: str | None
) -> None:
    facts = MarketFacts(bars_until={"SPY": MONDAY.opens_at + newest})
    made = order(event_time=MONDAY.opens_at + at)
    assert stale_bars(made, book(market=facts), limits("stale_bars", "90")).code == code
    call = "SPY260116C00100000"
    of_option = order(symbol=call, legs=(option(call),), event_time=MONDAY.opens_at + at)
    assert stale_bars(of_option, book(market=facts), limits("stale_bars", "90")).code == code


def test_stale_bars_when_there_are_none_then_it_denies_where_it_is_on(order: Orders, book: Books) -> None:
    for facts in (None, MarketFacts(), MarketFacts(bars_until={})):
        assert stale_bars(order(), book(market=facts), limits("stale_bars", "90")).code == "MISSING_BARS"
        assert stale_bars(order(), book(market=facts), UNSET).code is None
    known = MarketFacts(bars_until={"SPY": MONDAY.opens_at})
    assert stale_bars(order(), book(market=known, sessions=None), limits("stale_bars", "90")).code == "MISSING_CALENDAR"


def test_session_rules_when_an_order_only_reduces_then_the_last_minute_does_not_hold_it(
    order: Orders, book: Books
) -> None:
    strict = Limits((Limit("last_minutes", "account", D(30)), Limit("stale_bars", "account", D(1))))
    held = book(spy=OpenQuantity(D(100)))
    late = {"event_time": MONDAY.closes_at - SECOND}
    assert assess(order(side="sell", reduce_only=True, **late), held, strict).verdict.code is None
    assert assess(order(**late), held, strict).verdict.code == "LAST_MINUTES"
