"""Alternatives never fill more than one of them was for, and packages fill leg for leg."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from functions.backtest.exchange_events import Event, Fill, OrderEvent
from functions.backtest.market import Print, Quote
from functions.backtest.matching import MatchingEngine
from functions.backtest.orders import NewOrder, OrderType, Side, TimeInForce
from functions.backtest.packages import NewPackage, PackageLeg

T0 = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
_MARKET = st.lists(
    st.tuples(st.sampled_from(["quote", "print"]), st.integers(94, 106), st.integers(1, 9)), min_size=1, max_size=30
)


def play(engine: MatchingEngine, market: list[tuple[str, int, int]], symbol: str = "SPY") -> list[Event]:
    events: list[Event] = []
    for second, (kind, price, size) in enumerate(market):
        at, worth, shown = T0 + timedelta(seconds=second), Decimal(price), Decimal(size)
        if kind == "quote":
            events += engine.on_quote(Quote(symbol, worth, worth, shown, shown, at))
        else:
            events += engine.on_print(Print(symbol, worth, shown, at))
    return events


@given(st.sampled_from(Side), st.integers(1, 20), st.integers(1, 4), st.integers(1, 4), st.booleans(), _MARKET)
@settings(max_examples=200, deadline=None)
def test_alternatives_when_the_market_goes_both_ways_then_together_they_never_fill_beyond_one(
    side: Side, quantity: int, up: int, down: int, is_bracket: bool, market: list[tuple[str, int, int]]
) -> None:
    engine = MatchingEngine()
    engine.open_session(T0)
    sign = 1 if side is Side.SELL else -1
    shared: dict[str, Any] = {"quantity": Decimal(quantity), "time_in_force": TimeInForce.GTC}
    entry = Side.BUY if side is Side.SELL else Side.SELL
    parent = [NewOrder("parent", "SPY", entry, type=OrderType.MARKET, **shared)] if is_bracket else []
    after = "parent" if is_bracket else None
    target = NewOrder(
        "target", "SPY", side, type=OrderType.LIMIT, limit=Decimal(100 + sign * up), oco="o", after=after, **shared
    )
    stop = NewOrder(
        "stop", "SPY", side, type=OrderType.STOP, stop=Decimal(100 - sign * down), oco="o", after=after, **shared
    )
    events = engine.submit_group([*parent, target, stop], T0) + play(engine, market)
    filled = defaultdict[str, Decimal](Decimal)
    ended: set[str] = set()
    for event in events:
        if isinstance(event, Fill):
            assert event.order_id not in ended
            filled[event.order_id] += event.quantity
            if event.order_id != "parent":
                assert not is_bracket or filled["parent"] == quantity
            if not event.leaves:
                ended.add(event.order_id)
        elif isinstance(event, OrderEvent) and event.kind == "canceled":
            ended.add(event.order_id)
    exits = filled["target"] + filled["stop"]
    assert exits <= quantity
    assert (exits == quantity) == ({"target", "stop"} <= ended)


@given(
    st.integers(1, 9),
    st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 3)), min_size=2, max_size=4),
    st.one_of(st.none(), st.integers(-200, 200)),
    st.lists(st.tuples(st.integers(0, 3), st.integers(95, 105), st.integers(1, 12)), max_size=40),
)
@settings(max_examples=150, deadline=None)
def test_package_when_it_fills_then_its_ratios_are_exact_and_its_net_is_within_the_limit(
    quantity: int, sides: list[tuple[Side, int]], limit: int | None, market: list[tuple[int, int, int]]
) -> None:
    engine = MatchingEngine()
    engine.open_session(T0)
    # One leg of ratio one makes the ratios whole and in lowest terms.
    legs = tuple(PackageLeg(f"LEG{index}", side, ratio if index else 1) for index, (side, ratio) in enumerate(sides))
    bound = None if limit is None else Decimal(limit)
    events = engine.submit_package(NewPackage("p", legs, quantity, limit=bound), T0)
    for second, (index, price, size) in enumerate(market):
        worth, shown = Decimal(price), Decimal(size)
        at = T0 + timedelta(seconds=second)
        moment = engine.on_quote(Quote(f"LEG{index}", worth, worth, shown, shown, at))
        fills = [event for event in moment if isinstance(event, Fill)]
        if fills:
            assert [fill.leg for fill in fills] == list(range(len(legs)))
            units = {fill.quantity / legs[fill.leg].ratio for fill in fills}
            assert len(units) == 1
            net = sum(
                fill.price * legs[fill.leg].ratio * (1 if legs[fill.leg].side is Side.BUY else -1) for fill in fills
            )
            assert bound is None or net <= bound
        events += moment
    total = sum(event.quantity for event in events if isinstance(event, Fill) and event.leg == 0)
    assert total <= quantity
    assert (engine.package("p") is None) == (total == quantity)
