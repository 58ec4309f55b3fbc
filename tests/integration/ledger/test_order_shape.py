"""What an order may look like: ticks, lots, legs, families, times in force. Each refusal has a code of its own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from functions.core.ledger.judging import RiskLedger
from tests.integration.ledger.desk import Desk, new_account
from tests.integration.ledger.ledger import Direct, Ledger, refused

CALL, PUT, FAR = "SPY131019C00170000", "SPY131019P00160000", "SPY131116C00175000"


@pytest.fixture(scope="module", autouse=True)
def _options(ledger: Ledger) -> None:
    for symbol in (CALL, PUT, FAR, "SPY131116P00150000", "SPY131116P00140000"):
        ledger.run(
            "insert into public.instruments (symbol, kind, multiplier, source) values (%s, 'option', 100, 'test')",
            symbol,
        )


def leg(symbol: str, side: str, ratio: int | str | None = 1, **more: Any) -> dict[str, Any]:
    return {"symbol": symbol, "side": side, "position_intent": f"{side}_to_open", "ratio": ratio} | more


SPREAD = [leg(CALL, "buy"), leg(FAR, "sell")]


def place_legs(desk: Desk, *legs: Any, key: str = "legs", **more: Any) -> UUID:
    order = {
        "idempotency_key": key,
        "broker_account_id": str(desk.account),
        "order_type": "limit",
        "price": "-0.55",
        "quantity": "3",
        "legs": list(legs),
    } | more
    return UUID(desk.ledger.call("place_trade", "authenticated", desk.user, p_order=order)["trade_id"])


def at_the_broker(desk: Desk, trade: UUID) -> str:
    """Sent, whatever risk says of it."""
    desk.ledger.tamper(
        "update public.trades set status = 'submitted', broker_order_id = %s where id = %s", f"o-{trade}", trade
    )
    return f"o-{trade}"


# --- ticks and lots ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"order_type": "limit", "price": "10.005"}, "OFF_TICK"),
        ({"order_type": "limit", "price": "1.0001"}, "OFF_TICK"),
        ({"order_type": "limit", "price": "0.99995"}, "OFF_TICK"),
        ({"order_type": "stop", "stop_price": "10.001"}, "OFF_TICK"),
        ({"order_type": "trailing_stop", "trail_price": "1.001"}, "OFF_TICK"),
        ({"quantity": "0.5"}, "OFF_LOT"),
        ({"quantity": "100.0000000001"}, "OFF_LOT"),
    ],
    ids=str,
)
def test_order_when_off_the_tick_or_the_lot_then_refused(desk: Desk, change: dict[str, Any], code: str) -> None:
    with refused(code, 422):
        desk.place_by_hand("key", **change)
    assert desk.count("trades") == 0


@pytest.mark.parametrize("price", ["10.01", "0.9999", "1.00", "1"])
def test_order_when_on_the_tick_then_placed(desk: Desk, price: str) -> None:
    assert desk.status(desk.place_by_hand("key", order_type="limit", price=price)) == "pending"


@pytest.mark.parametrize("parts", [["10.5"], ["10", "0.5"], ["4", "6.5"]], ids=str)
def test_exit_when_the_position_is_no_whole_number_of_lots_then_its_odd_rest_may_be_closed(
    desk: Desk, parts: list[str]
) -> None:
    """Of the account, and of who holds a part of it: here a strategy's 100 beside 10.5 of nobody's."""
    desk.hold("100")
    desk.fill(f"outside-{desk.account}", "10.5", "100")
    closing = {"position_intent": "sell_to_close"}
    with refused("OFF_LOT", 422):
        desk.place_by_hand("part", "sell", "0.25", **closing)
    with refused("OFF_LOT", 422):
        desk.place_by_hand("opens", "sell", "10.5")
    for part in parts:
        assert desk.approve(desk.place_by_hand(part, "sell", part, **closing)) == "approved"


def test_order_when_placed_outside_then_taken_as_it_is(desk: Desk) -> None:
    told = {"order_type": "limit", "limit_price": "10.00001", "ordered_quantity": "0.3"}
    found = desk.fill(f"outside-{desk.account}", "0.3", "10.00001", **told)
    assert found["counted"]


def test_order_when_written_by_hand_off_the_tick_then_refused(desk: Desk) -> None:
    trade = desk.place_by_hand("key", order_type="limit", price="10")
    with refused("OFF_TICK", 422):
        desk.ledger.run(
            "insert into public.trades overriding system value select (jsonb_populate_record(t, jsonb_build_object("
            "'id', gen_random_uuid(), 'signal', 'x', 'client_order_id', 'x', 'placed_number', 0, 'price', 10.005))).* "
            "from public.trades as t where id = %s",
            trade,
        )


# --- times in force ---------------------------------------------------------------------------------------------------

TYPES: dict[str, dict[str, str]] = {
    "market": {},
    "limit": {"price": "10"},
    "stop": {"stop_price": "10"},
    "stop_limit": {"stop_price": "10", "price": "10"},
    "trailing_stop": {"trail_percent": "1"},
}
ALLOWED = {
    "market": {"day", "ioc", "fok", "opg", "cls"},
    "limit": {"day", "gtc", "ioc", "fok", "opg", "cls"},
    "stop": {"day", "gtc"},
    "stop_limit": {"day", "gtc"},
    "trailing_stop": {"day", "gtc"},
}


@pytest.mark.parametrize("order_type", TYPES)
def test_time_in_force_when_it_makes_no_sense_for_the_type_then_refused(desk: Desk, order_type: str) -> None:
    for time_in_force in ("day", "gtc", "ioc", "fok", "opg", "cls"):
        shape = {"order_type": order_type, "time_in_force": time_in_force} | TYPES[order_type]
        if time_in_force in ALLOWED[order_type]:
            desk.place_by_hand(time_in_force, **shape)
        else:
            with refused("BAD_TIME_IN_FORCE", 422):
                desk.place_by_hand(time_in_force, **shape)


def test_notional_when_not_for_the_day_then_refused(desk: Desk) -> None:
    notional: dict[str, Any] = {"quantity": None, "notional": "1000"}
    desk.place_by_hand("day", **notional)
    with refused("BAD_ORDER", 422):
        desk.place_by_hand("ioc", **notional, time_in_force="ioc")


# --- families ---------------------------------------------------------------------------------------------------------


def test_parent_when_of_the_same_account_then_kept_and_else_not_found(ledger: Ledger) -> None:
    here, there = Desk.open(ledger), Desk.open(ledger)
    parent = here.place()
    child = here.place_by_hand("child", parent_trade_id=str(parent))
    assert ledger.one("select parent_trade_id from public.trades where id = %s", child) == parent
    second = Desk(ledger, here.user, new_account(ledger, here.user), here.strategy)
    for stranger in (there, second):
        with refused("NO_SUCH_PARENT", 404):
            stranger.place_by_hand("another child", parent_trade_id=str(parent))
    with refused("NO_SUCH_PARENT", 404):
        here.place_by_hand("orphan", parent_trade_id=str(uuid4()))
    with refused("BAD_ORDER", 422):
        here.place_by_hand("no uuid", parent_trade_id="mine")


def test_group_when_of_two_accounts_then_refused_also_by_hand(ledger: Ledger) -> None:
    here, there = Desk.open(ledger), Desk.open(ledger)
    group = str(uuid4())
    first = here.place_by_hand("first", oco_group=group)
    assert here.place_by_hand("second", oco_group=group) != first
    with refused("OCO_OF_ANOTHER_ACCOUNT", 409):
        there.place_by_hand("third", oco_group=group)
    other = there.place_by_hand("fourth")
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="oco_group"):
        ledger.run(
            "insert into public.trades overriding system value select (jsonb_populate_record(t, jsonb_build_object("
            "'id', gen_random_uuid(), 'signal', 'x', 'client_order_id', 'x', 'placed_number', 0, "
            "'oco_group', %s::text))).* from public.trades as t where id = %s",
            group,
            other,
        )


# --- legs -------------------------------------------------------------------------------------------------------------


def test_legs_when_well_formed_then_one_trade_with_a_signed_net_price(desk: Desk) -> None:
    trade = place_legs(desk, leg(CALL, "buy", 1), leg(FAR, "sell", 2), leg(PUT, "buy", 1))
    assert desk.ledger.rows("select multi_leg, price, symbol, side from public.trades where id = %s", trade) == [
        (True, Decimal("-0.55"), CALL, "buy")
    ]
    legs = "select leg, symbol, side, ratio, quantity from public.trade_legs where trade_id = %s order by leg"
    assert desk.ledger.rows(legs, trade) == [
        (0, CALL, "buy", 1, 3),
        (1, FAR, "sell", 2, 6),
        (2, PUT, "buy", 1, 3),
    ]
    assert place_legs(desk, leg(CALL, "buy", 1), leg(FAR, "sell", 2), leg(PUT, "buy", 1)) == trade
    assert desk.ledger.one("select count(*) from public.trades where user_id = %s", desk.user) == 1
    place_legs(desk, *SPREAD, key="even", price="0")


@pytest.mark.parametrize(
    ("legs", "more", "code"),
    [
        ([], {}, "BAD_LEGS"),
        (SPREAD[:1], {}, "BAD_LEGS"),
        ([leg(s, "buy") for s in (CALL, PUT, FAR, "SPY131116P00150000", "SPY131116P00140000")], {}, "BAD_LEGS"),
        ([leg(CALL, "buy"), leg(CALL, "sell")], {}, "BAD_LEGS"),
        ([leg(CALL, "buy", 2), leg(FAR, "sell", 4)], {}, "BAD_LEGS"),
        ([leg(CALL, "buy", 0), leg(FAR, "sell")], {}, "BAD_LEGS"),
        ([leg(CALL, "buy", -1), leg(FAR, "sell")], {}, "BAD_LEGS"),
        ([leg(CALL, "buy", "1.5"), leg(FAR, "sell")], {}, "BAD_LEGS"),
        ([leg(CALL, "buy", 2_000_000_000), leg(FAR, "sell")], {}, "BAD_LEGS"),
        ([leg(CALL, "hold"), leg(FAR, "sell")], {}, "BAD_LEGS"),
        ([leg(CALL, "buy", position_intent="sell_to_open"), leg(FAR, "sell")], {}, "BAD_LEGS"),
        (["a", 1], {}, "BAD_LEGS"),
        (SPREAD, {"symbol": "SPY"}, "BAD_LEGS"),
        (SPREAD, {"side": "buy"}, "BAD_LEGS"),
        ([leg(CALL, "buy"), leg("NOSUCH", "sell")], {}, "UNKNOWN_SYMBOL"),
        (SPREAD, {"price": "0.555"}, "OFF_TICK"),
        (SPREAD, {"quantity": "1.5"}, "OFF_LOT"),
        (SPREAD, {"quantity": None, "notional": "100"}, "BAD_ORDER"),
        (SPREAD, {"order_type": "stop", "price": None, "stop_price": "1"}, "BAD_ORDER"),
        (SPREAD, {"reduce_only": True}, "INTENT_CONTRADICTS"),
    ],
)
def test_legs_when_malformed_then_refused_and_nothing_written(
    desk: Desk, legs: list[Any], more: dict[str, Any], code: str
) -> None:
    with refused(code, 422):
        place_legs(desk, *legs, **more)
    assert desk.count("trades") == desk.count("trade_legs") == 0


def test_legs_when_the_key_was_used_for_others_then_refused(desk: Desk) -> None:
    place_legs(desk, *SPREAD)
    with refused("SIGNAL_REUSED", 409):
        place_legs(desk, leg(CALL, "buy"), leg(PUT, "sell"))
    with refused("SIGNAL_REUSED", 409):
        place_legs(desk, *SPREAD, price="0.55")


A_SECOND_LEG = """
insert into public.trade_legs (trade_id, leg, user_id, symbol, side, position_intent, quantity)
select id, 1, user_id, 'IWM', 'buy', 'buy_to_open', quantity from public.trades where id = %s
"""
NO_LEG = """
insert into public.trades overriding system value select (jsonb_populate_record(t, jsonb_build_object(
  'id', gen_random_uuid(), 'signal', 'x', 'client_order_id', 'x', 'placed_number', 0))).*
