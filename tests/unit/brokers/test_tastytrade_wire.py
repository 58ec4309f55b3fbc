"""tastytrade's rows: what they mean, and that whatever they hold there is a value or BadResponse."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.brokers import tastytrade_account as holdings
from functions.brokers import tastytrade_markets as markets
from functions.brokers import tastytrade_wire as wire
from functions.brokers.errors import BadResponse
from functions.brokers.holdings import BrokerActivity
from functions.brokers.markets import MarketClock
from functions.brokers.orders import OrderState
from functions.brokers.protocol import Quarantined
from functions.brokers.reading import mapping
from functions.core.errors import AgentTraderError
from tests.unit.brokers import tastytrade_bodies as bodies
from tests.unit.brokers.tastytrade_bodies import fill, leg, order, vertical

NOW = datetime(2026, 1, 2, 14, 30, tzinfo=UTC)
READERS: dict[str, tuple[Callable[[Any], object], Any]] = {
    "order": (wire.order, order(leg("SPY", "Buy to Open", 2, fill("f1")))),
    "multi_leg": (wire.order, vertical(sold=(fill("f1"),))),
    "complex_order": (
        wire.complex_order,
        {"id": 9, "type": "OTOCO", "trigger-order": order(), "orders": [order(), order(order_type="Stop")]},
    ),
    "position": (holdings.position, bodies.POSITION),
    "account": (holdings.account, bodies.BALANCE),
    "rules": (lambda row: holdings.rules(row, bodies.LISTED, is_paper=True), bodies.STATUS),
    "preview": (holdings.preview, bodies.DRY_RUN),
    "activity": (lambda row: holdings.activities([row]), bodies.TRADE),
    "delivery": (lambda row: holdings.activities([row, bodies.DELIVERED]), bodies.ASSIGNED),
    "clock": (lambda row: markets.clock(row, NOW), {"state": "Open", "open-at": "2026-01-02T14:30:00Z"}),
    "calendar": (lambda row: markets.calendar(row, date(2026, 11, 23), date(2026, 11, 27)), bodies.HOLIDAYS),
    "ticks": (markets.ticks, bodies.TICKS),
    "share": (markets.share_listing, bodies.SHARE),
    "chain": (lambda row: [markets.contract("call", one) for one in markets.chain(row, None)], bodies.CHAIN),
    "quote": (markets.quote, bodies.SHARE_QUOTE),
    "option_quote": (markets.option_quote, bodies.OPTION_QUOTE),
    "streamed_quote": (lambda row: markets.streamed_quote(mapping(row), NOW), bodies.QUOTE),
    "streamed_option_quote": (
        lambda row: markets.streamed_option_quote(mapping(row), NOW),
        bodies.QUOTE | {"eventSymbol": ".SPY261218C500"},
    ),
    "candle": (lambda row: markets.candle(mapping(row)), bodies.CANDLE),
}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["", "NaN", "Infinity", "1e400", "-1", "0", "1_0", "9999-12-31T23:59:59-23:59", "2026-13-01", "Dead", "Zero"]
    ),
    st.sampled_from(["Debit", "Credit", "None", "Buy", "Sell to Close", "SPY", "BRK/B", "/ESZ6", bodies.PUT, ".SPY1C"]),
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))  # a busy machine is no fault


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every value inside a body."""
    found = [at] if at else []
    if isinstance(value, dict):
        for name, inner in value.items():
            found += paths(inner, (*at, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += paths(inner, (*at, index))
    return found


def changed(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[at[0]] = changed(value[at[0]], at[1:], new)
    return copied


@QUICK
@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_reader_when_a_value_anywhere_is_anything_then_it_answers_or_refuses(name: str, data: st.DataObject) -> None:
    read, body = READERS[name]
    at = data.draw(st.sampled_from(paths(body)))
    attempt(read, changed(body, at, data.draw(JSON)))


@QUICK
@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_reader_when_given_any_json_then_it_answers_or_refuses(name: str, data: st.DataObject) -> None:
    attempt(READERS[name][0], data.draw(JSON))


@pytest.mark.parametrize("name", READERS)
def test_reader_when_there_are_fields_it_does_not_know_then_they_are_ignored(name: str) -> None:
    read, body = READERS[name]
    plain = read(body)
    if isinstance(body, dict):
        assert repr(read(body | {"brand-new": {"deep": [1]}})).replace(", 'brand-new': {'deep': [1]}", "") == repr(
            plain
        )


def attempt(read: Callable[[Any], object], body: Any) -> None:
    """It answers, or raises BadResponse and nothing else."""
    with contextlib.suppress(BadResponse):
        read(body)


# --- the sign of prices -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "price"), [("Debit", Decimal("0.55")), ("Credit", Decimal("-0.55"))], ids=["pays", "receives"]
)
def test_net_price_when_of_several_legs_then_positive_pays(effect: str, price: Decimal) -> None:
    assert wire.order(vertical(price_effect=effect)).limit_price == price


@pytest.mark.parametrize("effect", ["Debit", "Credit", None])
def test_price_when_of_one_leg_then_it_is_always_positive(effect: str | None) -> None:
    assert wire.order(order(price_effect=effect)).limit_price == Decimal("270.1")


def test_net_price_when_zero_then_nobody_needs_to_pay() -> None:
    row = vertical(price="0.0")
    del row["price-effect"]
    assert wire.order(row).limit_price == Decimal(0)


def test_net_price_when_it_is_not_said_who_pays_then_it_is_not_guessed() -> None:
    with pytest.raises(BadResponse, match="price-effect"):
        wire.order(vertical(price_effect=None))


# --- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *((word, "submitted") for word in ("Received", "Routed", "In Flight", "Contingent", "Live")),
        ("Cancel Requested", "cancel_pending"),
        ("Replace Requested", "replace_pending"),
        *((word, "canceled") for word in ("Cancelled", "Removed", "Partially Removed")),
        ("Expired", "expired"),
        ("Rejected", "rejected"),
    ],
)
def test_order_when_nothing_is_filled_then_the_status_says_its_state(status: str, state: OrderState) -> None:
    assert wire.order(order(status=status)).state == state


