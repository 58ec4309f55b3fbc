"""Each rule on orders of several legs: every leg counts, and the net price is one price."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.risk.assess import assess
from functions.risk.book import Book, Gate, Mark, OpenQuantity, ProposedLeg, ProposedOrder
from functions.risk.limits import Limit, Limits
from functions.risk.rules.capital_limit import capital_limit
from functions.risk.rules.market_hours import market_hours
from functions.risk.rules.max_loss_per_trade import max_loss_per_trade
from functions.risk.rules.package import package
from functions.risk.rules.position_limit import position_limit
from functions.risk.rules.price_collar import price_collar
from functions.risk.rules.stale_quote import stale_quote
from tests.unit.risk.test_proposed_order import CALL, FAR, option

D = Decimal
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]
NOON = datetime(2026, 1, 5, 17, 0, tzinfo=UTC)
MARKS = {CALL: Mark(D(3), NOON, D(100)), FAR: Mark(D(1), NOON - timedelta(seconds=9), D(100))}
DEBIT = (option(CALL), option(FAR, "sell"))
CREDIT = (option(CALL, "sell"), option(FAR))
CLOSING = (option(CALL, "sell", position_intent="sell_to_close"), option(FAR, "buy", position_intent="buy_to_close"))


@pytest.fixture
def spread(order: Orders) -> Orders:
    """Makes an order of legs with a net limit; two units of the debit spread at 2.00 where nothing else is said."""

    def made(legs: tuple[ProposedLeg, ...] = DEBIT, price: str | None = "2", **changes: Any) -> ProposedOrder:
        plain: dict[str, Any] = {
            "symbol": legs[0].symbol,
            "side": legs[0].side,
            "quantity": D(2),
            "order_type": "market" if price is None else "limit",
            "limit_price": None if price is None else D(price),
            "legs": legs,
        }
        return order(**{**plain, **changes})

    return made


def limits(name: str, value: str, symbol: str | None = None) -> Limits:
    return Limits((Limit(name, "symbol" if symbol else "account", D(value), symbol),))


def test_package_when_its_legs_are_options_of_one_root_then_it_is_judged(spread: Orders, book: Books) -> None:
    shares = ProposedLeg(symbol="SPY", side="buy", position_intent="buy_to_open", quantity=D(100), ratio=100)
    strange = [
        (option(CALL), shares),
        (option(CALL), option("IWM260116C00105000", underlying="IWM")),
        (option(CALL), option(FAR, "sell", multiplier=D(10))),
    ]
    assert package(spread(), book(), Limits()).code is None
    for legs in strange:
        judged = spread(legs)
        assert package(judged, book(), Limits()).code == "MULTI_LEG_NOT_JUDGED"
        assert assess(judged, book(marks=MARKS), Limits()).verdict.code == "MULTI_LEG_NOT_JUDGED"


def test_position_limit_when_a_further_leg_is_over_it_then_it_denies_and_names_it(spread: Orders, book: Books) -> None:
    ratio = spread((option(CALL), option(FAR, "sell", 2)))
    held = book(exposures={"account": {FAR: OpenQuantity(to_sell=D(1))}})
    assert position_limit(ratio, held, limits("position_limit", "5")).numbers["quantity_after"] == 5
    denied = position_limit(ratio, held, limits("position_limit", "4"))
    assert denied.text == f"POSITION_LIMIT: symbol={FAR} quantity_after=5 limit=4 scope=account"
    assert position_limit(ratio, held, limits("position_limit", "2", CALL)).code is None


def test_stale_quote_when_one_leg_is_old_or_missing_then_it_denies_and_names_it(spread: Orders, book: Books) -> None:
    assert stale_quote(spread(), book(marks=MARKS), limits("stale_quote", "9")).numbers["age_seconds"] == 9
    old = stale_quote(spread(), book(marks=MARKS), limits("stale_quote", "8"))
    assert (old.code, old.numbers["symbol"]) == ("STALE_QUOTE", FAR)
    missing = stale_quote(spread(), book(marks={CALL: MARKS[CALL]}), Limits())
    assert (missing.code, missing.numbers["symbol"]) == ("MISSING_QUOTE", FAR)


@pytest.mark.parametrize(
    ("legs", "price", "code"),
    [
        # The legs' marks are worth 4.00 together: five percent of it is 0.20.
        (DEBIT, "2.20", None),
        (DEBIT, "2.21", "PRICE_COLLAR"),
        (DEBIT, "0.01", None),
        (CREDIT, "-1.80", None),
        (CREDIT, "-1.79", "PRICE_COLLAR"),
        (CREDIT, "0", "PRICE_COLLAR"),
        (CREDIT, "-4", None),
    ],
)
def test_price_collar_when_a_net_price_pays_more_or_receives_less_then_it_is_bound(
    spread: Orders, book: Books, legs: tuple[ProposedLeg, ...], price: str, code: str | None
) -> None:
    strict = Limits((Limit("price_collar", "account", D(5), parameters={"option_dollars": D(0)}),))
    assert price_collar(spread(legs, price), book(marks=MARKS), strict).code == code


def test_price_collar_when_a_legs_quote_is_missing_then_it_denies(spread: Orders, book: Books) -> None:
    found = price_collar(spread(), book(marks={CALL: MARKS[CALL]}), limits("price_collar", "5"))
    assert found.text == f"MISSING_QUOTE: symbol={FAR} quote=missing"


@pytest.mark.parametrize(
    ("legs", "price", "loss"),
    [(DEBIT, "2", 400), (DEBIT, "1.5", 300), (DEBIT, None, 400), (CREDIT, "-2", 600), (CREDIT, "-5.5", 0)],
)
def test_max_loss_when_the_risk_is_defined_then_it_is_the_largest_at_expiry(
    spread: Orders, book: Books, legs: tuple[ProposedLeg, ...], price: str | None, loss: int
) -> None:
    marked = book(marks=MARKS)
    assert (
        max_loss_per_trade(spread(legs, price), marked, limits("max_loss_per_trade", str(loss))).numbers["loss"] == loss
    )
    if loss:
        tight = limits("max_loss_per_trade", str(loss - 1))
        assert max_loss_per_trade(spread(legs, price), marked, tight).code == "MAX_LOSS_PER_TRADE"


def test_max_loss_when_a_call_is_not_covered_then_unbounded_and_denied(
    spread: Orders, order: Orders, book: Books
) -> None:
    wide = limits("max_loss_per_trade", "1000000")
    backspread = spread((option(CALL), option(FAR, "sell", 2)))
    assert max_loss_per_trade(backspread, book(marks=MARKS), wide).text.startswith("MISSING_STOP: loss=unbounded")
    naked = order(symbol=CALL, side="sell", quantity=D(1), legs=(option(CALL, "sell"),))
    assert max_loss_per_trade(naked, book(marks=MARKS), wide).code == "MISSING_STOP"
    put = option("SPY260116P00100000", "sell", right="put")
    marked = book(marks={put.symbol: Mark(D(3), NOON, D(100))})
    sold = order(symbol=put.symbol, side="sell", quantity=D(1), legs=(put,))
    assert max_loss_per_trade(sold, marked, wide).numbers["loss"] == 9700


def test_capital_when_orders_work_then_each_counts_apart_and_makes_no_room(spread: Orders, book: Books) -> None:
    working = {"account": ({CALL: D(1), FAR: D(-1)}, {FAR: D(1)})}
    found = capital_limit(spread(CREDIT), book(marks=MARKS, packages=working), limits("capital_limit", "1000000"))
    assert found.numbers["notional_after"] == 200 + 100 + 600
    held = book(marks=MARKS, exposures={"account": {CALL: OpenQuantity(D(2))}})
    # Together with what is held, the short call costs what the other is worth less, and its own is gained.
    assert capital_limit(spread(CREDIT), held, limits("capital_limit", "1000")).numbers["notional_after"] == 600


def test_capital_when_the_cover_is_being_sold_then_it_covers_nothing(order: Orders, book: Books) -> None:
    naked = order(symbol=CALL, side="sell", quantity=D(1), legs=(option(CALL, "sell"),))

    def after(far: OpenQuantity) -> Any:
        held = book(marks=MARKS, exposures={"account": {FAR: far}})
        return capital_limit(naked, held, limits("capital_limit", "1000000")).numbers["notional_after"]

    assert after(OpenQuantity(D(1))) < after(OpenQuantity()) == after(OpenQuantity(D(1), to_sell=D(1)))


@pytest.mark.parametrize(
    ("shares", "sold", "working", "capital"),
    [
        # A call that nothing covers counts as if the underlying came to twice the strike: 10000 less its price.
        (OpenQuantity(), "0", {}, "9700"),
        (OpenQuantity(D(99)), "0", {}, "19600"),
        (OpenQuantity(D(100)), "0", {}, "10000"),
        (OpenQuantity(D(100), to_sell=D(100)), "0", {}, "19700"),
        (OpenQuantity(D(100)), "-1", {}, "19700"),
        (OpenQuantity(D(200)), "-1", {}, "20000"),
        (OpenQuantity(D(100)), "0", {CALL: D(-1)}, "19700"),
        (OpenQuantity(D(200)), "0", {CALL: D(-1)}, "20000"),
    ],
    ids=[
        "none",
        "too few",
        "enough",
        "being sold",
        "in use",
        "one more",
        "wanted by a working order",
        "enough for both",
    ],
)
def test_capital_when_shares_cover_a_call_then_it_adds_nothing_and_no_share_covers_two(
    order: Orders, book: Books, shares: OpenQuantity, sold: str, working: dict[str, Decimal], capital: str
) -> None:
    naked = option(CALL, "sell")
    asked = order(symbol=CALL, side="sell", quantity=D(1), multiplier=D(100), legs=(naked,))
    account = {"SPY": shares, CALL: OpenQuantity(D(sold), to_sell=-sum(working.values(), D(0)))}
    marks = {**MARKS, "SPY": Mark(D(100), NOON)}
    held = book(exposures={"account": account}, marks=marks, packages={"account": (working,) if working else ()})
    found = capital_limit(asked, held, limits("capital_limit", "1000000"))
    assert found.numbers["notional_after"] == D(capital)


@pytest.mark.parametrize(
    ("shares", "sold", "loss"),
    [
        (OpenQuantity(D(100)), OpenQuantity(), "0"),
        (OpenQuantity(D(99)), OpenQuantity(), None),
        (OpenQuantity(D(100), to_sell=D(1)), OpenQuantity(), None),
        (OpenQuantity(D(100)), OpenQuantity(D(-1)), None),
        (OpenQuantity(D(100)), OpenQuantity(to_sell=D(1)), None),
        (OpenQuantity(D(100)), OpenQuantity(D(1), to_sell=D(1)), "0"),
        (OpenQuantity(D(200)), OpenQuantity(D(-1)), "0"),
    ],
)
def test_max_loss_when_free_shares_cover_the_call_then_it_loses_nothing_more(
    order: Orders, book: Books, shares: OpenQuantity, sold: OpenQuantity, loss: str | None
) -> None:
    asked = order(symbol=CALL, side="sell", quantity=D(1), multiplier=D(100), legs=(option(CALL, "sell"),))
    working = ({CALL: -sold.to_sell},) if sold.to_sell > sold.position else ()
    held = book(exposures={"account": {"SPY": shares, CALL: sold}}, marks=MARKS, packages={"account": working})
    found = max_loss_per_trade(asked, held, limits("max_loss_per_trade", "0"))
    assert found.numbers["loss"] == (D(loss) if loss else "unbounded")
    assert found.code == (None if loss else "MISSING_STOP")


def test_capital_when_a_mark_of_a_working_option_is_missing_then_it_denies(spread: Orders, book: Books) -> None:
    found = capital_limit(
        spread(), book(marks=MARKS, packages={"account": ({"SPY260116C00110000": D(1)},)}), limits("capital_limit", "1")
    )
    assert found.text == "MISSING_MARK: symbol=SPY260116C00110000 mark=missing"


def test_reduce_only_when_several_legs_close_then_all_are_cut_to_the_same_whole_units(
    spread: Orders, book: Books
) -> None:
    account = {CALL: OpenQuantity(D(3), to_sell=D("0.5")), FAR: OpenQuantity(D(-3))}
    held = book(exposures={"account": account}, marks={}, closed_gates=(Gate("account", "halt"),))
    strict = Limits((Limit("max_loss_per_trade", "account", D(0)), Limit("capital_limit", "account", D(0))))
    found = assess(spread(CLOSING, "-1", quantity=D(3), reduce_only=True), held, strict)
    assert (found.verdict.outcome, found.quantity) == ("reduce", D(2))
    found = assess(spread(CLOSING, "-1", quantity=D(2), reduce_only=True), held, strict)
    assert (found.verdict.outcome, found.quantity) == ("allow", D(2))


def test_reduce_only_when_one_leg_has_nothing_to_close_then_it_denies(spread: Orders, book: Books) -> None:
    held = book(exposures={"account": {CALL: OpenQuantity(D(3))}}, marks=MARKS)
    found = assess(spread(CLOSING, "-1", reduce_only=True), held, Limits())
    assert found.verdict.text == f"NOTHING_TO_REDUCE: positions=3 {CALL} 0 {FAR} closable=0"


def test_market_hours_when_a_leg_has_expired_then_it_denies_and_on_its_last_day_not(
    spread: Orders, book: Books
) -> None:
    last_day = (option(CALL, expiry=NOON.date()), option(FAR, "sell"))
    assert market_hours(spread(last_day), book(), Limits()).code is None
    over = (option(CALL), option(FAR, "sell", expiry=NOON.date() - timedelta(days=1)))
    found = market_hours(spread(over), book(), Limits())
    assert (found.code, found.numbers["symbol"]) == ("OPTION_EXPIRED", FAR)


@pytest.mark.parametrize("state", ["filled", "working"])
def test_max_loss_when_a_spread_is_open_beside_it_then_the_shares_still_cover_the_call(
    order: Orders, book: Books, state: str
) -> None:
    asked = order(symbol=CALL, side="sell", quantity=D(1), multiplier=D(100), legs=(option(CALL, "sell"),))
    low, high = "SPY260116C00110000", "SPY260116C00115000"
    account = {"SPY": OpenQuantity(D(100))}
    packages: tuple[dict[str, Decimal], ...] = ()
    if state == "filled":
        account |= {low: OpenQuantity(D(-1)), high: OpenQuantity(D(1))}
    else:
        account |= {low: OpenQuantity(to_sell=D(1)), high: OpenQuantity(to_buy=D(1))}
        packages = ({low: D(-1), high: D(1)},)
    held = book(exposures={"account": account}, marks=MARKS, packages={"account": packages})
    assert max_loss_per_trade(asked, held, limits("max_loss_per_trade", "0")).numbers["loss"] == 0
