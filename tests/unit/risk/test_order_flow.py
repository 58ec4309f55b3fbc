"""The rules on the flow of orders: how many, how fast, how large, and whether they meet one another."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from functions.risk.account import AccountFacts, BrokerRules
from functions.risk.assess import assess
from functions.risk.book import Book, Mark, OpenQuantity, ProposedOrder, Side
from functions.risk.facts.orders import OrderFacts, OtherSide, RestingOrder, StrikeRange, SymbolsOpen
from functions.risk.limit_kinds import TIGHTER
from functions.risk.limits import Limit, Limits, Scope
from functions.risk.rule import Verdict
from functions.risk.rules.day_trade_limit import day_trade_limit
from functions.risk.rules.duplicate_order import duplicate_order
from functions.risk.rules.open_positions_limit import open_positions_limit
from functions.risk.rules.order_churn_limit import order_churn_limit
from functions.risk.rules.order_quantity_limit import order_quantity_limit
from functions.risk.rules.order_rate_limit import order_rate_limit
from functions.risk.rules.overlapping_strikes import overlapping_strikes
from functions.risk.rules.trade_capital_limit import trade_capital_limit
from functions.risk.rules.wash_trade import wash_trade
from tests.unit.risk.conftest import NOON
from tests.unit.risk.test_proposed_order import CALL, FAR, option

D = Decimal
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]
UNSET = Limits()
PUT, LOW_PUT = "SPY260116P00095000", "SPY260116P00090000"


def limits(name: str, value: str, scope: Scope = "account", symbol: str | None = None, **parameters: str) -> Limits:
    said = {key: D(number) for key, number in parameters.items()}
    return Limits((Limit(name, scope, D(value), symbol, said),), TIGHTER)


def facts(**known: Any) -> OrderFacts:
    return OrderFacts(**known)


def said(verdict: Verdict) -> str:
    return verdict.code or verdict.outcome


def put(symbol: str, side: str = "sell", **more: Any) -> Any:
    return option(symbol, side, right="put", **more)


def marked(**prices: str) -> dict[str, Mark]:
    found = {"SPY": Mark(D(100), NOON)}
    return found | {name: Mark(D(price), NOON, D(100)) for name, price in prices.items()}


def package(order: Orders, *legs: Any, **more: Any) -> ProposedOrder:
    plain = {"order_type": "limit", "limit_price": D("-1")}
    return order(symbol=legs[0].symbol, side=legs[0].side, quantity=D(1), legs=legs, **(plain | more))


# --- open positions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "added", "outcome"),
    [(5, 1, "allow"), (6, 1, "OPEN_POSITIONS"), (6, 0, "allow"), (9, 0, "allow"), (6, 4, "OPEN_POSITIONS")],
)
def test_open_positions_when_around_the_limit_then_what_adds_none_passes(
    order: Orders, book: Books, after: int, added: int, outcome: str
) -> None:
    known = facts(symbols_open={"strategy": SymbolsOpen(D(after), D(added))})
    verdict = open_positions_limit(order(), book(orders=known), limits("open_positions_limit", "5", "strategy"))
    assert said(verdict) == outcome


def test_open_positions_when_a_scope_was_not_counted_then_it_denies(order: Orders, book: Books) -> None:
    held_to = limits("open_positions_limit", "5", "user")
    known = facts(symbols_open={"account": SymbolsOpen(D(1), D(1))})
    for orders in (None, known):
        assert said(open_positions_limit(order(), book(orders=orders), held_to)) == "MISSING_POSITION_COUNT"


# --- quantity of one order ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "outcome"), [("100", "allow"), ("100.5", "ORDER_QUANTITY")])
def test_order_quantity_when_around_the_limit_then_the_limit_itself_passes(
    order: Orders, book: Books, quantity: str, outcome: str
) -> None:
    held = book(spy=OpenQuantity(D(1000)))
    proposed = order(quantity=D(quantity))
    assert said(order_quantity_limit(proposed, held, limits("order_quantity_limit", "100"))) == outcome


def test_order_quantity_when_of_several_legs_then_each_leg_counts_with_its_ratio(order: Orders, book: Books) -> None:
    several = package(order, option(CALL), option(FAR, "sell", 2))
    verdict = order_quantity_limit(several, book(), limits("order_quantity_limit", "1"))
    assert verdict.text == f"ORDER_QUANTITY: symbol={FAR} quantity=2 limit=1 scope=account"
    of_another = limits("order_quantity_limit", "1", "symbol", CALL)
    assert said(order_quantity_limit(several, book(), of_another)) == "allow"


# --- capital of one order -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "capital"),
    [
        ({}, "10000"),
        ({"order_type": "limit", "limit_price": D(90)}, "9000"),
        ({"order_type": "limit", "limit_price": D(110)}, "11000"),
        ({"order_type": "stop", "stop_price": D(105)}, "10500"),
        ({"side": "sell", "order_type": "limit", "limit_price": D(90)}, "10000"),
        ({"side": "sell", "order_type": "limit", "limit_price": D(110)}, "11000"),
        ({"side": "sell", "order_type": "stop", "stop_price": D(95)}, "10000"),
    ],
)
def test_trade_capital_when_in_shares_then_it_is_reckoned_at_the_worst_price(
    order: Orders, book: Books, changes: dict[str, Any], capital: str
) -> None:
    held = book(spy=OpenQuantity(D(1000)))
    inside = trade_capital_limit(order(**changes), held, limits("trade_capital_limit", capital))
    assert inside.text == f"allow: capital={capital} limit={capital} scope=account"
    below = str(D(capital) - D("0.01"))
    assert said(trade_capital_limit(order(**changes), held, limits("trade_capital_limit", below))) == "TRADE_CAPITAL"


@pytest.mark.parametrize(
    ("legs", "price", "capital"),
    [
        # Bought: the premium at the order's own limit.
        ((option(CALL),), "3.50", "350"),
        # A debit spread at its price, a credit spread at its width less the credit, a put at its strike less it.
        ((option(CALL), option(FAR, "sell")), "2.20", "220"),
        ((put(PUT), put(LOW_PUT, "buy")), "-1.20", "380"),
        ((put(PUT),), "1.90", "9310"),
        # Nothing covers the call: as if the underlying came to twice the strike.
        ((option(CALL, "sell"),), "3", "9700"),
        # A credit spread that is asked for a debit.
        ((put(PUT), put(LOW_PUT, "buy")), "0.30", "530"),
    ],
)
def test_trade_capital_when_in_options_then_it_is_the_premium_or_what_they_could_lose(
    order: Orders, book: Books, legs: tuple[Any, ...], price: str, capital: str
) -> None:
    known = book(marks=marked(**{CALL: "3", FAR: "1", PUT: "2", LOW_PUT: "1"}))
    proposed = package(order, *legs, limit_price=D(price))
    inside = trade_capital_limit(proposed, known, limits("trade_capital_limit", capital))
    assert inside.text == f"allow: capital={capital} limit={capital} scope=account"
    below = str(D(capital) - D("0.01"))
    assert said(trade_capital_limit(proposed, known, limits("trade_capital_limit", below))) == "TRADE_CAPITAL"


def test_trade_capital_when_shares_cover_the_call_then_it_takes_none(order: Orders, book: Books) -> None:
    known = book(spy=OpenQuantity(D(100)), marks=marked(**{CALL: "3"}))
    proposed = package(order, option(CALL, "sell"), limit_price=D(3))
    assert said(trade_capital_limit(proposed, known, limits("trade_capital_limit", "0"))) == "allow"


def test_trade_capital_when_a_mark_is_missing_then_it_denies_unless_the_limit_price_says_all(
    order: Orders, book: Books
) -> None:
    held_to, unmarked = limits("trade_capital_limit", "1000000"), book(marks={})
    assert said(trade_capital_limit(order(), unmarked, held_to)) == "MISSING_MARK"
    assert said(trade_capital_limit(package(order, put(PUT), limit_price=D(2)), unmarked, held_to)) == "MISSING_MARK"
    named = order(order_type="limit", limit_price=D(90))
    assert said(trade_capital_limit(named, unmarked, held_to)) == "allow"


# --- duplicate ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "held_to", "outcome"),
    [
        (None, UNSET, "allow"),
        ("0", UNSET, "DUPLICATE_ORDER"),
        ("4.999999", UNSET, "DUPLICATE_ORDER"),
        ("5", UNSET, "allow"),
        ("29.9", limits("duplicate_order", "30"), "DUPLICATE_ORDER"),
        ("0", limits("duplicate_order", "0"), "allow"),
    ],
)
def test_duplicate_when_an_equal_order_is_that_old_then_five_seconds_is_the_default(
    order: Orders, book: Books, since: str | None, held_to: Limits, outcome: str
) -> None:
    known = facts(since_equal=None if since is None else D(since))
    assert said(duplicate_order(order(), book(orders=known), held_to)) == outcome


def test_duplicate_when_several_limits_are_set_then_the_longest_counts(order: Orders, book: Books) -> None:
    both = Limits((Limit("duplicate_order", "account", D(1)), Limit("duplicate_order", "user", D(60))), TIGHTER)
    assert said(duplicate_order(order(), book(orders=facts(since_equal=D(30))), both)) == "DUPLICATE_ORDER"


def test_duplicate_when_earlier_orders_were_not_read_then_it_denies(order: Orders, book: Books) -> None:
    assert said(duplicate_order(order(), book(orders=None), UNSET)) == "MISSING_EARLIER_ORDERS"


# --- rate and churn -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("placed", "outcome"), [(59, "allow"), (60, "ORDER_RATE"), (61, "ORDER_RATE")])
def test_order_rate_when_so_many_were_placed_before_then_one_more_is_too_many(
    order: Orders, book: Books, placed: int, outcome: str
) -> None:
    known = facts(placed={("strategy", D(60)): D(placed)})
    assert said(order_rate_limit(order(), book(orders=known), limits("order_rate_limit", "60", "strategy"))) == outcome


def test_order_rate_when_another_time_is_set_then_that_count_is_held_to_it(order: Orders, book: Books) -> None:
    known = facts(placed={("account", D(60)): D(100), ("account", D(10)): D(2)})
    held_to = limits("order_rate_limit", "3", within_seconds="10.0")
    assert said(order_rate_limit(order(), book(orders=known), held_to)) == "allow"


def test_order_rate_when_orders_were_not_counted_then_it_denies(order: Orders, book: Books) -> None:
    held_to = limits("order_rate_limit", "60", "user")
    for orders in (None, facts(placed={("account", D(60)): D(1)})):
        assert said(order_rate_limit(order(), book(orders=orders), held_to)) == "MISSING_ORDER_COUNT"


@pytest.mark.parametrize(("entries", "outcome"), [(2, "allow"), (3, "ORDER_CHURN")])
def test_order_churn_when_the_symbol_was_entered_before_then_one_more_is_too_many(
    order: Orders, book: Books, entries: int, outcome: str
) -> None:
    known = facts(entries={"account": {"SPY": D(entries)}})
    for scope in ("account", "symbol"):
        held_to = limits("order_churn_limit", "3", scope, "SPY" if scope == "symbol" else None)
        assert said(order_churn_limit(order(), book(orders=known), held_to)) == outcome


def test_order_churn_when_a_leg_closes_or_is_not_counted_then_it_is_no_entry(order: Orders, book: Books) -> None:
    roll = package(order, option(CALL, "sell", position_intent="sell_to_close"), option(FAR))
    known = facts(entries={"account": {CALL: D(9)}})
    assert said(order_churn_limit(roll, book(orders=known), limits("order_churn_limit", "1"))) == "allow"
    of_another = limits("order_churn_limit", "0", "symbol", CALL)
    assert said(order_churn_limit(roll, book(orders=known), of_another)) == "allow"


def test_order_churn_when_entries_were_not_counted_then_it_denies(order: Orders, book: Books) -> None:
    held_to = limits("order_churn_limit", "3", "strategy")
    for orders in (None, facts(entries={"account": {}})):
        assert said(order_churn_limit(order(), book(orders=orders), held_to)) == "MISSING_ENTRY_COUNT"


# --- wash trade ---------------------------------------------------------------------------------------------------


def resting(side: Side, *orders: tuple[str, str | None, str | None]) -> OrderFacts:
    made = [RestingOrder(str(n), kind, p and D(p), s and D(s)) for n, (kind, p, s) in enumerate(orders)]  # type: ignore[arg-type]
    return facts(other_side={"SPY": OtherSide.of(side, made)})


LIMIT = {"order_type": "limit"}


@pytest.mark.parametrize(
    ("changes", "other", "outcome"),
    [
        # Limit against limit: where they meet, they trade.
        (LIMIT | {"limit_price": D(101)}, [("limit", "101", None)], "WASH_TRADE"),
        (LIMIT | {"limit_price": D("100.99")}, [("limit", "101", None)], "allow"),
        (LIMIT | {"limit_price": D(101)}, [("limit", "105", None), ("limit", "101", None)], "WASH_TRADE"),
        # At market, within half a percent of the mark; a target further away is left alone.
        ({}, [("limit", "100.50", None)], "WASH_TRADE"),
        ({}, [("limit", "100.51", None)], "allow"),
        ({}, [("limit", "99", None)], "WASH_TRADE"),
        # Two that take what is there do not meet; one that rests in the other's way is met.
        ({}, [("market", None, None)], "allow"),
        (LIMIT | {"limit_price": D("99.50")}, [("market", None, None)], "WASH_TRADE"),
        (LIMIT | {"limit_price": D("99.49")}, [("market", None, None)], "allow"),
        # A stop that waits is in no market, on either side.
        ({}, [("stop", None, "99.99")], "allow"),
        ({}, [("stop_limit", "99", "99.99")], "allow"),
        ({}, [("stop_limit", "99", "100")], "WASH_TRADE"),
        ({"order_type": "stop", "stop_price": D("100.01")}, [("limit", "100.01", None)], "allow"),
        ({"order_type": "stop", "stop_price": D(100)}, [("limit", "100.01", None)], "WASH_TRADE"),
        ({"order_type": "trailing_stop", "trail_price": D(1)}, [("limit", "100.01", None)], "allow"),
    ],
)
def test_wash_trade_when_a_buy_meets_what_the_same_user_sells_then_denied(
    order: Orders, book: Books, changes: dict[str, Any], other: list[Any], outcome: str
) -> None:
    assert said(wash_trade(order(**changes), book(orders=resting("sell", *other)), UNSET)) == outcome


@pytest.mark.parametrize(
    ("changes", "other", "outcome"),
    [
        (LIMIT | {"limit_price": D(99)}, [("limit", "95", None), ("limit", "99", None)], "WASH_TRADE"),
        (LIMIT | {"limit_price": D("99.01")}, [("limit", "99", None)], "allow"),
        ({}, [("limit", "99.50", None)], "WASH_TRADE"),
        ({}, [("limit", "99.49", None)], "allow"),
        (LIMIT | {"limit_price": D("100.50")}, [("market", None, None)], "WASH_TRADE"),
        (LIMIT | {"limit_price": D("100.51")}, [("market", None, None)], "allow"),
        ({}, [("stop_limit", "101", "100.01")], "allow"),
        ({}, [("stop_limit", "101", "100")], "WASH_TRADE"),
    ],
)
def test_wash_trade_when_a_sell_meets_what_the_same_user_buys_then_denied(
    order: Orders, book: Books, changes: dict[str, Any], other: list[Any], outcome: str
) -> None:
    assert said(wash_trade(order(side="sell", **changes), book(orders=resting("buy", *other)), UNSET)) == outcome


def test_wash_trade_when_denied_then_it_names_the_working_order(order: Orders, book: Books) -> None:
    verdict = wash_trade(order(), book(orders=resting("sell", ("limit", "100.2", None))), UNSET)
    assert verdict.text == "WASH_TRADE: symbol=SPY working_order=0 price=100.2 mark=100 reach_percent=0.5"


def test_wash_trade_when_a_longer_reach_is_set_then_the_limit_further_away_is_met(order: Orders, book: Books) -> None:
    known = book(orders=resting("sell", ("limit", "102", None)))
    assert said(wash_trade(order(), known, limits("wash_trade", "2"))) == "WASH_TRADE"
    assert said(wash_trade(order(), known, limits("wash_trade", "1.99"))) == "allow"


def test_wash_trade_when_in_several_legs_or_nothing_stands_there_then_it_allows(order: Orders, book: Books) -> None:
    known = book(orders=facts(other_side={CALL: OtherSide.of("sell", [RestingOrder("a", "limit", D("0.1"))])}))
    assert said(wash_trade(package(order, option(CALL), option(FAR, "sell")), known, UNSET)) == "allow"
    assert said(wash_trade(order(), known, UNSET)) == "allow"


def test_wash_trade_when_orders_are_missing_or_too_many_or_there_is_no_mark_then_it_denies(
    order: Orders, book: Books
) -> None:
    for orders in (None, facts(other_side=None)):
        assert said(wash_trade(order(), book(orders=orders), UNSET)) == "MISSING_WORKING_ORDERS"
    known = book(orders=resting("sell", ("limit", "105", None)), marks={})
    assert said(wash_trade(order(), known, UNSET)) == "MISSING_MARK"


# --- overlapping strikes ------------------------------------------------------------------------------------------


PUTS, CALLS = "SPY260116P", "SPY260116C"


def strikes(low: str, high: str, package: str = "a", *, own: bool = True) -> StrikeRange:
    return StrikeRange(package, D(low), D(high), own)


@pytest.mark.parametrize(
    ("found", "series", "outcome"),
    [
        (strikes("92", "97"), PUTS, "OVERLAPPING_STRIKES"),
        (strikes("91", "94"), PUTS, "OVERLAPPING_STRIKES"),
        (strikes("80", "120"), PUTS, "OVERLAPPING_STRIKES"),
        # They touch, and no more.
        (strikes("95", "100"), PUTS, "allow"),
        (strikes("85", "90"), PUTS, "allow"),
        (strikes("85", "90.5"), PUTS, "OVERLAPPING_STRIKES"),
        # One strike has no inside.
        (strikes("95", "95"), PUTS, "OVERLAPPING_STRIKES"),
        (strikes("90", "90"), PUTS, "OVERLAPPING_STRIKES"),
        (strikes("95.5", "95.5"), PUTS, "allow"),
        (strikes("89.5", "89.5"), PUTS, "allow"),
        # Another right, expiry or root.
        (strikes("92", "97"), CALLS, "allow"),
        (strikes("92", "97"), "SPY260123P", "allow"),
        (strikes("92", "97"), "SPYX260116P", "allow"),
    ],
)
def test_overlapping_strikes_when_a_spread_lies_beside_or_within_another_then_only_within_counts(
    order: Orders, book: Books, found: StrikeRange, series: str, outcome: str
) -> None:
    spread = package(order, put(PUT), put(LOW_PUT, "buy"))
    known = book(orders=facts(packages={series: (found,)}))
    assert said(overlapping_strikes(spread, known, limits("overlapping_strikes", "0"))) == outcome


def test_overlapping_strikes_when_around_the_limit_then_a_package_counts_once_and_a_strategy_its_own(
    order: Orders, book: Books
) -> None:
    condor = package(order, put(PUT), put(LOW_PUT, "buy"), option(CALL, "sell"), option(FAR))
    standing = {PUTS: (strikes("91", "94"), strikes("91", "94", "b", own=False)), CALLS: (strikes("101", "104"),)}
    known = book(orders=facts(packages=standing))
    assert overlapping_strikes(condor, known, limits("overlapping_strikes", "2")).text.startswith("allow: packages=2")
    assert said(overlapping_strikes(condor, known, limits("overlapping_strikes", "1"))) == "OVERLAPPING_STRIKES"
    assert said(overlapping_strikes(condor, known, limits("overlapping_strikes", "1", "strategy"))) == "allow"


@pytest.mark.parametrize(
    ("position", "working", "outcome"),
    [
        ("1", {}, "OPPOSITE_CONTRACT"),
        ("-1", {}, "allow"),
        ("0", {PUT: D(1)}, "OPPOSITE_CONTRACT"),
        ("0", {PUT: D(-1)}, "allow"),
    ],
)
def test_overlapping_strikes_when_the_contract_is_open_the_other_way_then_denied_whatever_the_limit(
    order: Orders, book: Books, position: str, working: dict[str, Decimal], outcome: str
) -> None:
    known = book(
        exposures={"account": {PUT: OpenQuantity(D(position))}},
        packages={"account": (working,)},
        orders=facts(packages={}),
    )
    spread = package(order, put(PUT), put(LOW_PUT, "buy"))
    assert said(overlapping_strikes(spread, known, limits("overlapping_strikes", "99"))) == outcome


def test_overlapping_strikes_when_no_option_is_opened_then_it_allows_and_when_packages_are_missing_it_denies(
    order: Orders, book: Books
) -> None:
    held_to = limits("overlapping_strikes", "9")
    spread = package(order, put(PUT), put(LOW_PUT, "buy"))
    for orders in (None, facts()):
        assert said(overlapping_strikes(spread, book(orders=orders), held_to)) == "MISSING_PACKAGES"
        assert said(overlapping_strikes(order(), book(orders=orders), held_to)) == "allow"
    assert (
        said(overlapping_strikes(spread, book(exposures={}, orders=facts(packages={})), held_to)) == "MISSING_EXPOSURE"
    )


# --- day trades ---------------------------------------------------------------------------------------------------

MARGIN = AccountFacts(BrokerRules(), None)


@pytest.mark.parametrize(
    ("count", "equity", "outcome"),
    [
        (2, "24999.99", "allow"),
        (3, "24999.99", "DAY_TRADES"),
        (4, "24999.99", "DAY_TRADES"),
        (4, "25000", "allow"),
    ],
)
def test_day_trades_when_around_the_count_and_the_equity_then_only_small_accounts_are_held(
    order: Orders, book: Books, count: int, equity: str, outcome: str
) -> None:
    known = book(account=MARGIN, orders=facts(day_trades=D(count), equity=D(equity)))
    assert said(day_trade_limit(order(), known, limits("day_trade_limit", "3"))) == outcome


def test_day_trades_when_another_equity_is_set_then_it_counts(order: Orders, book: Books) -> None:
    known = book(account=MARGIN, orders=facts(day_trades=D(3), equity=D(2000)))
    assert said(day_trade_limit(order(), known, limits("day_trade_limit", "3", below_equity="2000"))) == "allow"


@pytest.mark.parametrize(
    ("account", "known", "outcome"),
    [
        (None, None, "allow"),
        (AccountFacts(BrokerRules(is_margin=False), None), None, "allow"),
        (AccountFacts(None, None), facts(day_trades=D(0), equity=D(1)), "MISSING_ACCOUNT_RULES"),
        (MARGIN, None, "MISSING_DAY_TRADES"),
        (MARGIN, facts(equity=D(1)), "MISSING_DAY_TRADES"),
        (MARGIN, facts(day_trades=D(0)), "MISSING_EQUITY"),
        # Where the broker does not say, it may be one.
        (AccountFacts(BrokerRules(is_margin=None), None), facts(day_trades=D(3), equity=D(1)), "DAY_TRADES"),
    ],
)
def test_day_trades_when_the_account_is_none_or_not_known_then_cash_passes_and_missing_denies(
    order: Orders, book: Books, account: Any, known: Any, outcome: str
) -> None:
    held_to = limits("day_trade_limit", "3")
    assert said(day_trade_limit(order(), book(account=account, orders=known), held_to)) == outcome


# --- all of them --------------------------------------------------------------------------------------------------


def test_exit_when_every_limit_is_used_up_and_nothing_is_known_then_it_passes(order: Orders, book: Books) -> None:
    names = ("order_rate_limit", "order_churn_limit", "open_positions_limit", "order_quantity_limit")
    more = ("trade_capital_limit", "overlapping_strikes", "day_trade_limit", "duplicate_order", "wash_trade")
    strict = Limits((Limit(name, "account", D(0)) for name in names + more), TIGHTER)
    held = book(spy=OpenQuantity(D(100)), orders=None, account=MARGIN)
    leaving = order(side="sell", reduce_only=True)
    assert assess(leaving, held, strict).verdict.outcome == "allow"
    entering = {one.rule: one.verdict.code for one in assess(order(), held, strict).decisions}
    assert all(entering[name] is not None for name in names + more if name != "overlapping_strikes")