@pytest.mark.parametrize("status", ["Dead", "Remove Pending", "Brand New", "", None, 7])
def test_order_when_the_status_is_unknown_then_it_is_refused(status: object) -> None:
    with pytest.raises(BadResponse, match="status"):
        wire.order(order(status=status))


def test_order_when_cancelled_for_another_then_it_is_replaced_and_names_both() -> None:
    old = wire.order(order(status="Cancelled", replacing_order_id=8, replaces_order_id="6"))
    assert (old.state, old.replaced_by, old.replaces) == ("replaced", "8", "6")


def test_order_when_a_part_is_filled_then_the_fills_say_how_much() -> None:
    read = wire.order(order(leg("SPY", "Buy to Open", 3, fill("b", 1, "270.2"), fill("a", 1, "270.1"))))
    assert (read.state, read.filled_quantity, read.average_price) == ("partially_filled", Decimal(2), Decimal("270.15"))
    assert [(one.execution_id, one.cumulative_quantity) for one in read.fills] == [
        ("a", Decimal(1)),
        ("b", Decimal(2)),
    ]


@pytest.mark.parametrize(("fills", "state"), [((), "submitted"), ((fill("a"),), "partially_filled")])
def test_order_when_called_filled_before_its_fills_add_up_then_it_is_not(
    fills: tuple[dict[str, Any], ...], state: OrderState
) -> None:
    read = wire.order(order(leg("SPY", "Buy to Open", 2, *fills), status="Filled"))
    assert (read.state, wire.is_incomplete(read)) == (state, True)
    whole = wire.order(order(leg("SPY", "Buy to Open", 2, fill("a"), fill("b")), status="Filled"))
    assert (whole.state, wire.is_incomplete(whole)) == ("filled", False)


def test_order_when_of_dollars_then_its_quantity_is_what_was_filled_in_the_end() -> None:
    waiting = wire.order(order(leg("SPY", "Buy to Open", 0), order_type="Notional Market", price=None))
    assert (waiting.quantity, waiting.order_type, waiting.state) == (None, "market", "submitted")
    done = {**leg("SPY", "Buy to Open", 2), "quantity": None, "remaining-quantity": "0.0", "fills": [fill("a", "0.37")]}
    read = wire.order(order(done, order_type="Notional Market", price=None, status="Filled"))
    assert (read.state, read.filled_quantity) == ("filled", Decimal("0.37"))


# --- several legs -----------------------------------------------------------------------------------------------------


