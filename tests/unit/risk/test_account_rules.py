"""The rules of the account: what its broker lets it do, and what the broker would let it pay for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.risk.account import AccountFacts, BrokerMoney, BrokerRules
from functions.risk.assess import assess
from functions.risk.book import Book, Mark, OpenQuantity, ProposedLeg, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.rule import Verdict
from functions.risk.rules.account_restricted import account_restricted
from functions.risk.rules.buying_power import buying_power
from functions.risk.rules.options_level import options_level
from functions.risk.rules.settled_cash import settled_cash
from functions.risk.rules.shortable import shortable
from tests.unit.risk.conftest import NOON
from tests.unit.risk.test_proposed_order import CALL, FAR, option

D = Decimal
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]
UNSET = Limits()
ACCOUNT_RULES = (account_restricted, options_level, shortable, buying_power, settled_cash)
PUT, LOW_PUT, LOWEST_PUT = "SPY260116P00095000", "SPY260116P00090000", "SPY260116P00085000"
FAR_HIGH, EARLY, EARLY_HIGH = "SPY260116C00110000", "SPY260109C00100000", "SPY260109C00105000"
PRICES = {"SPY": D(100), CALL: D(3), FAR: D(1), PUT: D(2), LOW_PUT: D(1), EARLY: D(2), EARLY_HIGH: D(1)}


def marks() -> dict[str, Mark]:
    return {name: Mark(price, NOON, D(1) if name == "SPY" else D(100)) for name, price in PRICES.items()}


def facts(rules: dict[str, Any] | None = None, **money: Any) -> AccountFacts:
    """An account that may do everything, with 20 000 dollars of buying power on 10 000 of cash."""
    plain = {
        "as_of": NOON - timedelta(hours=5),
        "cash": D(10_000),
        "buying_power": D(20_000),
        "options_buying_power": D(10_000),
    }
    return AccountFacts(BrokerRules(**(rules or {})), BrokerMoney(**{**plain, **money}))


def said(verdict: Verdict) -> str:
    return verdict.code or verdict.outcome


def of_legs(order: Orders, *legs: ProposedLeg, **changes: Any) -> ProposedOrder:
    several = {"order_type": "limit", "limit_price": D(1)} if len(legs) > 1 else {}
    return order(symbol=legs[0].symbol, side=legs[0].side, quantity=D(1), legs=legs, **(several | changes))


def of(symbol: str, side: Any = "sell", **more: Any) -> ProposedLeg:
    terms: dict[str, Any] = {"right": "put", "strike": D(symbol[-8:]) / 1000} if "P" in symbol[3:] else {}
    return option(symbol, side, **(terms | more))


# --- an account that nobody linked, and one whose broker said nothing -----------------------------------------------


@pytest.mark.parametrize("rule", ACCOUNT_RULES, ids=lambda rule: rule.name)
def test_rule_when_nothing_was_entered_into_the_account_then_it_lets_pass(
    rule: Any, order: Orders, book: Books
) -> None:
    for proposed in (order(), order(side="sell"), of_legs(order, of(CALL))):
        assert said(rule(proposed, book(marks=marks()), UNSET)) == "allow"


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (account_restricted, "MISSING_ACCOUNT_RULES"),
        (options_level, "MISSING_ACCOUNT_RULES"),
        (shortable, "MISSING_ACCOUNT_RULES"),
        (buying_power, "MISSING_BUYING_POWER"),
    ],
    ids=lambda one: getattr(one, "name", one),
)
def test_rule_when_the_broker_has_not_said_then_missing_is_not_taken_for_anything(
    rule: Any, code: str, order: Orders, book: Books
) -> None:
    silent = book(marks=marks(), account=AccountFacts(None, None))
    proposed = of_legs(order, of(CALL)) if rule is options_level else order(side="sell")
    assert said(rule(proposed, silent, UNSET)) == code


def test_assess_when_everything_is_restricted_then_an_order_that_only_reduces_passes(
    order: Orders, book: Books
) -> None:
    restricted = facts({"blocked": "a court order", "may_short": False, "is_margin": False}, buying_power=D(0))
    held = book(spy=OpenQuantity(D(100)), marks=marks(), account=restricted)
    assert assess(order(side="sell", reduce_only=True), held, UNSET).verdict.outcome == "allow"
    assert assess(order(side="buy"), held, UNSET).verdict.code == "ACCOUNT_BLOCKED"


# --- what the broker does not let it do --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"blocked": "account_blocked"}, "ACCOUNT_BLOCKED: blocked=account_blocked"),
        ({"closing_only": True}, "CLOSING_ONLY: closing_only=yes"),
        ({}, "allow: closing_only=no"),
    ],
)
def test_account_restricted_when_the_broker_says_so_then_it_denies(
    rules: dict[str, Any], text: str, order: Orders, book: Books
) -> None:
    assert account_restricted(order(), book(account=facts(rules)), UNSET).text == text


# --- options level -----------------------------------------------------------------------------------------------

HELD_SHARES = {"SPY": OpenQuantity(D(100))}
SPREAD = {EARLY: OpenQuantity(D(-1)), EARLY_HIGH: OpenQuantity(D(1))}


@pytest.mark.parametrize(
    ("legs", "held", "money", "needed"),
    [
        ([of(CALL, "buy")], {}, {}, 2),
        ([of(CALL, "buy"), of(PUT, "buy")], {}, {}, 2),
        ([of(CALL)], HELD_SHARES, {}, 1),
        ([of(CALL)], {"SPY": OpenQuantity(D(99))}, {}, 4),
        ([of(CALL)], {"SPY": OpenQuantity(D(100), to_sell=D(1))}, {}, 4),
        # The shares cover one call, and that one is sold already.
        ([of(CALL)], HELD_SHARES | {FAR: OpenQuantity(D(-1))}, {}, 4),
        ([of(FAR)], {CALL: OpenQuantity(D(1))}, {}, 3),
        ([of(FAR)], {CALL: OpenQuantity(D(1), to_sell=D(1))}, {}, 4),
        ([of(FAR)], {PUT: OpenQuantity(D(1))}, {}, 4),
        ([of(CALL, "buy"), of(FAR)], {}, {}, 3),
        ([of(PUT), of(LOW_PUT, "buy")], {}, {}, 3),
        ([of(CALL), of(PUT, "buy")], {}, {}, 4),
        ([of(PUT)], {}, {"cash": D(9500)}, 1),
        ([of(PUT)], {}, {"cash": D("9499.99")}, 4),
        ([of(PUT)], {}, {"cash": D(9500), "spent": D(1)}, 4),
        ([of(PUT)], {LOW_PUT: OpenQuantity(D(-1))}, {"cash": D(18_499)}, 4),
        # What bought options cover needs no shares, and no cash.
        ([of(CALL)], HELD_SHARES | {FAR: OpenQuantity(D(-1)), FAR_HIGH: OpenQuantity(D(1))}, {}, 1),
        ([of(PUT)], {LOW_PUT: OpenQuantity(D(-1)), LOWEST_PUT: OpenQuantity(D(1))}, {"cash": D(9500)}, 1),
        # What is held covers one that is sold, not two.
        ([of(FAR)], {CALL: OpenQuantity(D(1)), EARLY: OpenQuantity(D(-1))}, {}, 4),
        # A call that shares cover is rolled: what is bought back covers nothing, the shares do.
        (
            [of(CALL, "buy", position_intent="buy_to_close"), of(FAR)],
            HELD_SHARES | {CALL: OpenQuantity(D(-1))},
            {},
            1,
        ),
        ([of(CALL, "buy", position_intent="buy_to_close"), of(FAR)], {CALL: OpenQuantity(D(-1))}, {}, 4),
    ],
)
def test_options_level_when_the_order_opens_then_what_it_needs_is_weighed(
    legs: list[ProposedLeg],
    held: dict[str, OpenQuantity],
    money: dict[str, Any],
    needed: int,
    order: Orders,
    book: Books,
) -> None:
    proposed = of_legs(order, *legs)
    for level in (needed, needed - 1):
        had = book(exposures={"account": held}, marks=marks(), account=facts({"options_level": level}, **money))
        verdict = options_level(proposed, had, UNSET)
        assert said(verdict) == ("allow" if level == needed else "OPTIONS_LEVEL")
        assert verdict.shown() == {"needed": str(needed), "level": str(level)}


def test_options_level_when_nothing_is_opened_then_none_is_needed(order: Orders, book: Books) -> None:
    none = book(account=facts({"options_level": 0}))
    closing = of_legs(order, of(CALL, "sell", position_intent="sell_to_close"))
    assert said(options_level(closing, none, UNSET)) == "allow"
    assert said(options_level(order(), none, UNSET)) == "allow"


# --- short selling -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spy", "side", "outcome"),
    [
        (OpenQuantity(), "sell", "NOT_SHORTABLE"),
        (OpenQuantity(D(100)), "sell", "allow"),
        (OpenQuantity(D(99)), "sell", "NOT_SHORTABLE"),
        (OpenQuantity(D(100), to_sell=D(1)), "sell", "NOT_SHORTABLE"),
        (OpenQuantity(D(100), to_buy=D(50)), "sell", "allow"),
        (OpenQuantity(), "buy", "allow"),
    ],
)
def test_shortable_when_the_account_may_not_then_only_what_is_held_is_sold(
    spy: OpenQuantity, side: str, outcome: str, order: Orders, book: Books
) -> None:
    verdict = shortable(order(side=side), book(spy=spy, account=facts({"may_short": False})), UNSET)
    assert said(verdict) == outcome


@pytest.mark.parametrize(("listed", "outcome"), [(False, "NOT_SHORTABLE"), (None, "allow"), (True, "allow")])
def test_shortable_when_a_list_says_so_then_it_is_denied(
    listed: bool | None, outcome: str, order: Orders, book: Books
) -> None:
    leg = ProposedLeg(symbol="SPY", side="sell", position_intent="sell_to_open", quantity=D(1), shortable=listed)
    assert said(shortable(of_legs(order, leg), book(account=facts()), UNSET)) == outcome


# --- buying power ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "spy", "money", "text"),
    [
        ({"quantity": D(200)}, None, {}, "allow: takes=20000 left=20000 told=20000"),
        ({"quantity": D(201)}, None, {}, "BUYING_POWER: takes=20100 left=20000 told=20000"),
        ({"order_type": "limit", "limit_price": D(201)}, None, {}, "BUYING_POWER: takes=20100 left=20000"),
        ({"order_type": "limit", "limit_price": D(50)}, None, {}, "allow: takes=10000 left=20000"),
        ({"order_type": "stop", "stop_price": D(201)}, None, {}, "BUYING_POWER: takes=20100 left=20000"),
        # Opened since, filled or still working: it has taken its share.
        ({}, OpenQuantity(D(101)), {}, "BUYING_POWER: takes=10000 left=9900"),
        ({}, OpenQuantity(to_buy=D(101)), {}, "BUYING_POWER: takes=10000 left=9900"),
        # Open then: the broker has counted it.
        ({}, OpenQuantity(D(101)), {"then": {"SPY": OpenQuantity(D(101))}}, "allow: takes=10000 left=20000"),
        ({}, OpenQuantity(to_buy=D(101)), {"then": {"SPY": OpenQuantity(to_buy=D(101))}}, "allow: takes=10000"),
        # Closed since: it gives back.
        ({"quantity": D(300)}, None, {"then": {"SPY": OpenQuantity(D(100))}}, "allow: takes=30000 left=30000"),
        ({}, None, {"buying_power": D(0)}, "BUYING_POWER: takes=10000 left=0"),
        ({}, None, {"buying_power": D(0), "options_buying_power": D(0), "moved": D(10_000)}, "allow: takes=10000"),
        ({"side": "sell"}, None, {"buying_power": D(9999)}, "BUYING_POWER: takes=10000 left=9999"),
        ({"side": "sell"}, OpenQuantity(D(100)), {"buying_power": D(0)}, "allow: takes=0"),
        ({}, None, {"buying_power": None}, "MISSING_BUYING_POWER"),
    ],
)
def test_buying_power_when_shares_are_ordered_then_what_they_take_is_weighed(
    changes: dict[str, Any],
    spy: OpenQuantity | None,
    money: dict[str, Any],
    text: str,
    order: Orders,
    book: Books,
) -> None:
    verdict = buying_power(order(**changes), book(spy=spy, account=facts(**money)), UNSET)
    assert verdict.text.startswith(text)


@pytest.mark.parametrize(
    ("legs", "held", "money", "text"),
    [
        ([of(CALL, "buy")], {}, {}, "allow: takes=600 left=20000"),
        ([of(CALL, "buy")], {}, {"buying_power": D(300), "options_buying_power": D(299)}, "BUYING_POWER: takes=30"),
        ([of(CALL, "buy")], {}, {"options_buying_power": None}, "MISSING_BUYING_POWER"),
        # A debit spread costs its debit, a credit spread its width less the credit.
        ([of(CALL, "buy"), of(FAR)], {}, {}, "allow: takes=400 left=20000"),
        ([of(PUT), of(LOW_PUT, "buy")], {}, {}, "allow: takes=800 left=20000"),
        ([of(PUT)], {}, {}, "allow: takes=18600 left=20000"),
        ([of(CALL)], HELD_SHARES, {"then": HELD_SHARES}, "allow: takes=0 left=20000"),
        # The shares cover the call, and the spread beside it covers itself: what that keeps at work is taken.
        ([of(FAR)], HELD_SHARES | SPREAD, {"then": HELD_SHARES | SPREAD}, "allow: takes=600 left=20000"),
        # Shares that were bought since take of what options may have, too.
        ([of(PUT)], HELD_SHARES, {}, "BUYING_POWER: takes=18600 left=10000"),
    ],
)
def test_buying_power_when_options_are_ordered_then_what_they_keep_at_work_is_weighed(
    legs: list[ProposedLeg],
    held: dict[str, OpenQuantity],
    money: dict[str, Any],
    text: str,
    order: Orders,
    book: Books,
) -> None:
    had = book(exposures={"account": held}, marks=marks(), account=facts(**money))
    assert buying_power(of_legs(order, *legs), had, UNSET).text.startswith(text)


def test_buying_power_when_a_mark_is_missing_then_it_denies(order: Orders, book: Books) -> None:
    blind = book(marks={}, account=facts())
    assert said(buying_power(order(), blind, UNSET)) == "MISSING_MARK"
    # What was open then as it is now takes what it took, whatever that is; what was opened since has to be known.
    held = {"XYZ": OpenQuantity(D(5))}
    for then, outcome in ((held, "allow"), ({}, "MISSING_MARK"), ({"XYZ": OpenQuantity(D(4))}, "MISSING_MARK")):
        had = book(exposures={"account": held}, account=facts(then=then))
        assert said(buying_power(order(), had, UNSET)) == outcome
    # What was closed and has no mark any more gives nothing back; it denies nothing.
    gone = facts(then={"XYZ": OpenQuantity(D(5))})
    assert said(buying_power(order(), book(account=gone), UNSET)) == "allow"


# --- settled cash ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "changes", "spy", "money", "text"),
    [
        ({"is_margin": True}, {"quantity": D(9999)}, None, {}, "allow: account=not a cash account"),
        ({"is_margin": None}, {"quantity": D(9999)}, None, {}, "allow: account=not a cash account"),
        ({}, {"quantity": D(100)}, None, {}, "allow: costs=10000 settled_left=10000"),
        ({}, {"quantity": D(101)}, None, {}, "UNSETTLED_CASH: costs=10100 settled_left=10000"),
        # What was sold today is in the cash and not settled; what the broker says is settled counts.
        ({}, {}, None, {"settled_cash": D(9999)}, "UNSETTLED_CASH: costs=10000 settled_left=9999"),
        ({}, {}, None, {"settled_cash": D(10_000), "cash": D(50_000)}, "allow: costs=10000"),
        ({}, {}, None, {"spent": D(1)}, "UNSETTLED_CASH: costs=10000 settled_left=9999"),
        ({}, {}, OpenQuantity(to_buy=D(1)), {}, "UNSETTLED_CASH: costs=10000 settled_left=9900"),
        ({}, {}, OpenQuantity(to_buy=D(1)), {"then": {"SPY": OpenQuantity(to_buy=D(1))}}, "allow: costs=10000"),
        ({}, {"quantity": D(101)}, None, {"moved": D(100)}, "allow: costs=10100 settled_left=10100"),
        ({}, {"side": "sell", "quantity": D(9999)}, None, {}, "allow: buys=0"),
    ],
)
def test_settled_cash_when_a_cash_account_buys_then_only_settled_money_pays(
    rules: dict[str, Any],
    changes: dict[str, Any],
    spy: OpenQuantity | None,
    money: dict[str, Any],
    text: str,
    order: Orders,
    book: Books,
) -> None:
    had = book(spy=spy, account=facts({"is_margin": False} | rules, **money))
    assert settled_cash(order(**changes), had, UNSET).text.startswith(text)


def test_settled_cash_when_a_spread_is_bought_then_its_net_price_is_paid(order: Orders, book: Books) -> None:
    had = book(marks=marks(), account=facts({"is_margin": False}, settled_cash=D(100)))
    spread = of_legs(order, of(CALL, "buy"), of(FAR))
    assert settled_cash(spread, had, UNSET).text.startswith("allow: costs=100 settled_left=100")
    dear = of_legs(order, of(CALL, "buy"), of(FAR), limit_price=D("1.01"))
    assert said(settled_cash(dear, had, UNSET)) == "UNSETTLED_CASH"


def test_settled_cash_when_nothing_is_known_then_it_denies(order: Orders, book: Books) -> None:
    silent = AccountFacts(BrokerRules(is_margin=False), None)
    assert said(settled_cash(order(), book(account=silent), UNSET)) == "MISSING_SETTLED_CASH"
    assert said(settled_cash(order(), book(marks={}, account=facts({"is_margin": False})), UNSET)) == "MISSING_MARK"
