"""A limit of a wider scope holds whatever a narrower one says: its value, and its parameters."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from functions.risk.book import Book, ProposedOrder
from functions.risk.facts.market import MarketFacts, Quote, Turnover
from functions.risk.limit_kinds import TIGHTER
from functions.risk.limits import Limit, Limits
from functions.risk.rule import Rule
from functions.risk.rules.blackout_days_before import blackout_days_before
from functions.risk.rules.ex_dividend_days import ex_dividend_days
from functions.risk.rules.margin_utilisation import margin_utilisation
from functions.risk.rules.min_open_interest import min_open_interest
from functions.risk.rules.min_volume import min_volume
from functions.risk.rules.price_collar import price_collar
from functions.risk.rules.stale_bars import stale_bars
from tests.unit.risk.conftest import NOON
from tests.unit.risk.test_portfolio_rules import facts_of, money
from tests.unit.risk.test_proposed_order import CALL, option

D = Decimal
HUGE = D(1_000_000)
QUOTE = Quote(D(4), D(5), D(10), D(10), NOON, D(100))
BOOKS: dict[str, dict[str, Any]] = {
    "price_collar": {"market": MarketFacts(quotes={CALL: QUOTE})},
    "margin_utilisation": facts_of(money=money(age_hours=D(200))),
    "min_open_interest": {"market": MarketFacts(turnover=Turnover(open_interest={CALL: (D(1000), 90)}))},
}


@pytest.mark.parametrize(
    ("rule", "everybodys", "own", "parameter", "code"),
    [
        (price_collar, "5", "4", "option_dollars", "PRICE_COLLAR"),
        (price_collar, "5", "5", "option_dollars", "PRICE_COLLAR"),
        (margin_utilisation, "50", "49", "max_age_hours", "STALE_EQUITY"),
        (min_open_interest, "500", "501", "within_days", "STALE_OPEN_INTEREST"),
    ],
)
def test_limit_when_a_tighter_one_of_a_narrower_scope_has_wide_parameters_then_the_wider_scopes_holds_all_the_same(
    rule: Rule,
    everybodys: str,
    own: str,
    parameter: str,
    code: str,
    order: Callable[..., ProposedOrder],
    book: Callable[..., Book],
) -> None:
    made = order(symbol=CALL, quantity=D(1), order_type="limit", limit_price=D(500), legs=(option(CALL),))
    narrow = Limit(rule.name, "account", D(own), parameters={parameter: HUGE})
    both = Limits([narrow, Limit(rule.name, "global", D(everybodys))], TIGHTER)
    assert rule(made, book(**BOOKS[rule.name]), both).code == code
    assert rule(made, book(**BOOKS[rule.name]), Limits([narrow], TIGHTER)).code is None


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (blackout_days_before, "MISSING_EARNINGS_DATE"),
        (ex_dividend_days, "MISSING_EX_DIVIDEND_DATES"),
        (min_volume, "MISSING_VOLUME"),
        (stale_bars, "MISSING_BARS"),
    ],
)
def test_limit_on_a_symbol_when_an_option_on_it_is_ordered_then_the_rule_that_looks_at_the_underlying_holds_it(
    rule: Rule, code: str, order: Callable[..., ProposedOrder], book: Callable[..., Book]
) -> None:
    sold = order(symbol=CALL, side="sell", quantity=D(1), legs=(option(CALL, "sell"),))
    for symbol, said in (("SPY", code), (CALL, code), ("IWM", None)):
        assert rule(sold, book(), Limits([Limit(rule.name, "symbol", D(1), symbol)], TIGHTER)).code == said