def test_multi_leg_when_one_leg_has_filled_then_no_unit_is_and_the_leg_says_so() -> None:
    read = wire.order(vertical(sold=(fill("a", 2, "3.2"),), status="Filled"))
    assert (read.order_class, read.state) == ("multi_leg", "partially_filled")
    assert (read.quantity, read.filled_quantity) == (Decimal(2), Decimal(0))
    assert [(one.symbol, one.filled_quantity, one.average_price) for one in read.legs] == [
        ("SPY261218P00500000", Decimal(2), Decimal("3.2")),
        ("SPY261218P00495000", Decimal(0), None),
    ]
    assert wire.is_incomplete(read)
    assert read.average_price is None


def test_multi_leg_when_a_unit_has_filled_in_every_leg_then_its_net_price_is_known() -> None:
    read = wire.order(vertical(sold=(fill("a", 1, "3.2"),), bought=(fill("b", 1, "2.6"),)))
    assert (read.filled_quantity, read.state, read.average_price) == (Decimal(1), "partially_filled", Decimal("-0.6"))
    assert [(one.leg, one.side, one.cumulative_quantity) for one in read.fills] == [
        (0, "sell", Decimal(1)),
        (1, "buy", Decimal(1)),
    ]


def test_multi_leg_when_ratios_differ_then_units_count() -> None:
    row = order(
        leg(bodies.PUT, "Sell to Open", 4, fill("a", 2, "1.0")),
        leg(bodies.LOWER_PUT, "Buy to Open", 6, fill("b", 3, "0.5")),
        price="0.5",
    )
    read = wire.order(row)
    assert (read.quantity, read.filled_quantity, read.average_price) == (Decimal(2), Decimal(1), Decimal("-0.5"))


# --- families ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "order_class"), [("OTOCO", "bracket"), ("OTO", "oto")])
def test_complex_order_when_it_has_an_entry_then_the_others_are_its_children(kind: str, order_class: str) -> None:
    exits = [order(id=2, complex_order_tag=f"{kind}::oco-1-order"), order(id=3, order_type="Stop", stop_trigger="260")]
    read = wire.complex_order({"id": 9, "type": kind, "trigger-order": order(id=1), "orders": exits})
    assert (read.broker_order_id, read.order_class) == ("1", order_class)
    assert [(child.broker_order_id, child.parent_order_id) for child in read.children] == [("2", "1"), ("3", "1")]
    assert read.children[1].stop_price == Decimal(260)


def test_complex_order_when_a_pair_then_the_stop_is_the_targets_child() -> None:
    stop = order(id=3, order_type="Stop", stop_trigger="260")
    read = wire.complex_order({"id": 9, "type": "OCO", "orders": [stop, order(id=2)]})
    assert (read.broker_order_id, read.order_class) == ("2", "oco")
    assert [child.broker_order_id for child in read.children] == ["3"]


# --- the account ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("direction", "quantity"), [("Long", 3), ("Short", -3)])
def test_position_when_long_or_short_then_the_quantity_is_signed(direction: str, quantity: int) -> None:
    read = holdings.position(bodies.POSITION | {"quantity-direction": direction})
    assert read is not None
    assert (read.symbol, read.quantity) == ("SPY261218C00500000", Decimal(quantity))


def test_position_when_it_was_closed_today_then_there_is_none() -> None:
    assert holdings.position(bodies.POSITION | {"quantity-direction": "Zero", "quantity": 0}) is None


@pytest.mark.parametrize(
    ("flags", "closing_only", "blocked"),
    [
        ({}, False, None),
        ({"is-closing-only": True}, True, None),
        ({"is-risk-reducing-only": True}, True, None),
        ({"is-in-margin-call": True}, True, None),
        ({"is-frozen": True}, False, "the account is frozen"),
    ],
)
def test_rules_when_a_flag_is_set_then_it_is_a_gate(flags: dict[str, bool], closing_only: bool, blocked: str) -> None:
    read = holdings.rules(bodies.STATUS | flags, bodies.LISTED, is_paper=False)
    assert (read.closing_only, read.blocked, read.is_margin, read.options_level) == (closing_only, blocked, True, 4)


def test_rules_when_the_options_level_is_unknown_then_it_is_none() -> None:
    read = holdings.rules(bodies.STATUS | {"options-level": "Brand New"}, bodies.LISTED, is_paper=False)
    assert read.options_level == 0


