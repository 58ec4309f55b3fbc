"""Concentration, margin and greeks: each limit at its boundary, and without what it needs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.core.ledger.book_portfolio import BookEquity, BookGreeks
from functions.risk.account import AccountFacts
from functions.risk.assess import assess
from functions.risk.book import Book, OpenQuantity, ProposedOrder
from functions.risk.facts.market import Dates, MarketFacts
from functions.risk.facts.portfolio import Held, Money, Net, NetGreeks, PortfolioFacts
from functions.risk.limits import Limit, Limits, Scope
from functions.risk.reading_greeks import net_greeks
from functions.risk.reading_portfolio import held_of, money_of
from functions.risk.rule import Rule
from functions.risk.rules.margin_utilisation import margin_utilisation
from functions.risk.rules.net_delta_limit import net_delta_limit
from functions.risk.rules.net_gamma_limit import net_gamma_limit
from functions.risk.rules.net_vega_limit import net_vega_limit
from functions.risk.rules.sector_concentration import sector_concentration
from functions.risk.rules.symbol_concentration import symbol_concentration
from tests.unit.risk.conftest import NOON
from tests.unit.risk.test_account_rules import PUT, facts, marks, of, of_legs, said
from tests.unit.risk.test_proposed_order import CALL, FAR

D = Decimal
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]
SHARES_OF_EQUITY = (symbol_concentration, sector_concentration, margin_utilisation)
GREEKS = {"delta": net_delta_limit, "gamma": net_gamma_limit, "vega": net_vega_limit}


def limits(rule: Rule, value: str = "20", scope: Scope = "account", **parameters: str) -> Limits:
    return Limits([Limit(rule.name, scope, D(value), None, {name: D(said) for name, said in parameters.items()})])


def money(**changes: Any) -> Money:
    return Money(**({"equity": D(100_000), "age_hours": D(3), "requires": D(5000), "adds": D(10_000)} | changes))


def facts_of(**changes: Any) -> dict[str, Any]:
    """An order of 100 SPY that adds 10 000 dollars to the 5 000 that are there, in the sector too."""
    held = Held(of_symbol=D(5000), of_sector=D(5000), adds=D(10_000))
    plain: dict[str, Any] = {
        "quantity": D(100),
        "underlying": "SPY",
        "sector": "funds",
        "money": money(),
        "held": {"account": held},
    }
    return {"market": MarketFacts(dates=Dates(), portfolio=PortfolioFacts(**(plain | changes)))}


def greeks_of(greek: str, net: Net, age: int = 10, **changes: Any) -> dict[str, Any]:
    none = Net(D(0), D(0), D(0), D(0))
    known: dict[str, Any] = {"delta": none, "gamma": none, "vega": none, greek: net}
    found = NetGreeks(**known, age_seconds=D(age), oldest=CALL, **changes)
    return facts_of(greeks={"account": found})


# --- parts of the equity ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", SHARES_OF_EQUITY, ids=lambda rule: rule.name)
@pytest.mark.parametrize(
    ("value", "changes", "outcome"),
    [
        ("15", {}, "allow"),
        ("14.99", {}, None),
        ("15", {"money": money(equity=D("99999.99"))}, None),
        ("15", {"money": None}, "MISSING_EQUITY"),
        ("15", {"money": money(age_hours=D(120))}, "allow"),
        ("15", {"money": money(age_hours=D("120.01"))}, "STALE_EQUITY"),
        ("15", {"money": money(equity=D(0))}, None),
        ("100", {"money": money(equity=D(-1))}, None),
    ],
)
def test_share_of_equity_when_at_the_limit_then_a_cent_more_is_denied(
    rule: Rule, value: str, changes: dict[str, Any], outcome: str | None, order: Orders, book: Books
) -> None:
    verdict = rule(order(), book(**facts_of(**changes)), limits(rule, value))
    assert said(verdict) == (outcome or rule.code)


@pytest.mark.parametrize("rule", SHARES_OF_EQUITY, ids=lambda rule: rule.name)
def test_share_of_equity_when_nothing_is_known_or_set_then_denied_or_off(
    rule: Rule, order: Orders, book: Books
) -> None:
    assert said(rule(order(), book(), limits(rule))) == "MISSING_EQUITY"
    assert said(rule(order(), book(**facts_of()), Limits())) == "allow"


@pytest.mark.parametrize("rule", SHARES_OF_EQUITY, ids=lambda rule: rule.name)
def test_share_of_equity_when_the_order_was_cut_then_what_is_left_of_it_counts(
    rule: Rule, order: Orders, book: Books
) -> None:
    now = book(**facts_of())
    assert said(rule(order(quantity=D(50)), now, limits(rule, "10"))) == "allow"
    assert said(rule(order(quantity=D(51)), now, limits(rule, "10"))) == rule.code


@pytest.mark.parametrize("rule", SHARES_OF_EQUITY, ids=lambda rule: rule.name)
def test_share_of_equity_when_the_order_adds_nothing_or_only_reduces_then_it_passes(
    rule: Rule, order: Orders, book: Books
) -> None:
    nothing = Held(of_symbol=D(50_000), of_sector=D(50_000), adds=D(0))
    now = book(**facts_of(money=money(requires=D(50_000), adds=D(0)), held={"account": nothing}))
    assert said(rule(order(), now, limits(rule, "1"))) == "allow"
    full = book(spy=OpenQuantity(D(100)), **facts_of())
    exit_ = order(side="sell", reduce_only=True)
    assert assess(exit_, full, limits(rule, "0")).verdict.outcome == "allow"
    assert assess(order(), full, limits(rule, "0")).verdict.code == rule.code


@pytest.mark.parametrize(
    ("rule", "changes", "outcome"),
    [
        (symbol_concentration, {"held": {}}, "MISSING_EXPOSURE"),
        (sector_concentration, {"held": {}}, "MISSING_EXPOSURE"),
        (symbol_concentration, {"held": {"account": Held(of_symbol=None, of_sector=None, adds=D(1))}}, "MISSING_MARK"),
        (symbol_concentration, {"held": {"account": Held(of_symbol=D(1), of_sector=None, adds=D(1))}}, "allow"),
        (symbol_concentration, {"held": {"account": Held(of_symbol=D(1), of_sector=D(1), adds=None)}}, "MISSING_MARK"),
        (sector_concentration, {"held": {"account": Held(of_symbol=D(1), of_sector=None, adds=D(1))}}, "MISSING_MARK"),
        (sector_concentration, {"sector": None}, "MISSING_SECTOR"),
        (margin_utilisation, {"money": money(requires=None)}, "MISSING_MARGIN"),
        (margin_utilisation, {"money": money(adds=None)}, "MISSING_MARGIN"),
    ],
)
def test_share_of_equity_when_something_is_missing_then_denied_by_its_name(
    rule: Rule, changes: dict[str, Any], outcome: str, order: Orders, book: Books
) -> None:
    assert said(rule(order(), book(**facts_of(**changes)), limits(rule, "90"))) == outcome


def test_concentration_when_the_limit_is_the_strategy_s_then_what_the_strategy_has_counts(
    order: Orders, book: Books
) -> None:
    mine = Held(of_symbol=D(0), of_sector=D(0), adds=D(10_000))
    there = Held(of_symbol=D(50_000), of_sector=D(50_000), adds=D(10_000))
    now = book(**facts_of(held={"account": there, "strategy": mine}))
    for rule in (symbol_concentration, sector_concentration):
        assert said(rule(order(), now, limits(rule, "10", "strategy"))) == "allow"
        assert said(rule(order(), now, limits(rule, "10", "user"))) == rule.code


@pytest.mark.parametrize(
    ("open_now", "packages", "changes", "held"),
    [
        ({}, (), {}, (0, 0, 10_000)),
        ({"SPY": OpenQuantity(D(10), to_buy=D(5))}, (), {}, (1500, 1500, 10_000)),
        # A sale that closes adds nothing; what goes beyond it does.
        ({"SPY": OpenQuantity(D(100))}, (), {"side": "sell"}, (10_000, 10_000, 0)),
        ({"SPY": OpenQuantity(D(40))}, (), {"side": "sell"}, (4000, 4000, 2000)),
        ({}, (), {"order_type": "limit", "limit_price": D(110)}, (0, 0, 11_000)),
        ({CALL: OpenQuantity(D(2))}, (), {}, (600, 600, 10_000)),
        # The spread that works: its width less the credit.
        ({}, ({CALL: D(-1), FAR: D(1)},), {}, (300, 300, 10_000)),
        # Of the same sector, of none that is known, and of another.
        ({"QQQ": OpenQuantity(D(1))}, (), {}, (0, 50, 10_000)),
        ({"XYZ": OpenQuantity(D(1))}, (), {}, (0, 50, 10_000)),
        ({"GLD": OpenQuantity(D(1))}, (), {}, (0, 0, 10_000)),
        ({"IWM": OpenQuantity(D(1))}, (), {}, (0, None, 10_000)),
        ({"SPY": OpenQuantity(D(100)), CALL: OpenQuantity(D(-1))}, (), {}, (10_000, 10_000, 10_000)),
    ],
)
def test_held_when_shares_are_ordered_then_underlying_and_sector_are_summed_to_the_dollar(
    open_now: dict[str, OpenQuantity],
    packages: tuple[dict[str, Decimal], ...],
    changes: dict[str, Any],
    held: tuple[int | None, ...],
    order: Orders,
    book: Books,
) -> None:
    seen = marks() | {name: type(marks()["SPY"])(D(50), NOON) for name in ("QQQ", "XYZ", "GLD")}
    now = book(exposures={"account": open_now}, marks=seen)
    sectors = {"SPY": "funds", CALL: "funds", FAR: "funds", "QQQ": "funds", "IWM": "funds", "XYZ": None, "GLD": "gold"}
    found = held_of(order(**changes), now, open_now, packages, sectors)
    assert (found.of_symbol, found.of_sector, found.adds) == held


@pytest.mark.parametrize(
    ("legs", "open_now", "adds"),
    [
        ([of(CALL, "buy")], {}, 300),
        ([of(CALL), of(FAR, "buy")], {}, 300),
        ([of(PUT)], {}, 9300),
        # What is held covers what is sold: shares, or a bought call.
        ([of(CALL)], {"SPY": OpenQuantity(D(100))}, 0),
        ([of(FAR)], {CALL: OpenQuantity(D(1))}, 0),
    ],
)
def test_held_when_options_are_ordered_then_what_they_keep_at_work_is_added(
    legs: list[Any], open_now: dict[str, OpenQuantity], adds: int, order: Orders, book: Books
) -> None:
    now = book(exposures={"account": open_now}, marks=marks())
    assert held_of(of_legs(order, *legs), now, open_now, (), {}).adds == adds


TOLD = BookEquity.model_validate(
    {"equity": "100000", "margin_requirement": "5000", "as_of": (NOON - timedelta(hours=5)).isoformat()}
)


@pytest.mark.parametrize(
    ("open_now", "account", "requires", "adds"),
    [
        ({}, facts(), 5000, 5000),
        ({}, facts({"is_margin": False}), 5000, 10_000),
        ({}, None, 5000, 10_000),
        ({"SPY": OpenQuantity(D(10))}, facts(), 5500, 5000),
        ({"SPY": OpenQuantity(D(10))}, facts(then={"SPY": OpenQuantity(D(10))}), 5000, 5000),
        ({"SPY": OpenQuantity(D(10))}, facts(then={"SPY": OpenQuantity(D(4))}), 5300, 5000),
        # What was closed since gives nothing back; what is as it was needs no mark.
        ({"SPY": OpenQuantity(D(4))}, facts(then={"SPY": OpenQuantity(D(10))}), 5000, 5000),
        ({"IWM": OpenQuantity(D(4))}, facts(then={"IWM": OpenQuantity(D(4))}), 5000, 5000),
        ({"IWM": OpenQuantity(D(4))}, facts(), None, None),
        ({CALL: OpenQuantity(D(2))}, facts(), 5600, 5000),
    ],
)
def test_money_when_something_was_opened_since_the_broker_spoke_then_it_is_added(
    open_now: dict[str, OpenQuantity],
    account: AccountFacts | None,
    requires: int | None,
    adds: int | None,
    order: Orders,
    book: Books,
) -> None:
    found = money_of(order(), book(exposures={"account": open_now}, marks=marks(), account=account), TOLD)
    assert (found.equity, found.age_hours) == (D(100_000), D(5))
    assert (found.requires, found.adds) == (requires, adds)
    if requires is None:
        assert found.missing == "mark of IWM"


# --- greeks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("greek", GREEKS)
@pytest.mark.parametrize(
    ("net", "outcome"),
    [
        (Net(D(60), D(60), D(60), D(40)), "allow"),
        (Net(D(60), D(60), D(60), D("40.01")), None),
        (Net(D(-60), D(-60), D(-60), D(-40)), "allow"),
        (Net(D(-60), D(-60), D(-60), D("-40.01")), None),
        # Working orders that go its way count, those that go the other make no room.
        (Net(D(0), D(-90), D(60), D(40)), "allow"),
        (Net(D(0), D(-90), D(61), D(40)), None),
        (Net(D(0), D(-61), D(90), D(-40)), None),
        # It lowers what is held, also where something is left on the other side.
        (Net(D(-900), D(-900), D(-900), D(100)), "allow"),
        (Net(D(-900), D(-900), D(-900), D(1799)), "allow"),
        (Net(D(-900), D(-900), D(-900), D(1800)), None),
        (Net(D(900), D(900), D(900), D(-1799)), "allow"),
        (Net(D(900), D(900), D(900), D(-1800)), None),
        # But not where a working order that goes its way has used up the room.
        (Net(D(-900), D(-900), D(101), D(1)), None),
        (Net(D(900), D(900), D(900), D(0)), "allow"),
    ],
)
def test_net_greek_when_at_the_limit_then_a_cent_more_is_denied_and_less_of_it_passes(
    greek: str, net: Net, outcome: str | None, order: Orders, book: Books
) -> None:
    rule = GREEKS[greek]
    assert said(rule(order(), book(**greeks_of(greek, net)), limits(rule, "100"))) == (outcome or rule.code)


@pytest.mark.parametrize("greek", GREEKS)
def test_net_greek_when_old_or_missing_then_denied_and_an_exit_passes(greek: str, order: Orders, book: Books) -> None:
    rule, net = GREEKS[greek], Net(D(0), D(0), D(0), D(1))
    assert said(rule(order(), book(**greeks_of(greek, net, 900)), limits(rule))) == "allow"
    assert said(rule(order(), book(**greeks_of(greek, net, 901)), limits(rule))) == "STALE_GREEKS"
    assert said(rule(order(), book(**greeks_of(greek, net, 901)), limits(rule, max_age_seconds="901"))) == "allow"
    assert said(rule(order(), book(**greeks_of(greek, net, missing=CALL)), limits(rule))) == "MISSING_GREEKS"
    assert said(rule(order(), book(**greeks_of(greek, net)), limits(rule, scope="strategy"))) == "MISSING_GREEKS"
    assert said(rule(order(), book(), limits(rule))) == "MISSING_GREEKS"
    exit_ = order(side="sell", reduce_only=True)
    assert assess(exit_, book(spy=OpenQuantity(D(100))), limits(rule, "0")).verdict.outcome == "allow"


@pytest.mark.parametrize("greek", GREEKS)
def test_net_greek_when_the_order_was_cut_then_what_is_left_of_it_counts(
    greek: str, order: Orders, book: Books
) -> None:
    rule, now = GREEKS[greek], book(**greeks_of(greek, Net(D(0), D(0), D(0), D(100))))
    assert said(rule(order(quantity=D(50)), now, limits(rule, "50"))) == "allow"
    assert said(rule(order(quantity=D(51)), now, limits(rule, "50"))) == rule.code


def row(**changes: Any) -> BookGreeks:
    plain = {
        "right": "call",
        "strike": "100",
        "expires_on": "2026-01-16",
        "price": "3",
        "priced_at": (NOON - timedelta(seconds=30)).isoformat(),
        "delta": "0.5",
        "gamma": "0.04",
        "vega": "0.1",
        "spot": "100",
        "spot_at": (NOON - timedelta(seconds=60)).isoformat(),
    }
    return BookGreeks.model_validate(plain | changes)


def test_net_greeks_when_the_feed_says_them_then_summed_in_dollars_with_working_orders_apart(
    order: Orders, book: Books
) -> None:
    exposure = {"SPY": OpenQuantity(D(-20), to_buy=D(5)), CALL: OpenQuantity(D(3), to_buy=D(1), to_sell=D(2))}
    found = net_greeks(of_legs(order, of(CALL, "buy")), book(marks=marks()), exposure, {CALL: row()}, {})
    # A contract: 0.5 x 100 dollars x 100 units; 0.04 x 100 dollars squared / 100 x 100 units; 0.1 x 100 units.
    assert found.delta == Net(held=D(13_000), low=D(3000), high=D(18_500), adds=D(5000))
    assert found.gamma == Net(held=D(1200), low=D(400), high=D(1600), adds=D(400))
    assert found.vega == Net(held=D(30), low=D(10), high=D(40), adds=D(10))
    assert (found.age_seconds, found.oldest, found.missing) == (D(60), CALL, "")


def test_net_greeks_when_several_legs_are_ordered_then_each_counts_with_its_sign(order: Orders, book: Books) -> None:
    told = {CALL: row(), FAR: row(delta="0.3", strike="105")}
    found = net_greeks(of_legs(order, of(CALL), of(FAR, "buy")), book(marks=marks()), {}, told, {})
    assert found.delta == Net(D(0), D(0), D(0), D(-2000))


@pytest.mark.parametrize(
    ("changes", "delta"),
    [
        # At the money a little above half, for the interest; far out of it next to nothing; at what exercise brings 1.
        ({}, (D("0.51"), D("0.55"))),
        ({"right": "put"}, (D("-0.49"), D("-0.45"))),
        ({"strike": "150", "price": "0.05"}, (D(0), D("0.05"))),
        ({"strike": "80", "price": "20"}, (D(1), D(1))),
        ({"strike": "120", "price": "19.5", "right": "put"}, (D(-1), D(-1))),
    ],
)
def test_net_greeks_when_the_feed_says_none_then_reckoned_from_the_price(
    changes: dict[str, Any], delta: tuple[Decimal, Decimal], order: Orders, book: Books
) -> None:
    told = {CALL: row(delta=None, gamma=None, vega=None, **changes)}
    found = net_greeks(of_legs(order, of(CALL, "buy")), book(marks=marks()), {}, told, {})
    assert found.missing == ""
    assert delta[0] <= found.delta.adds / 10_000 <= delta[1]


@pytest.mark.parametrize(
    "told",
    [
        {},
        {CALL: row(spot=None, spot_at=None)},
        {CALL: row(delta=None, price=None, priced_at=None)},
        {CALL: row(delta=None, strike="110", price="0")},
    ],
)
def test_net_greeks_when_there_is_nothing_to_reckon_them_from_then_missing(
    told: dict[str, BookGreeks], order: Orders, book: Books
) -> None:
    assert net_greeks(of_legs(order, of(CALL, "buy")), book(marks=marks()), {}, told, {}).missing == CALL
    assert net_greeks(order(), book(marks={}), {}, {}, {}).missing == "SPY"


def test_net_greeks_when_it_expires_today_then_the_close_is_its_end(order: Orders, book: Books) -> None:
    today = row(delta=None, expires_on=date(2026, 1, 5).isoformat(), price="0.5")
    found = net_greeks(of_legs(order, of(CALL, "buy")), book(marks=marks()), {}, {CALL: today}, {})
    assert found.missing == ""
    assert found.gamma.adds > 0


def test_net_greeks_when_it_expired_yesterday_then_it_moves_no_more(order: Orders, book: Books) -> None:
    gone = {CALL: row(expires_on=date(2026, 1, 4).isoformat(), spot=None, spot_at=None)}
    found = net_greeks(order(), book(marks=marks()), {CALL: OpenQuantity(D(-5))}, gone, {})
    assert (found.missing, found.delta.held) == ("", D(0))