from public.trades as t where id = %s
"""


@pytest.mark.parametrize("attack", [A_SECOND_LEG, NO_LEG], ids=["a second leg", "no leg"])
def test_legs_when_written_by_hand_against_the_shape_then_nothing_is_committed(desk: Desk, attack: str) -> None:
    trade = desk.place()
    with refused("BAD_LEGS", 422):
        desk.ledger.run(attack, trade)
    assert (desk.count("trades"), desk.count("trade_legs")) == (1, 1)


COPY_WITH_A_LEG = """
with copied as (
  insert into public.trades overriding system value select (jsonb_populate_record(t, jsonb_build_object(
    'id', gen_random_uuid(), 'status', 'pending', 'signal', 'x', 'client_order_id', 'x', 'broker_order_id', null,
    'placed_number', 0) || %s)).*
  from public.trades as t where id = %s returning id
)
insert into public.trade_legs (trade_id, leg, user_id, symbol, side, position_intent, ratio, quantity)
select r.trade_id, r.leg, r.user_id, r.symbol, r.side, r.position_intent, r.ratio, r.quantity
from public.trade_legs as l, copied, jsonb_populate_record(l, jsonb_build_object('trade_id', copied.id) || %s) as r
where l.trade_id = %s
"""


@pytest.mark.parametrize(
    "leg_change",
    [
        {"quantity": 99},
        {"ratio": 2, "quantity": 200},
        {"symbol": "IWM"},
        {"side": "sell", "position_intent": "sell_to_open"},
        {"leg": 1},
    ],
    ids=str,
)
def test_leg_when_written_by_hand_and_not_what_the_order_says_then_nothing_is_committed(
    desk: Desk, leg_change: dict[str, Any]
) -> None:
    trade = desk.place()
    with refused("BAD_LEGS", 422):
        desk.ledger.run(COPY_WITH_A_LEG, Jsonb({}), trade, Jsonb(leg_change), trade)
    desk.ledger.run(COPY_WITH_A_LEG, Jsonb({}), trade, Jsonb({}), trade)
    assert desk.count("trades") == 2


def test_replacement_when_written_by_hand_with_another_intent_then_nothing_is_committed(desk: Desk) -> None:
    trade, _ = desk.working()
    lineage = Jsonb({"replaces_trade_id": str(trade)})
    with refused("BAD_LEGS", 422):
        desk.ledger.run(COPY_WITH_A_LEG, lineage, trade, Jsonb({"position_intent": "buy_to_close"}), trade)
    desk.ledger.run(COPY_WITH_A_LEG, lineage, trade, Jsonb({}), trade)


def test_legs_when_judged_then_the_book_tells_every_one_of_them(desk: Desk) -> None:
    trade = place_legs(desk, *SPREAD)
    found = RiskLedger(Direct(desk.ledger, "fn_risk")).risk_book(trade)
    assert found is not None
    assert (found.trade.multi_leg, found.trade.worse_quantity, found.is_paper) == (True, Decimal(3), True)
    assert [(leg.symbol, leg.side, leg.position_intent, leg.ratio, leg.multiplier) for leg in found.legs] == [
        (CALL, "buy", "buy_to_open", 1, Decimal(100)),
        (FAR, "sell", "sell_to_open", 1, Decimal(100)),
    ]
    far = found.legs[1]
    assert (far.kind, far.underlying, far.option_right, far.strike, far.expires_on, far.quote) == (
        "option",
        "SPY",
        "call",
        Decimal(175),
        date(2013, 11, 16),
        None,
    )


def test_exit_of_legs_when_it_closes_then_it_is_not_taken_for_an_order_that_only_reduces(desk: Desk) -> None:
    desk.fill(f"outside-{desk.account}", "100", "1", symbol=CALL)
    closing = [leg(CALL, "sell", position_intent="sell_to_close"), leg(FAR, "buy", position_intent="buy_to_close")]
    trade = place_legs(desk, *closing, quantity="1")
    assert not desk.ledger.one("select private.reduces(t) from public.trades as t where id = %s", trade)


def test_legs_when_filled_leg_by_leg_then_filled_only_when_every_leg_is(desk: Desk) -> None:
    trade = place_legs(desk, leg(CALL, "buy", 1), leg(FAR, "sell", 2))
    order = at_the_broker(desk, trade)
    desk.fill(order, "3", "1.50", leg=0, symbol=CALL)
    assert desk.status(trade) == "partially_filled"
    now = "select filled_quantity, fill_price from public.trades where id = %s"
    assert desk.ledger.rows(now, trade) == [(0, None)]
    desk.fill(order, "4", "1.00", leg=1, symbol=FAR, side="sell")
    assert desk.ledger.rows(now, trade) == [(2, Decimal("-0.5"))]
    assert desk.status(trade) == "partially_filled"
    desk.fill(order, "2", "1.00", "6", leg=1, symbol=FAR, side="sell")
    assert (desk.status(trade), desk.ledger.rows(now, trade)) == ("filled", [(3, Decimal("-0.5"))])
    assert (desk.position(CALL), desk.position(FAR)) == (3, -6)


def test_columns_of_the_specification_when_read_then_they_keep_their_names(desk: Desk) -> None:
    trade, order = desk.working()
    desk.fill(order, "100", "10")
    row = desk.ledger.rows(
        "select symbol, side, quantity, price, status, broker_order_id, fill_price, executed_at is not null "
        "from public.trades where id = %s",
        trade,
    )
    assert row == [("SPY", "buy", 100, None, "filled", order, 10, True)]