def test_preview_when_it_takes_buying_power_then_the_change_is_negative_and_fees_cost() -> None:
    read = holdings.preview(bodies.DRY_RUN)
    assert (read.buying_power_change, read.margin_change, read.fees) == (
        Decimal("-302.302"),
        Decimal("-300.0"),
        Decimal("2.302"),
    )
    assert read.warnings == ("You are closing what you do not have",)


# --- activities -------------------------------------------------------------------------------------------------------


def told(*rows: dict[str, Any]) -> list[tuple[object, ...]]:
    found = holdings.activities(rows)
    assert not [one for one in found if isinstance(one, Quarantined)]
    return [
        (one.external_id, one.kind, one.symbol, one.quantity, one.amount)
        for one in found
        if isinstance(one, BrokerActivity)
    ]


def test_activities_when_a_trade_cost_fees_then_the_fees_are_told_once_they_are_final() -> None:
    assert told(bodies.TRADE) == [("252640963:fees", "fee", "SPY", None, Decimal("-0.10"))]
    assert told(bodies.TRADE | {"is-estimated-fee": True}) == []


def test_activities_when_assigned_then_the_delivered_shares_are_not_told_twice() -> None:
    assert told(bodies.ASSIGNED, bodies.DELIVERED) == [("1", "assignment", "SPY261218P00500000", Decimal(2), None)]
    assert told(bodies.DELIVERED, bodies.ASSIGNED) == told(bodies.ASSIGNED, bodies.DELIVERED)


def test_activities_when_shares_come_that_nothing_explains_then_they_are_told_as_they_are() -> None:
    odd = bodies.DELIVERED | {"quantity": "300.0", "value": "150000.0"}
    rows = told(bodies.ASSIGNED, odd)
    assert rows[1] == ("2", "Receive Deliver/Assignment", "SPY", Decimal(300), Decimal(-100000))


def test_activities_when_options_expire_then_the_change_of_the_position_is_signed() -> None:
    assert told(bodies.EXPIRED) == [("3", "expiry", "SPY261218P00500000", Decimal(-2), None)]
    silent = {name: value for name, value in bodies.EXPIRED.items() if name != "action"}
    assert told(silent)[0][3] is None


def test_activities_when_settled_in_cash_then_the_amount_is_signed() -> None:
    row = bodies.ASSIGNED | {"transaction-sub-type": "Cash Settled Assignment", "value": "250", "value-effect": "Debit"}
    assert told(row) == [("1", "assignment", "SPY261218P00500000", Decimal(2), Decimal(-250))]


@pytest.mark.parametrize(
    ("sub_type", "effect", "kind", "amount"),
    [
        ("Deposit", "Credit", "deposit", 1000),
        ("Withdrawal", "Debit", "withdrawal", -1000),
        ("Transfer", "Debit", "withdrawal", -1000),
        ("Dividend", "Credit", "dividend", 1000),
        ("Debit Interest", "Debit", "interest", -1000),
        ("Balance Adjustment", "Debit", "fee", -1000),
        ("Brand New", "Credit", "Money Movement/Brand New", 1000),
    ],
)
def test_activities_when_money_moves_then_positive_came_in(sub_type: str, effect: str, kind: str, amount: int) -> None:
    row = bodies.DEPOSIT | {"transaction-sub-type": sub_type, "value-effect": effect}
    assert told(row) == [("4", kind, None, None, Decimal(amount))]


def test_activities_when_one_row_cannot_be_read_then_the_others_are_told() -> None:
    found = holdings.activities([bodies.DEPOSIT | {"value": "much"}, "nothing", bodies.DEPOSIT])
    assert [type(one) for one in found] == [Quarantined, Quarantined, BrokerActivity]


# --- markets ----------------------------------------------------------------------------------------------------------


def test_calendar_when_daylight_saving_ends_then_the_session_opens_an_hour_later_in_utc() -> None:
    friday, monday = markets.calendar(bodies.HOLIDAYS, date(2026, 10, 30), date(2026, 11, 2))
    assert (friday.opens_at.hour, monday.opens_at.hour) == (13, 14)
    assert [session.closes_at.hour for session in (friday, monday)] == [20, 21]


