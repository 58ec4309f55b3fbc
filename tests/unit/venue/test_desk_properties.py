"""Whatever is sent and whatever strikes, nothing is lost, doubled or invented."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from functions.backtest.orders import Change, OrderType, TimeInForce
from local.simulators.venue.desk import OrderDesk
from local.simulators.venue.desk_request import GroupRequest
from local.simulators.venue.refusal import DeskRefusal
from tests.unit.venue.market import (
    CALL,
    NEXT_CALL,
    NEXT_HIGHER,
    NEXT_LOWER,
    NEXT_PUT,
    Heard,
    leg,
    order,
    venue,
)

_CENTS = st.integers(-300, 300)
_SWITCHES = ("partial_fills", "leg_by_leg", "stuck_cancel", "cancel_fill_race", "replace_fill_race", "replace_rejected")
_ACTIONS = st.one_of(
    st.tuples(st.just("step"), st.integers(1, 3)),
    st.tuples(st.just("market"), st.sampled_from(["buy", "sell"]), st.integers(1, 40)),
    st.tuples(st.just("limit"), st.sampled_from(["buy", "sell"]), st.integers(1, 40), _CENTS),
    st.tuples(st.just("bracket"), st.integers(1, 20), _CENTS),
    st.tuples(st.just("oco"), st.integers(1, 20), st.integers(1, 200), st.integers(1, 200)),
    st.tuples(st.just("vertical"), st.integers(1, 5), st.integers(1, 3), st.integers(0, 500)),
    st.tuples(st.just("credit"), st.integers(1, 5), st.integers(0, 300)),
    st.tuples(st.just("option"), st.sampled_from(["buy", "sell"]), st.integers(1, 5)),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("replace"), st.integers(0, 30), st.integers(1, 30), _CENTS),
    st.tuples(st.just("fault"), st.sampled_from(_SWITCHES), st.integers(1, 3)),
)
_TAPES = st.lists(st.integers(9500, 10500), min_size=12, max_size=24)


def _price(cents: int) -> str:
    return str(Decimal(10000 + cents) / 100)


def act(venue: Heard, desk: OrderDesk, number: int, action: tuple[Any, ...]) -> None:
    """Does one thing; what the desk refuses is refused."""
    name = f"o{number}"
    match action:
        case ("step", count):
            for _ in range(count):
                venue.advance()
        case ("market", side, quantity):
            desk.submit(order(name, str(quantity), leg("SPY", side)))
        case ("limit", side, quantity, cents):
            desk.submit(order(name, str(quantity), leg("SPY", side), limit=_price(cents)))
        case ("option", side, quantity):
            desk.submit(order(name, str(quantity), leg(CALL, side)))
        case ("bracket", quantity, cents):
            orders = desk.enter_group(
                GroupRequest(
                    kind="bracket",
                    parent=order(name, str(quantity), limit=_price(cents)),
                    children=_exits(name, quantity, cents + 100, cents - 100),
                )
            )
            desk.route(*orders)
        case ("oco", quantity, up, down):
            orders = desk.enter_group(GroupRequest(kind="oco", parent=None, children=_exits(name, quantity, up, -down)))
            desk.route(*orders)
        case ("vertical", quantity, ratio, cents):
            legs = (leg(NEXT_CALL, "buy", None, 1), leg(NEXT_HIGHER, "sell", None, ratio))
            desk.submit(order(name, str(quantity), *legs, limit=str(Decimal(cents) / 100)))
        case ("credit", quantity, cents):
            legs = (leg(NEXT_PUT, "sell"), leg(NEXT_LOWER, "buy"))
            desk.submit(order(name, str(quantity), *legs, limit=str(-Decimal(cents) / 100)))
        case ("cancel", index):
            if found := desk.orders()[index : index + 1]:
                desk.cancel(found[0].id)
        case ("replace", index, quantity, cents):
            if found := desk.orders()[index : index + 1]:
                change = Change(quantity=Decimal(quantity), limit=Decimal(_price(cents)))
                desk.route_replacement(desk.enter_replacement(found[0].id, change, name), change)
        case ("fault", switch, count):
            venue.faults.switch_on({"switch": switch, "count": count})


def _exits(name: str, quantity: int, up: int, down: int) -> tuple[Any, Any]:
    held = {"time_in_force": TimeInForce.GTC}
    return (
        order(f"{name}-t", str(quantity), leg("SPY", "sell"), limit=_price(up), **held),
        order(
            f"{name}-s",
            str(quantity),
            leg("SPY", "sell"),
            type=OrderType.STOP,
            stop=Decimal(_price(down)),
            **held,
        ),
    )


@given(_TAPES, st.lists(_ACTIONS, max_size=25), st.integers(1, 60))
@settings(max_examples=120, deadline=None)
def test_desk_when_anything_happens_then_its_book_adds_up(
    mids: list[int], actions: list[tuple[Any, ...]], size: int
) -> None:
    day = [str(Decimal(mid) / 100) for mid in mids]
    made = venue([day, day], size=Decimal(size), options_level=4, fees={"per_contract": "0.65", "per_share": "0.005"})
    desk = made.desk("11111111-1111-4111-8111-111111111111")
    made.advance()
    for number, action in enumerate(actions):
        try:
            act(made, desk, number, action)
        except DeskRefusal:
            continue
        _check_book(desk)
    while made.advance() != "end":
        pass
    _check_book(desk)
    assert all(not one.is_open or one.request.time_in_force is TimeInForce.GTC for one in desk.orders())
    assert CALL not in {held.symbol for held in desk.ledger.positions()}
    _check_multi_leg(desk, exact=True)


def _check_book(desk: OrderDesk) -> None:
    cash, held = desk.ledger.settings.cash, defaultdict[str, Decimal](Decimal)
    for row in desk.ledger.activities:
        cash += row.amount
        if row.symbol is not None and row.quantity is not None:
            held[row.symbol] += row.quantity
    assert desk.ledger.cash == cash
    assert {symbol: quantity for symbol, quantity in held.items() if quantity} == {
        position.symbol: position.quantity for position in desk.ledger.positions()
    }
    ids = [fill.id for one in desk.orders() for fill in one.fills]
    assert len(ids) == len(set(ids))
    groups = defaultdict[str, Decimal](Decimal)
    asked: dict[str, Decimal] = {}
    for one in desk.orders():
        for part in one.legs:
            assert 0 <= part.filled <= part.quantity
            assert sum(fill.quantity for fill in part.fills) == part.filled
        if one.oco is not None:
            groups[one.oco] += one.filled
            # A replacement may ask for another total; what it works for comes on top of what was filled.
            asked[one.oco] = max(asked.get(one.oco, Decimal(0)), one.request.quantity or Decimal(0))
        if one.state == "filled":
            assert not one.remaining
    for group, filled in groups.items():
        lineage = [one for one in desk.group(group) if one.replaces is not None]
        assert lineage or filled <= asked[group]
    _check_multi_leg(desk, exact=False)


def _check_multi_leg(desk: OrderDesk, *, exact: bool) -> None:
    for one in desk.orders():
        if one.is_multi_leg:
            units = {part.filled / part.ratio for part in one.legs}
            assert len(units) == 1 or not exact


@given(_TAPES, st.lists(_ACTIONS, max_size=20))
@settings(max_examples=30, deadline=None)
def test_desk_when_the_same_happens_again_then_it_tells_the_same(
    mids: list[int], actions: list[tuple[Any, ...]]
) -> None:
    told = []
    for _ in range(2):
        made = venue([[str(Decimal(mid) / 100) for mid in mids]], options_level=4)
        desk = made.desk("11111111-1111-4111-8111-111111111111")
        made.advance()
        for number, action in enumerate(actions):
            try:
                act(made, desk, number, action)
            except DeskRefusal:
                continue
        told.append((made.told, [fill for one in desk.orders() for fill in one.fills]))
    assert told[0] == told[1]
