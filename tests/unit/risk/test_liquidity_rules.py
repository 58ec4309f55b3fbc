"""The rules that look at quotes and turnover: at their bounds, and without what they look at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from functions.risk.assess import assess
from functions.risk.book import Book, OpenQuantity, ProposedOrder
from functions.risk.facts.market import Dates, MarketFacts, Quote, Turnover
from functions.risk.limits import Limit, Limits
from functions.risk.rule import Rule
from functions.risk.rules.max_spread import max_spread
from functions.risk.rules.min_open_interest import min_open_interest
from functions.risk.rules.min_volume import min_volume
from functions.risk.rules.quote_size import quote_size
from tests.unit.risk.test_proposed_order import CALL, FAR, option

D = Decimal
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]
NOON = datetime(2026, 1, 5, 17, 0, tzinfo=UTC)


def limits(name: str, value: str) -> Limits:
    return Limits((Limit(name, "account", D(value)),))


def quoted(bid: str, ask: str, bid_size: str = "300", ask_size: str = "100") -> Quote:
    return Quote(D(bid), D(ask), D(bid_size), D(ask_size), NOON)


@pytest.mark.parametrize(("limit", "code"), [("2", None), ("1.9999", "MAX_SPREAD")])
def test_max_spread_when_around_the_limit_then_the_spread_counts_in_percent_of_the_middle(
    order: Orders, book: Books, limit: str, code: str | None
) -> None:
    found = max_spread(
        order(), book(market=MarketFacts(quotes={"SPY": quoted("99", "101")})), limits("max_spread", limit)
    )
    assert found.code == code
    assert found.numbers["bid"] == D(99)


def test_max_spread_when_one_of_several_legs_is_wide_then_it_is_named_and_another_symbols_limit_holds_it_not(
    order: Orders, book: Books
) -> None:
    legs = (option(CALL), option(FAR, "sell"))
    made = order(symbol=CALL, order_type="limit", limit_price=D(2), legs=legs)
    facts = book(market=MarketFacts(quotes={CALL: quoted("2.99", "3.01"), FAR: quoted("0", "1")}))
    assert max_spread(made, facts, limits("max_spread", "100")).numbers["symbol"] == FAR
    assert max_spread(made, facts, limits("max_spread", "200")).code is None
    of_one = Limits((Limit("max_spread", "symbol", D(1), CALL), Limit("max_spread", "account", D(200))))
    assert max_spread(made, facts, of_one).code is None
    of_both = Limits((Limit("max_spread", "symbol", D(1), CALL), Limit("max_spread", "account", D(199))))
    assert max_spread(made, facts, of_both).numbers["symbol"] == FAR


@pytest.mark.parametrize(
    ("side", "quantity", "code"),
    [("buy", 50, None), ("buy", 51, "QUOTE_SIZE"), ("sell", 150, None), ("sell", 151, "QUOTE_SIZE")],
)
def test_quote_size_when_around_the_limit_then_the_side_that_it_hits_counts(
    order: Orders, book: Books, side: str, quantity: int, code: str | None
) -> None:
    facts = book(market=MarketFacts(quotes={"SPY": quoted("99", "101")}))
    assert quote_size(order(side=side, quantity=D(quantity)), facts, limits("quote_size", "50")).code == code


def test_quote_size_when_no_size_is_quoted_then_nothing_is_within_it(order: Orders, book: Books) -> None:
    facts = book(market=MarketFacts(quotes={"SPY": quoted("99", "101", ask_size="0")}))
    assert quote_size(order(quantity=D(1)), facts, limits("quote_size", "100")).code == "QUOTE_SIZE"


@pytest.mark.parametrize(("volume", "code"), [("1000", None), ("999", "MIN_VOLUME")])
def test_min_volume_when_around_the_limit_then_an_average_day_counts_and_of_an_option_its_underlyings(
    order: Orders, book: Books, volume: str, code: str | None
) -> None:
    facts = book(market=MarketFacts(turnover=Turnover(daily_volume={"SPY": D(volume)})))
    assert min_volume(order(), facts, limits("min_volume", "1000")).code == code
    assert min_volume(order(symbol=CALL, legs=(option(CALL),)), facts, limits("min_volume", "1000")).code == code


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ((D(500), 7), None),
        ((D(499), 7), "MIN_OPEN_INTEREST"),
        ((D(500), 8), "STALE_OPEN_INTEREST"),
        (None, "MISSING_OPEN_INTEREST"),
    ],
)
def test_min_open_interest_when_around_the_limit_or_old_or_missing_then_only_a_fresh_one_passes(
    order: Orders, book: Books, known: tuple[Decimal, int] | None, code: str | None
) -> None:
    facts = book(market=MarketFacts(turnover=Turnover(open_interest={} if known is None else {CALL: known})))
    made = order(symbol=CALL, legs=(option(CALL),))
    assert min_open_interest(made, facts, limits("min_open_interest", "500")).code == code
    assert min_open_interest(order(), facts, limits("min_open_interest", "500")).code is None


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (max_spread, "MISSING_QUOTE"),
        (quote_size, "MISSING_QUOTE"),
        (min_volume, "MISSING_VOLUME"),
        (min_open_interest, "MISSING_OPEN_INTEREST"),
    ],
)
def test_liquidity_rules_when_a_limit_is_set_and_the_facts_are_missing_then_they_deny(
    order: Orders, book: Books, asked: Rule, code: str
) -> None:
    made = order(symbol=CALL, legs=(option(CALL),))
    for facts in (None, MarketFacts()):
        assert asked(made, book(market=facts), limits(asked.name, "1")).code == code
        assert asked(made, book(market=facts), Limits()).code is None


def test_liquidity_rules_when_an_order_only_reduces_then_it_passes_them_all(order: Orders, book: Books) -> None:
    wide = MarketFacts(quotes={"SPY": quoted("1", "199", "0", "0")}, dates=Dates())
    strict = Limits(Limit(name, "account", D(1)) for name in ("max_spread", "quote_size", "min_volume"))
    held = book(spy=OpenQuantity(D(100)), market=wide)
    assert assess(order(side="sell", reduce_only=True), held, strict).verdict.code is None
    assert assess(order(side="buy"), held, strict).verdict.code == "MAX_SPREAD"