def test_calendar_when_half_day_and_holiday_then_it_closes_at_one_and_not_at_all() -> None:
    sessions = markets.calendar(bodies.HOLIDAYS, date(2026, 11, 25), date(2026, 11, 30))
    assert [session.date.day for session in sessions] == [25, 27, 30]
    assert (sessions[1].is_half_day, sessions[1].closes_at) == (True, datetime(2026, 11, 27, 18, tzinfo=UTC))


def test_calendar_when_a_year_is_not_told_of_then_no_session_is_invented() -> None:
    sessions = markets.calendar(bodies.HOLIDAYS, date(2026, 12, 30), date(2027, 1, 8))
    assert [session.date for session in sessions] == [date(2026, 12, 30), date(2026, 12, 31)]


@pytest.mark.parametrize(
    ("state", "is_open"), [("Open", True), ("Closed", False), ("Pre-market", False), ("Extended", False)]
)
def test_clock_when_asked_then_only_the_regular_session_is_open(state: str, is_open: bool) -> None:
    assert markets.clock({"state": state}, NOW) == MarketClock(now=NOW, is_open=is_open)


@pytest.mark.parametrize(("price", "step"), [("0.01", "0.01"), ("2.99", "0.01"), ("3", "0.05"), ("12.35", "0.05")])
def test_ticks_when_the_price_passes_the_threshold_then_the_step_grows(price: str, step: str) -> None:
    assert markets.ticks(bodies.TICKS).at(Decimal(price)) == Decimal(step)


def test_listing_when_a_share_then_its_ticks_and_fractions_are_the_brokers() -> None:
    read = markets.share_listing(bodies.SHARE)
    assert (read.instrument.symbol, read.lot, read.shortable, read.tradable) == (
        "BRK.B",
        Decimal("0.00001"),
        True,
        True,
    )
    assert read.instrument.ticks.at(Decimal("0.5")) == Decimal("0.0001")


def test_option_listing_when_read_then_its_ticks_are_those_of_the_underlyings_options() -> None:
    row = {"symbol": bodies.CALL, "shares-per-contract": 100, "active": True}
    read = markets.option_listing(row, bodies.SHARE)
    assert (read.instrument.multiplier, read.instrument.ticks.at(Decimal(5))) == (Decimal(100), Decimal("0.05"))


def test_chain_when_a_symbol_contradicts_its_place_then_it_is_refused() -> None:
    (strike,) = markets.chain(bodies.CHAIN, date(2026, 12, 18))
    assert markets.contract("put", strike).symbol == "SPY261218P00500000"
    assert markets.chain(bodies.CHAIN, date(2026, 12, 19)) == []
    wrong = changed(bodies.CHAIN, ("expirations", 0, "strikes", 0, "call"), bodies.PUT)
    with pytest.raises(BadResponse, match="contradicts"):
        markets.contract("call", markets.chain(wrong, None)[0])


def test_quotes_when_a_greek_is_missing_then_it_stays_missing() -> None:
    read = markets.option_quote(bodies.OPTION_QUOTE)
    assert (read.delta, read.gamma, read.bid) == (Decimal("0.5"), None, Decimal("270.0"))
    assert not markets.has_quote({"symbol": "VIX", "last": "15"})


def test_candle_when_read_then_it_is_a_bar_of_one_minute_in_utc() -> None:
    bar = markets.candle(bodies.CANDLE)
    assert (bar.symbol, bar.starts_at, bar.ends_at - bar.starts_at) == ("SPY", NOW, timedelta(minutes=1))
    assert (bar.low, bar.volume) == (Decimal("269.5"), Decimal(1000))
    with pytest.raises(AgentTraderError):
        markets.candle(bodies.CANDLE | {"close": "NaN"})


def test_streamed_option_quote_when_a_side_is_not_quoted_then_it_is_missing_and_never_zero() -> None:
    row = bodies.QUOTE | {"eventSymbol": ".SPY261218C500", "bidPrice": "NaN", "bidSize": "NaN"}
    found = markets.streamed_option_quote(row, NOW)
    assert (found.symbol, found.bid, found.bid_size) == ("SPY261218C00500000", None, None)
    assert found.ask is not None
    with pytest.raises(BadResponse):
        markets.streamed_option_quote(row | {"bidPrice": 9, "askPrice": 8}, NOW)
