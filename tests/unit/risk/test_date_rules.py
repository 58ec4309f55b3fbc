"""The rules that look at dates: blackouts, the days before earnings, the days before a dividend."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from functions.risk.assess import assess
from functions.risk.book import Book, OpenQuantity, ProposedOrder
from functions.risk.facts.market import Blackout, Dates, MarketFacts
from functions.risk.limits import Limit, Limits
from functions.risk.rules.blackout import blackout
from functions.risk.rules.blackout_days_before import blackout_days_before
from functions.risk.rules.ex_dividend_days import ex_dividend_days
from tests.unit.risk.test_proposed_order import CALL, option

D = Decimal
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]
UNSET = Limits()
CLOSED = Blackout("earnings", "SPY", date(2026, 1, 6), "results tonight")


def limits(name: str, value: str) -> Limits:
    return Limits((Limit(name, "account", D(value)),))


def dated(**dates: object) -> MarketFacts:
    return MarketFacts(dates=Dates(**dates))  # type: ignore[arg-type]


def test_blackout_when_the_day_is_closed_then_it_denies_with_kind_last_day_and_reason(
    order: Orders, book: Books
) -> None:
    found = blackout(order(), book(market=dated(blackouts=(CLOSED,))), UNSET)
    assert found.text == "BLACKOUT: symbol=SPY kind=earnings until=2026-01-06 reason=results tonight"
    everything = Blackout("other", None, date(2026, 1, 5), "")
    assert blackout(order(), book(market=dated(blackouts=(everything,))), UNSET).numbers["symbol"] == "everything"


def test_blackout_when_there_are_no_dates_then_it_allows_and_when_they_were_not_read_it_denies(
    order: Orders, book: Books
) -> None:
    assert blackout(order(), book(market=dated()), UNSET).code is None
    assert blackout(order(), book(market=None), UNSET).code == "MISSING_DATES"
    assert blackout(order(), book(market=MarketFacts()), UNSET).code == "MISSING_DATES"


def test_blackout_when_an_order_only_reduces_then_it_passes(order: Orders, book: Books) -> None:
    held = book(spy=OpenQuantity(D(100)), market=dated(blackouts=(CLOSED,)))
    assert assess(order(side="sell", reduce_only=True), held, UNSET).verdict.code is None


@pytest.mark.parametrize(
    ("days", "code"),
    [(0, "BLACKOUT_DAYS_BEFORE"), (3, "BLACKOUT_DAYS_BEFORE"), (4, None), (None, None)],
)
def test_blackout_days_before_when_around_the_limit_then_the_day_itself_belongs_to_it(
    order: Orders, book: Books, days: int | None, code: str | None
) -> None:
    facts = book(market=dated(days_to_earnings={"SPY": days}))
    for made in (order(), order(symbol=CALL, legs=(option(CALL),))):
        assert blackout_days_before(made, facts, limits("blackout_days_before", "3")).code == code


@pytest.mark.parametrize(("days", "code"), [(1, "EX_DIVIDEND_DAYS"), (3, "EX_DIVIDEND_DAYS"), (4, None), (None, None)])
def test_ex_dividend_days_when_around_the_limit_then_what_is_sold_short_is_held(
    order: Orders, book: Books, days: int | None, code: str | None
) -> None:
    facts = book(market=dated(days_to_ex_dividend={"SPY": days}))
    strict = limits("ex_dividend_days", "3")
    short_call = order(symbol=CALL, side="sell", legs=(option(CALL, "sell"),))
    for made in (order(side="sell"), short_call):
        assert ex_dividend_days(made, facts, strict).code == code
    assert ex_dividend_days(order(side="buy"), facts, strict).code is None
    short_put = order(symbol=CALL, side="sell", legs=(option(CALL, "sell", right="put"),))
    assert ex_dividend_days(short_put, facts, strict).code is None


def test_ex_dividend_days_when_shares_are_held_then_only_what_goes_short_counts(order: Orders, book: Books) -> None:
    facts = dated(days_to_ex_dividend={"SPY": 1})
    strict = limits("ex_dividend_days", "3")
    assert ex_dividend_days(order(side="sell"), book(spy=OpenQuantity(D(100)), market=facts), strict).code is None
    assert ex_dividend_days(order(side="sell"), book(spy=OpenQuantity(D(99)), market=facts), strict).code is not None
    assert ex_dividend_days(order(side="sell"), book(exposures={}, market=facts), strict).code == "MISSING_EXPOSURE"


@pytest.mark.parametrize(("expiry", "code"), [(date(2026, 1, 15), None), (date(2026, 1, 16), "EX_DIVIDEND_DAYS")])
def test_ex_dividend_days_when_a_call_expires_before_the_date_then_it_is_not_asked(
    order: Orders, book: Books, expiry: date, code: str | None
) -> None:
    facts = book(market=dated(days_to_ex_dividend={"SPY": 11}))
    made = order(symbol=CALL, side="sell", legs=(option(CALL, "sell", expiry=expiry),))
    assert ex_dividend_days(made, facts, limits("ex_dividend_days", "20")).code == code


def test_date_rules_when_nothing_is_known_of_the_symbol_then_they_deny_where_they_are_on(
    order: Orders, book: Books
) -> None:
    for market in (None, MarketFacts(), dated()):
        facts = book(market=market)
        found = blackout_days_before(order(), facts, limits("blackout_days_before", "3"))
        assert found.text == "MISSING_EARNINGS_DATE: symbol=SPY earnings=not known"
        found = ex_dividend_days(order(side="sell"), facts, limits("ex_dividend_days", "3"))
        assert found.text == "MISSING_EX_DIVIDEND_DATES: symbol=SPY ex_dividend=not known"
        assert blackout_days_before(order(), facts, UNSET).code is None
        assert ex_dividend_days(order(side="sell"), facts, UNSET).code is None
