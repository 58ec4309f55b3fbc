"""Options: legs are opened and closed as one order, chosen and priced from the chain."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from functions.core.errors import BadInput
from functions.strategy.bars import Bars
from functions.strategy.chain import Chain, ContractQuote
from functions.strategy.decision import Decision
from functions.strategy.evaluate import Market, evaluate
from functions.strategy.holding import NOTHING, Position, Standing, WorkingOrder
from functions.strategy.interface import (
    Close,
    CloseLegs,
    Columns,
    Intent,
    Leg,
    Moment,
    NoTrade,
    Open,
    OpenLegs,
    Stay,
    Strategy,
    StrategyConfig,
)
from tests.unit.strategy.hand_made import MINUTE, OPENING, minute_bars

D = Decimal
EXPIRY = date(2026, 1, 9)
SOLD, BOUGHT = "SPY260109P00095000", "SPY260109P00090000"
AT = OPENING + MINUTE


def quote(symbol: str, strike: str, bid: str, ask: str, delta: str | None) -> ContractQuote:
    return ContractQuote(
        symbol=symbol,
        expiry=EXPIRY,
        right="put",
        strike=D(strike),
        multiplier=D(100),
        bid=D(bid),
        ask=D(ask),
        quoted_at=AT,
        delta=None if delta is None else D(delta),
    )


CHAIN = Chain(
    underlying="SPY",
    bar_at=AT,
    taken_at=AT,
    spot=D(100),
    quotes=(quote(SOLD, "95", "1.00", "1.10", "-0.31"), quote(BOUGHT, "90", "0.40", "0.46", "-0.15")),
)
SPREAD = (Leg(SOLD, "sell"), Leg(BOUGHT, "buy"))


class Scripted(Strategy):
    """Says what the test wants it to say."""

    kind = "scripted"
    title = "Scripted"
    intents: tuple[Intent, ...] = ()

    def warm_up(self) -> int:
        return 1

    def indicators(self, bars: Bars) -> Columns:
        return {}

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        return self.intents


class ByDelta(Scripted):
    """Asks for a put of a delta that nobody lists."""

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        found = now.chain.by_delta(EXPIRY, "put", D("0.05"), within=D("0.02"))
        yield Stay(found.symbol)


def decided(*intents: Intent, standing: Standing = NOTHING, kind: type[Scripted] = Scripted) -> Decision:
    made = kind(StrategyConfig(), ("SPY",))
    made.intents = intents
    return evaluate(made, minute_bars([100]), standing, Market(chain=CHAIN))


def held(sold: str, bought: str) -> Standing:
    return Standing(held={SOLD: Position(D(sold), D("1.05")), BOUGHT: Position(D(bought), D("0.43"))})


def test_open_legs_when_a_credit_is_asked_for_then_one_order_receives_at_least_that() -> None:
    wanted = OpenLegs(legs=SPREAD, quantity=D(2), limit=CHAIN.natural(SPREAD) - D("0.005"), reason="in")
    (order,) = decided(wanted).orders
    assert (order.limit_price, order.order_type, order.reduce_only, order.quantity) == (
        D("-0.55"),
        "limit",
        False,
        D(2),
    )
    assert [(leg.symbol, leg.side, leg.position_intent, leg.ratio) for leg in order.legs] == [
        (SOLD, "sell", "sell_to_open", 1),
        (BOUGHT, "buy", "buy_to_open", 1),
    ]


def test_open_legs_when_there_is_one_then_its_price_is_above_zero() -> None:
    wanted = OpenLegs(legs=(Leg(SOLD, "sell"),), quantity=D(1), limit=D("-1.004"), reason="in")
    (order,) = decided(wanted).orders
    assert (order.limit_price, order.side, order.position_intent) == (D("1.01"), "sell", "sell_to_open")


def test_close_legs_when_unequal_quantities_are_held_then_ratios_are_in_lowest_terms() -> None:
    (order,) = decided(CloseLegs(reason="out", limit=D("0.70")), standing=held("-4", "6")).orders
    assert (order.quantity, order.reduce_only) == (D(2), True)
    assert {(leg.symbol, leg.position_intent, leg.ratio) for leg in order.legs} == {
        (SOLD, "buy_to_close", 2),
        (BOUGHT, "sell_to_close", 3),
    }


def test_close_legs_when_nothing_is_held_then_stays() -> None:
    assert decided(CloseLegs(reason="out")).reason == "nothing to do: out"


def test_plan_when_shares_and_options_are_wanted_then_what_leaves_goes_first() -> None:
    standing = Standing(held={SOLD: Position(D(-1), D("1.05"))})
    shares = Open(side="buy", quantity=D(100), reason="shares")
    decision = decided(shares, CloseLegs(reason="options", limit=D("1.10")), standing=standing)
    assert [(order.reduce_only, order.symbol) for order in decision.orders] == [(True, SOLD), (False, "SPY")]
    assert decision.reason == "options; shares"


@pytest.mark.parametrize(
    "intents",
    [
        (OpenLegs(legs=SPREAD, quantity=D("1.5"), reason="a"),),
        (OpenLegs(legs=(), quantity=D(1), reason="a"),),
        (OpenLegs(legs=(Leg("SPY", "buy"),), quantity=D(1), reason="a"),),
        (OpenLegs(legs=(Leg(SOLD, "buy"),), quantity=D(1), reason="a"),),
        (OpenLegs(legs=SPREAD, quantity=D(1), reason="a"), OpenLegs(legs=SPREAD, quantity=D(1), reason="b")),
        (Open(side="buy", quantity=D(1), symbol="IWM", reason="a"),),
        (Close(symbol=SOLD, reason="a"),),
    ],
    ids=[
        "half a package",
        "no leg",
        "a share",
        "against what is held",
        "two packages",
        "a stranger",
        "an option as shares",
    ],
)
def test_legs_when_they_make_no_sense_then_they_are_refused(intents: tuple[Intent, ...]) -> None:
    with pytest.raises(BadInput) as refused:
        decided(*intents, standing=held("-1", "1"))
    assert refused.value.code == "BAD_INTENT"


@pytest.mark.parametrize(
    "intent",
    [
        Open(side="buy", quantity=D(1), symbol="IWM", reason="a"),
        OpenLegs(legs=(Leg("IWM260109P00095000", "sell"),), quantity=D(1), reason="a"),
    ],
    ids=["shares", "options"],
)
def test_order_when_on_another_symbol_of_a_strategy_that_decides_on_each_apart_then_refused(intent: Intent) -> None:
    """It does not see what is open there: it would open it again with every bar."""

    class Across(ByDelta):
        def on_bar(self, now: Moment) -> Iterable[Intent]:
            return [intent]

    with pytest.raises(BadInput, match="BAD_INTENT"):
        evaluate(Across(StrategyConfig(), ("SPY", "IWM")), minute_bars([100]), market=Market(chain=CHAIN))


def test_chain_when_the_wanted_delta_is_not_there_then_the_reason_says_what_is() -> None:
    decision = decided(kind=ByDelta)
    assert (decision.action, decision.orders) == ("stay", ())
    assert decision.reason == (
        "expected a put of SPY expiring 2026-01-09 with a delta of 0.05 within 0.02, the nearest has 0.15"
    )


def test_chain_when_none_was_taken_then_the_reason_says_so() -> None:
    made = ByDelta(StrategyConfig(), ("SPY",))
    assert evaluate(made, minute_bars([100])).reason == "no option chain of SPY at 14:31 UTC"


def test_chain_when_a_leg_has_no_bid_then_it_is_not_sold() -> None:
    nobody = quote("SPY260109P00080000", "80", "0", "0.05", "-0.01")
    chain = Chain(underlying="SPY", bar_at=AT, taken_at=AT, spot=D(100), quotes=(nobody,))
    with pytest.raises(NoTrade, match="nobody bids"):
        chain.natural([Leg(nobody.symbol, "sell")])
    assert chain.natural([Leg(nobody.symbol, "buy")]) == D("0.05")


@pytest.mark.parametrize(("yielding", "price"), [("0", "-0.62"), ("0.5", "-0.58"), ("1", "-0.54")])
def test_net_when_one_gives_way_then_it_moves_from_the_middle_to_the_other_side(yielding: str, price: str) -> None:
    assert CHAIN.net(SPREAD, D(yielding)) == D(price)


@pytest.mark.parametrize(("bars", "canceled"), [(4, False), (5, True)])
def test_working_when_a_limit_has_had_its_bars_then_it_is_canceled_once(bars: int, canceled: bool) -> None:
    order = WorkingOrder(
        trade_id=UUID(int=7),
        placed_at=AT - timedelta(minutes=bars),
        order_type="limit",
        reduce_only=False,
        remaining={SOLD: D(-1)},
    )
    decision = decided(standing=Standing(working=(order,)))
    assert (decision.action, decision.cancels) == (("cancel", (UUID(int=7),)) if canceled else ("stay", ()))
