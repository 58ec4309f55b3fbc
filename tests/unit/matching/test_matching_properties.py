"""What holds for the simulated exchange whatever comes in, in whatever order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from functions.backtest.exchange_events import Event, Fill, OrderEvent, Replaced
from functions.backtest.market import Print, Quote
from functions.backtest.matching import MatchingEngine
from functions.backtest.orders import Change, NewOrder, OrderType, Side, TimeInForce
from tests.unit.matching.exchange import T0, at

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Submit:
    new: NewOrder


@dataclass(frozen=True)
class Cancel:
    order_id: str


@dataclass(frozen=True)
class Replace:
    order_id: str
    new_order_id: str
    change: Change


@dataclass(frozen=True)
class Session:
    opens: bool


Command = Submit | Cancel | Replace | Session | Quote | Print
prices = st.integers(9_950, 10_050).map(lambda cents: cents * _CENT)
quantities = st.integers(1, 20).map(Decimal)
order_ids = st.integers(0, 9).map(str)


@st.composite
def orders(draw: st.DrawFn) -> NewOrder:
    kind = draw(st.sampled_from(OrderType))
    plain = kind in (OrderType.MARKET, OrderType.LIMIT)
    return NewOrder(
        order_id=draw(order_ids),
        symbol="SPY",
        side=draw(st.sampled_from(Side)),
        quantity=draw(quantities),
        type=kind,
        time_in_force=draw(st.sampled_from(TimeInForce if plain else (TimeInForce.DAY, TimeInForce.GTC))),
        limit=draw(prices) if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT) else None,
        stop=draw(prices) if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else None,
        trail_price=draw(st.integers(1, 50)) * _CENT if kind is OrderType.TRAILING_STOP else None,
    )


@st.composite
def quotes(draw: st.DrawFn) -> Quote:
    bid = draw(prices)
    sizes = st.integers(0, 15).map(Decimal)
    return Quote("SPY", bid, bid + draw(st.integers(0, 4)) * _CENT, draw(sizes), draw(sizes), T0)


changes = st.builds(Change, quantity=st.none() | quantities, limit=st.none() | prices)
commands = st.lists(
    st.one_of(
        orders().map(Submit),
        order_ids.map(Cancel),
        st.builds(Replace, order_ids, order_ids, changes),
        st.booleans().map(Session),
        quotes(),
        quotes(),
        st.builds(Print, st.just("SPY"), prices, quantities, st.just(T0)),
    ),
    max_size=60,
)


def run(given_commands: list[Command]) -> tuple[list[tuple[Command, list[Event]]], MatchingEngine]:
    """What each command caused, on an exchange that is open at first."""
    engine = MatchingEngine()
    engine.open_session(T0)
    log: list[tuple[Command, list[Event]]] = []
    for second, command in enumerate(given_commands):
        now = at(second)
        match command:
            case Submit(new):
                events = engine.submit(new, now)
            case Cancel(order_id):
                events = engine.cancel(order_id, now)
            case Replace(order_id, new_order_id, change):
                events = engine.replace(order_id, new_order_id, change, now)
            case Session(opens):
                auction = {"SPY": Decimal(100)}
                events = engine.open_session(now, auction) if opens else engine.close_session(now, auction)
            case Quote():
                events = engine.on_quote(command)
            case Print():
                events = engine.on_print(command)
        log.append((command, events))
    return log, engine


def accepted_orders(log: list[tuple[Command, list[Event]]]) -> dict[str, NewOrder]:
    """Every order that worked, by id, replacements with the terms they had."""
    found: dict[str, NewOrder] = {}
    for command, events in log:
        for event in events:
            if isinstance(command, Submit) and isinstance(event, OrderEvent) and event.kind == "accepted":
                found[event.order_id] = command.new
            if isinstance(command, Replace) and isinstance(event, Replaced):
                old = found[event.order_id]
                found[event.new_order_id] = NewOrder(
                    event.new_order_id,
                    old.symbol,
                    old.side,
                    event.quantity,
                    old.type,
                    old.time_in_force,
                    limit=command.change.limit or old.limit,
                )
    return found


@given(commands)
@settings(max_examples=150, deadline=None)
def test_fills_when_an_order_has_a_limit_then_no_price_is_beyond_it(given_commands: list[Command]) -> None:
    log, _ = run(given_commands)
    orders_by_id = accepted_orders(log)
    for _, events in log:
        for fill in (event for event in events if isinstance(event, Fill)):
            order = orders_by_id[fill.order_id]
            if order.limit is not None:
                assert fill.price <= order.limit if order.side is Side.BUY else fill.price >= order.limit


@given(commands)
@settings(max_examples=150, deadline=None)
def test_fills_when_they_are_added_up_then_they_are_the_cumulative_and_never_more_than_ordered(
    given_commands: list[Command],
) -> None:
    log, engine = run(given_commands)
    orders_by_id = accepted_orders(log)
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for _, events in log:
        for fill in (event for event in events if isinstance(event, Fill)):
            assert fill.quantity > 0
            filled[fill.order_id] += fill.quantity
            assert fill.cumulative == filled[fill.order_id]
            assert fill.cumulative + fill.leaves == orders_by_id[fill.order_id].quantity
            assert fill.leaves >= 0
    for order_id, order in orders_by_id.items():
        if filled[order_id] == order.quantity:
            assert engine.working(order_id) is None


@given(st.lists(st.one_of(orders().map(Submit), order_ids.map(Cancel), quotes()), max_size=60))
@settings(max_examples=150, deadline=None)
def test_fills_when_a_quote_stands_then_no_more_than_it_displays_is_taken(given_commands: list[Command]) -> None:
    log, _ = run(given_commands)
    orders_by_id = accepted_orders(log)
    displayed: dict[Side, Decimal] = {Side.BUY: Decimal(0), Side.SELL: Decimal(0)}
    for command, events in log:
        if isinstance(command, Quote):
            displayed = {Side.BUY: command.ask_size, Side.SELL: command.bid_size}
        for fill in (event for event in events if isinstance(event, Fill)):
            displayed[orders_by_id[fill.order_id].side] -= fill.quantity
        assert min(displayed.values()) >= 0


@given(commands)
@settings(max_examples=150, deadline=None)
def test_events_when_an_order_has_ended_then_nothing_more_happens_to_it(given_commands: list[Command]) -> None:
    log, engine = run(given_commands)
    ended: set[str] = set()
    sequence = 0
    for _, events in log:
        for event in events:
            assert event.sequence == sequence + 1
            sequence = event.sequence
            if isinstance(event, OrderEvent) and event.kind in ("rejected", "cancel_rejected", "replace_rejected"):
                continue
            assert event.order_id not in ended
            if isinstance(event, Replaced) or (isinstance(event, OrderEvent) and event.kind in ("canceled", "expired")):
                ended.add(event.order_id)
            if isinstance(event, Fill) and not event.leaves:
                ended.add(event.order_id)
    assert all(engine.working(order_id) is None for order_id in ended)


@given(commands)
@settings(max_examples=60, deadline=None)
def test_run_when_the_same_comes_in_then_the_same_comes_out(given_commands: list[Command]) -> None:
    assert run(given_commands)[0] == run(given_commands)[0]


@given(
    st.sampled_from(Side),
    st.lists(st.tuples(st.integers(-3, 3), st.integers(1, 9)), min_size=1, max_size=8),
    st.lists(st.integers(1, 12), min_size=1, max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_fills_when_limits_rest_then_the_better_price_is_first_and_at_one_price_the_earlier(
    side: Side, resting: list[tuple[int, int]], sizes: list[int]
) -> None:
    engine = MatchingEngine()
    engine.open_session(T0)
    buying = side is Side.BUY
    for index, (offset, quantity) in enumerate(resting):
        limit = Decimal(100) + offset * _CENT
        engine.submit(NewOrder(str(index), "SPY", side, Decimal(quantity), OrderType.LIMIT, limit=limit), at(index))
    touch = Decimal(90) if buying else Decimal(110)
    order_of_fills: list[int] = []
    for second, size in enumerate(sizes):
        displayed = Decimal(size)
        for event in engine.on_quote(Quote("SPY", touch, touch, displayed, displayed, at(100 + second))):
            assert isinstance(event, Fill)
            order_of_fills.append(int(event.order_id))
    expected = sorted(
        range(len(resting)), key=lambda index: (-resting[index][0] if buying else resting[index][0], index)
    )
    assert list(dict.fromkeys(order_of_fills)) == expected[: len(set(order_of_fills))]
    assert order_of_fills == sorted(order_of_fills, key=expected.index)
