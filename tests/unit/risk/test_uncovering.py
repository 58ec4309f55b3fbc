"""What covers a sold option is not let go before it, and what has no bound needs a permission."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from functions.risk.account import AccountFacts
from functions.risk.assess import assess
from functions.risk.book import Book, OpenQuantity, ProposedLeg, ProposedOrder
from functions.risk.facts.market import MarketFacts
from functions.risk.limits import Limit, Limits
from functions.risk.rules.options_level import options_level
from functions.risk.rules.uncovers import uncovers
from functions.risk.rules.undefined_risk import undefined_risk
from tests.unit.risk.test_account_rules import (
    EARLY,
    EARLY_HIGH,
    FAR_HIGH,
    LOW_PUT,
    PUT,
    UNSET,
    facts,
    marks,
    of,
    of_legs,
    said,
)
from tests.unit.risk.test_proposed_order import CALL, FAR

D = Decimal
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]
PERMITTED = Limits([Limit("undefined_risk", "account", D(1))])


def held(**quantities: int) -> dict[str, OpenQuantity]:
    return {name: OpenQuantity(D(quantity)) for name, quantity in quantities.items()}


def closing(symbol: str, side: str = "sell") -> ProposedLeg:
    return of(symbol, side, position_intent=f"{side}_to_close")


def shares(count: int = 1) -> ProposedLeg:
    return ProposedLeg(symbol="SPY", side="sell", position_intent="sell_to_close", quantity=D(count), ratio=count)


SPREAD = held(**{CALL: 1, FAR: -1})
CONDOR = held(**{CALL: -1, FAR: 1, PUT: -1, LOW_PUT: 1})
DENIED = "LEAVES_UNCOVERED"


@pytest.mark.parametrize(
    ("legs", "open_now", "more", "outcome"),
    [
        ([closing(CALL)], SPREAD, {}, DENIED),
        ([closing(CALL), closing(FAR, "buy")], SPREAD, {}, "allow"),
        ([closing(FAR, "buy")], SPREAD, {}, "allow"),
        ([closing(CALL)], held(**{CALL: 1}), {}, "allow"),
        ([closing(CALL)], held(**{CALL: 2, FAR: -1}), {}, "allow"),
        ([closing(CALL)], held(**{CALL: 2, FAR: -2}), {}, DENIED),
        # One of the two is being sold already.
        ([closing(CALL)], SPREAD | {CALL: OpenQuantity(D(2), to_sell=D(1))}, {}, DENIED),
        # What is to be bought back may never be; what the platform buys back at the market is.
        ([closing(CALL)], SPREAD | {FAR: OpenQuantity(D(-1), to_buy=D(1))}, {}, DENIED),
        ([closing(CALL)], SPREAD, {"market": MarketFacts(buying_back={FAR: D(1)})}, "allow"),
        ([closing(CALL)], held(**{CALL: 2, FAR: -2}), {"market": MarketFacts(buying_back={FAR: D(1)})}, "allow"),
        ([closing(CALL)], held(**{CALL: 1, FAR: -2}), {"market": MarketFacts(buying_back={FAR: D(1)})}, DENIED),
        # Shares cover what is left, and not a share less.
        ([closing(CALL)], SPREAD | held(SPY=100), {}, "allow"),
        ([closing(CALL)], SPREAD | held(SPY=99), {}, DENIED),
        ([closing(CALL)], SPREAD | {"SPY": OpenQuantity(D(100), to_sell=D(1))}, {}, DENIED),
        # Another bought one covers it, if it lasts as long.
        ([closing(CALL)], SPREAD | held(**{FAR_HIGH: 1}), {}, "allow"),
        ([closing(CALL)], SPREAD | held(**{EARLY_HIGH: 1}), {}, DENIED),
        # Shares that cover a call: those beyond it are free.
        ([shares()], held(SPY=100, **{FAR: -1}), {}, DENIED),
        ([shares()], held(SPY=101, **{FAR: -1}), {}, "allow"),
        ([shares(2)], held(SPY=101, **{FAR: -1}), {}, DENIED),
        ([shares()], held(SPY=100, **{FAR: -1, CALL: 1}), {}, "allow"),
        ([shares()], held(SPY=100, **{PUT: -1}), {}, "allow"),
        ([shares()], held(SPY=100), {"packages": {"account": ({FAR: D(-1)},)}}, DENIED),
        ([shares()], held(SPY=100), {"packages": {"account": ({FAR: D(-1), CALL: D(1)},)}}, "allow"),
        # What expired yesterday needs nothing any more; today's does until the end.
        ([shares()], held(SPY=100, SPY260102C00100000=-1), {}, "allow"),
        ([shares()], held(SPY=100, SPY260105C00100000=-1), {}, DENIED),
        # A put that the cash pays is covered.
        ([closing(LOW_PUT)], CONDOR, {"account": facts(cash=D(9500))}, "allow"),
        ([closing(LOW_PUT)], CONDOR, {"account": facts(cash=D("9499.99"))}, DENIED),
        ([closing(LOW_PUT)], CONDOR, {}, DENIED),
        ([closing(FAR)], CONDOR, {"account": facts()}, DENIED),
        # A roll that lets go what covers the sold one, and one that puts another in its place.
        ([closing(CALL), of(PUT, "buy")], SPREAD, {}, DENIED),
        ([closing(CALL), of(FAR_HIGH, "buy")], SPREAD, {}, "allow"),
    ],
)
def test_uncovers_when_something_is_sold_then_nothing_sold_before_is_left_without_cover(
    legs: list[ProposedLeg],
    open_now: dict[str, OpenQuantity],
    more: dict[str, Any],
    outcome: str,
    order: Orders,
    book: Books,
) -> None:
    now = book(exposures={"account": open_now}, marks=marks(), **more)
    only = all(leg.closes for leg in legs)
    assert said(uncovers(of_legs(order, *legs, reduce_only=only), now, UNSET)) == outcome


@pytest.mark.parametrize(
    ("account", "limits", "outcome"),
    [
        (facts({"options_level": 4}), PERMITTED, "allow"),
        (facts({"options_level": 3}), PERMITTED, DENIED),
        (facts({"options_level": 4}), UNSET, DENIED),
        (AccountFacts(None, None), PERMITTED, DENIED),
        (None, PERMITTED, "allow"),
        (None, Limits([*PERMITTED.values, Limit("undefined_risk", "strategy", D(0))]), DENIED),
    ],
)
def test_uncovers_when_it_is_permitted_then_it_passes_with_level_4_alone(
    account: AccountFacts | None, limits: Limits, outcome: str, order: Orders, book: Books
) -> None:
    now = book(exposures={"account": SPREAD}, marks=marks(), account=account)
    verdict = uncovers(of_legs(order, closing(CALL), reduce_only=True), now, limits)
    assert said(verdict) == outcome
    assert verdict.shown().get("to_do") == (
        "close the whole package in one order, or what is sold first" if outcome == DENIED else None
    )


def test_assess_when_only_the_cover_is_closed_then_denied_although_it_only_reduces(order: Orders, book: Books) -> None:
    now = book(exposures={"account": SPREAD}, marks=marks())
    alone = of_legs(order, closing(CALL), reduce_only=True)
    assert now.only_reduces(alone)
    assert assess(alone, now, UNSET).verdict.code == DENIED
    whole = of_legs(order, closing(CALL), closing(FAR, "buy"), reduce_only=True)
    assert assess(whole, now, UNSET).verdict.outcome == "allow"


def test_assess_when_a_reduced_order_keeps_the_cover_then_it_passes(order: Orders, book: Books) -> None:
    """Three are asked for, one is there: what is judged is the one, which nothing needs."""
    now = book(exposures={"account": held(**{CALL: 1})}, marks=marks())
    three = replace(of_legs(order, closing(CALL), reduce_only=True), quantity=D(3))
    assert assess(three, now, UNSET).quantity == 1


def test_uncovers_when_nothing_is_known_of_the_account_then_denied(order: Orders, book: Books) -> None:
    unknown = book(exposures={})
    assert said(uncovers(of_legs(order, closing(CALL), reduce_only=True), unknown, UNSET)) == "MISSING_EXPOSURE"
    assert said(undefined_risk(of_legs(order, of(CALL)), unknown, UNSET)) == "MISSING_EXPOSURE"


@pytest.mark.parametrize(
    ("legs", "open_now", "outcome"),
    [
        ([of(CALL)], {}, "UNDEFINED_RISK"),
        ([of(CALL)], held(SPY=99), "UNDEFINED_RISK"),
        ([of(CALL)], held(SPY=100), "allow"),
        ([of(FAR)], held(**{CALL: 1}), "allow"),
        ([of(FAR)], held(**{CALL: 1, EARLY: -1}), "UNDEFINED_RISK"),
        ([of(CALL, "buy"), of(FAR)], {}, "allow"),
        ([of(CALL, "buy"), of(FAR, ratio=2)], {}, "UNDEFINED_RISK"),
        ([of(PUT)], {}, "allow"),
        ([of(CALL, "buy")], {}, "allow"),
        # Rolled: one for one.
        ([closing(CALL, "buy"), of(FAR)], held(**{CALL: -1}), "allow"),
        ([closing(CALL, "buy"), of(FAR, ratio=2)], held(**{CALL: -1}), "UNDEFINED_RISK"),
    ],
)
def test_undefined_risk_when_a_call_is_sold_to_open_then_only_with_cover_or_a_permission(
    legs: list[ProposedLeg], open_now: dict[str, OpenQuantity], outcome: str, order: Orders, book: Books
) -> None:
    now = book(exposures={"account": open_now}, marks=marks(), account=facts({"options_level": 4}))
    assert said(undefined_risk(of_legs(order, *legs), now, UNSET)) == outcome
    assert said(undefined_risk(of_legs(order, *legs), now, PERMITTED)) == "allow"


def test_undefined_risk_when_shares_are_sold_short_then_it_is_no_matter_of_this_rule(
    order: Orders, book: Books
) -> None:
    assert said(undefined_risk(order(side="sell"), book(), UNSET)) == "allow"


def test_options_level_when_the_cash_secures_a_put_on_another_root_then_it_secures_no_second(
    order: Orders, book: Books
) -> None:
    other = "IWM260116P00050000"
    for cash, needed in ((D(14_500), "1"), (D("14499.99"), "4")):
        now = book(exposures={"account": held(**{other: -1})}, marks=marks(), account=facts(cash=cash))
        assert options_level(of_legs(order, of(PUT)), now, UNSET).shown()["needed"] == needed
