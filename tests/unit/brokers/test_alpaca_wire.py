"""Alpaca's rows, whatever they hold: a value, or BadResponse, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.brokers import alpaca_account, alpaca_activities, alpaca_markets, reading
from functions.brokers import alpaca_wire as wire
from functions.brokers.errors import BadResponse
from functions.brokers.orders import BrokerFill, OrderState, TradeUpdate
from functions.brokers.protocol import Quarantined
from functions.brokers.row_by_row import row_by_row
from functions.core.events import BarData, QuoteData

ORDER: dict[str, Any] = {
    "id": "o1",
    "client_order_id": "c1",
    "symbol": "SPY",
    "side": "buy",
    "type": "limit",
    "status": "new",
    "qty": "2",
    "filled_qty": "0",
    "limit_price": "270.1",
    "stop_price": None,
    "updated_at": "2026-01-02T14:30:00Z",
    "reject_reason": None,
}
FILL: dict[str, Any] = {
    "id": "20260102143000000::1",
    "order_id": "o1",
    "symbol": "SPY",
    "side": "sell_short",
    "qty": "2",
    "price": "270.1",
    "cum_qty": "3",
    "transaction_time": "2026-01-02T14:30:00Z",
}
UPDATE: dict[str, Any] = {
    "event": "partial_fill",
    "execution_id": "e1",
    "timestamp": "2026-01-02T14:30:00.5Z",
    "qty": "1",
    "price": "270.1",
    "order": ORDER | {"status": "partially_filled", "filled_qty": "1"},
}
CORRECTION: dict[str, Any] = UPDATE | {"event": "trade_correct", "execution_id": "e2", "previous_execution_id": "e1"}
POSITION: dict[str, Any] = {"symbol": "SPY", "qty": "2", "side": "long", "avg_entry_price": "270.1"}
ACCOUNT: dict[str, Any] = {"cash": "-10", "equity": "5", "buying_power": None}
CLOCK: dict[str, Any] = {"timestamp": "2026-01-02T09:30:00-05:00", "is_open": True}
SESSION: dict[str, Any] = {"date": "2026-11-27", "open": "09:30", "close": "13:00"}
BAR: dict[str, Any] = {"t": "2026-01-02T14:30:00Z", "o": 1, "h": 2, "l": 1, "c": 2, "v": 7}
QUOTE: dict[str, Any] = {"t": "2026-01-02T14:30:00Z", "bp": 1, "ap": 2, "bs": 3, "as": 4}

SPREAD: dict[str, Any] = ORDER | {
    "order_class": "mleg",
    "symbol": "",
    "side": "",
    "legs": [
        ORDER | {"id": "l1", "type": "", "ratio_qty": "1", "symbol": "SPY261218P00500000"},
        ORDER | {"id": "l2", "type": "", "ratio_qty": "2", "symbol": "SPY261218P00495000"},
    ],
}
BRACKET: dict[str, Any] = ORDER | {"order_class": "bracket", "legs": [ORDER | {"id": "o2", "status": "held"}]}
RULES: dict[str, Any] = {
    "account_number": "PA1234567890",
    "status": "ACTIVE",
    "multiplier": "2",
    "options_trading_level": 3,
    "options_approved_level": 3,
    "shorting_enabled": True,
    "admin_configurations": {"restrict_to_liquidation_reasons": {"pattern_day_trading": False}},
}
ACTIVITY: dict[str, Any] = {
    "activity_type": "OPEXP",
    "id": "20261218::1",
    "date": "2026-12-18",
    "net_amount": "0",
    "symbol": "SPY261218C00500000",
    "qty": "-1",
    "price": None,
    "status": "executed",
    "description": "expired",
}
LISTING: dict[str, Any] = {
    "class": "us_equity",
    "symbol": "SPY",
    "name": "SPDR",
    "status": "active",
    "tradable": True,
    "fractionable": True,
    "shortable": True,
    "marginable": True,
}
CONTRACT: dict[str, Any] = {
    "symbol": "SPY261218C00500000",
    "underlying_symbol": "SPY",
    "status": "active",
    "tradable": True,
    "expiration_date": "2026-12-18",
    "type": "call",
    "strike_price": "500",
    "size": "100",
    "name": "SPY Dec 18 2026 500 Call",
}
SNAPSHOT: dict[str, Any] = {
    "latestQuote": {"t": "2026-01-02T14:30:00Z", "bp": 1, "ap": 2, "bs": 3, "as": 4},
    "latestTrade": {"p": 1.5},
    "greeks": {"delta": 0.5, "gamma": 0.1, "theta": -0.1, "vega": 0.2, "rho": 0.01},
    "impliedVolatility": 0.2,
}

READERS: dict[str, tuple[Callable[[Any], object], dict[str, Any]]] = {
    "order": (wire.order, ORDER),
    "activity_fill": (wire.activity_fill, FILL),
    "trade_update": (wire.trade_update, UPDATE),
    "trade_correct": (wire.trade_update, CORRECTION),
    "position": (alpaca_account.position, POSITION),
    "account": (alpaca_account.account, ACCOUNT),
    "clock": (alpaca_markets.clock, CLOCK),
    "session": (alpaca_markets.session, SESSION),
    "bar": (lambda row: alpaca_markets.bar("SPY", row, "iex"), BAR),
    "spread": (wire.order, SPREAD),
    "spread_legs": (wire.leg_orders, SPREAD),
    "bracket": (wire.order, BRACKET),
    "rules": (alpaca_account.rules, RULES),
    "activity": (alpaca_activities.activity, ACTIVITY),
    "listing": (alpaca_markets.listing, LISTING),
    "option_listing": (alpaca_markets.option_listing, CONTRACT),
    "contract": (alpaca_markets.contract, CONTRACT),
    "option_quote": (lambda row: alpaca_markets.option_quote("SPY261218C00500000", row, "indicative"), SNAPSHOT),
    "quote": (lambda row: alpaca_markets.quote("SPY", row, "iex"), QUOTE),
}

TIMES = st.one_of(
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    st.just("0001-01-01T00:00:00+23:59"),
    st.just("9999-12-31T23:59:59.999999999-23:59"),
    st.builds(msgpack.Timestamp, st.integers(-(2**63), 2**63 - 1), st.integers(0, 10**9 - 1)),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.decimals(allow_nan=True).map(str),
    st.sampled_from(["buy", "sell", "sell_short", "long", "short", "new", "filled", "fill", "SPY", "", "1e400", "1_0"]),
    TIMES,
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


def read(name: str, row: object) -> object:
    """The value, or None for a row that was refused with BadResponse; anything else fails the test."""
    try:
        return READERS[name][0](row)
    except BadResponse:
        return None


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(data=st.data())
def test_reader_when_given_any_json_then_it_answers_or_refuses(name: str, data: st.DataObject) -> None:
    fields = st.sampled_from(list(READERS[name][1]))
    read(name, data.draw(st.one_of(JSON, st.dictionaries(fields, JSON))))


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(data=st.data())
def test_reader_when_one_field_is_anything_then_it_answers_or_refuses(name: str, data: st.DataObject) -> None:
    row = READERS[name][1]
    read(name, row | {data.draw(st.sampled_from(list(row))): data.draw(JSON)})


@pytest.mark.parametrize("name", READERS)
def test_reader_when_the_row_is_as_documented_then_it_is_read(name: str) -> None:
    assert read(name, READERS[name][1]) is not None
    assert read(name, READERS[name][1] | {"added_later": {"anything": [1]}}) is not None


@pytest.mark.parametrize(
    ("name", "optional"),
    [
        ("order", {"client_order_id", "qty", "limit_price", "stop_price", "reject_reason"}),
        ("activity_fill", set()),
        ("trade_update", {"timestamp"}),
        ("trade_correct", {"timestamp", "execution_id"}),
        ("position", {"side"}),
        ("account", {"buying_power"}),
        ("clock", set()),
        ("session", set()),
        ("bar", set()),
        (
            "spread",
            {"client_order_id", "symbol", "side", "qty", "filled_qty", "limit_price", "stop_price", "reject_reason"},
        ),
        ("rules", set(RULES) - {"account_number", "status"}),
        ("activity", set(ACTIVITY) - {"activity_type", "id", "date"}),
        ("listing", set(LISTING) - {"symbol"}),
        ("contract", set(CONTRACT) - {"symbol"}),
        ("option_quote", set(SNAPSHOT) - {"latestQuote"}),
        ("quote", set()),
    ],
)
def test_reader_when_a_field_is_missing_then_only_an_optional_one_is_forgiven(name: str, optional: set[str]) -> None:
    row = READERS[name][1]
    for field in row:
        rest = {key: value for key, value in row.items() if key != field}
        assert (read(name, rest) is not None) is (field in optional), field


ROWS: dict[str, tuple[Callable[[list[object]], list[Any]], dict[str, Any]]] = {
    "orders": (lambda rows: row_by_row(rows, wire.order), BRACKET),
    "fills": (lambda rows: row_by_row(rows, wire.activity_fill), FILL),
    "activities": (alpaca_activities.activities, ACTIVITY),
    "contracts": (lambda rows: row_by_row(rows, alpaca_markets.contract), CONTRACT),
}


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(data=st.data())
def test_list_when_some_rows_are_anything_then_each_is_read_or_quarantined_and_good_ones_stay(
    name: str, data: st.DataObject
) -> None:
    read_all, good = ROWS[name]
    fields = st.sampled_from(list(good))
    strange = st.dictionaries(fields, JSON).map(lambda changes: good | changes)
    rows = data.draw(st.lists(st.one_of(JSON, strange), max_size=5))
    found = read_all([*rows, good])
    assert len(found) == len(rows) + 1
    assert not isinstance(found[-1], Quarantined)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending_new", "submitted"),
        ("accepted", "submitted"),
        ("held", "submitted"),
        ("new", "submitted"),
        ("done_for_day", "submitted"),
        ("suspended", "submitted"),
        ("partially_filled", "partially_filled"),
        ("filled", "filled"),
        ("pending_cancel", "cancel_pending"),
        ("pending_replace", "replace_pending"),
        ("canceled", "canceled"),
        ("expired", "expired"),
        ("rejected", "rejected"),
        ("replaced", "replaced"),
    ],
)
def test_order_when_the_status_is_known_then_it_has_one_meaning(status: str, state: OrderState) -> None:
    found = wire.order(ORDER | {"status": status})
    assert (found.state, found.raw_status) == (state, status)


@pytest.mark.parametrize("status", ["teleported", "NEW", " new", "", None, 1, True, ["new"]])
def test_order_when_the_status_is_not_known_then_it_is_never_guessed(status: object) -> None:
    with pytest.raises(BadResponse, match="status"):
        wire.order(ORDER | {"status": status})


@given(cumulative=st.integers(-2, 4), quantity=st.integers(-2, 4))
def test_fill_when_the_cumulative_quantity_cannot_name_it_then_it_is_refused(cumulative: int, quantity: int) -> None:
    row = FILL | {"qty": str(quantity), "cum_qty": str(cumulative)}
    found = read("activity_fill", row)
    assert isinstance(found, BrokerFill) is (0 < quantity <= cumulative)
    order = ORDER | {"filled_qty": str(cumulative)}
    update = read("trade_update", UPDATE | {"qty": str(quantity), "order": order})
    assert isinstance(update, TradeUpdate) is (0 < quantity <= cumulative)


@pytest.mark.parametrize(
    ("quantity", "side", "signed"),
    [
        ("2", "long", 2),
        ("2", "short", -2),
        ("-2", "short", -2),
        ("-2", None, -2),
        ("2", None, 2),
        ("-2", "long", None),
        ("2", "flat", None),
        ("2", True, None),
    ],
)
def test_position_when_sides_are_written_so_then_the_sign_is_right_or_it_is_refused(
    quantity: str, side: object, signed: int | None
) -> None:
    row = POSITION | {"qty": quantity, "side": side}
    if signed is None:
        with pytest.raises(BadResponse):
            alpaca_account.position(row)
    else:
        assert alpaca_account.position(row).quantity == signed


@pytest.mark.parametrize(
    ("written", "exact"),
    [("0.1", "0.1"), (0.1, "0.1"), (500, "500"), ("1E+2", "100"), (1e-7, "0.0000001"), (" 7 ", "7")],
)
def test_number_when_written_so_then_it_is_exact(written: object, exact: str) -> None:
    assert reading.number({"n": written}, "n") == Decimal(exact)


@pytest.mark.parametrize(
    "written", ["", "1,000", "1_000", "0x10", "NaN", "inf", 1e300, "1e18", "1e-40", True, None, [], {}]
)
def test_number_when_it_is_none_then_it_is_refused(written: object) -> None:
    with pytest.raises(BadResponse):
        reading.number({"n": written}, "n")


def test_stamp_when_it_is_a_stream_timestamp_then_nanoseconds_are_cut_to_microseconds() -> None:
    assert alpaca_markets.stamp(msgpack.Timestamp(1_767_364_200, 123_456_789)) == datetime(
        2026, 1, 2, 14, 30, 0, 123_456, tzinfo=UTC
    )


@given(st.integers(0, 4 * 10**15), st.integers(0, 999))
def test_moment_when_it_has_nanoseconds_and_an_offset_then_it_is_the_same_moment(
    microseconds: int, nanoseconds: int
) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    written = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}{nanoseconds:03d}-05:00"
    assert reading.moment(written, "t") == at + timedelta(hours=5)


def test_bar_when_read_then_it_ends_a_minute_after_it_starts() -> None:
    bar = alpaca_markets.bar("SPY", BAR, "iex")
    assert isinstance(bar, BarData)
    assert bar.ends_at - bar.starts_at == timedelta(minutes=1)


def test_quote_when_locked_then_it_is_a_quote() -> None:
    assert isinstance(alpaca_markets.quote("SPY", QUOTE | {"bp": 2}, "iex"), QuoteData)
