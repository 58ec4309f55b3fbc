"""Bad input is refused with a stable code and nothing of it is written."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.core.identity import named_uuid
from tests.integration.ledger.desk import Desk, decision, new_strategy, order_of
from tests.integration.ledger.ledger import Ledger, refused

BAD_ORDERS: list[dict[str, Any]] = [
    {"quantity": "0"},
    {"quantity": "-1"},
    {"quantity": "NaN"},
    {"quantity": "Infinity"},
    {"quantity": "1e30"},
    {"quantity": "many"},
    {"quantity": None},
    {"notional": "1000"},
    {"side": "hold"},
    {"side": None},
    {"position_intent": None},
    {"position_intent": "sell_to_close"},
    {"position_intent": "open"},
    {"order_type": "limit"},
    {"order_type": "limit", "price": "-1"},
    {"order_type": "limit", "price": "0"},
    {"order_type": "limit", "price": "NaN"},
    {"order_type": "market", "price": "1"},
    {"order_type": "stop"},
    {"order_type": "stop_limit", "price": "1"},
    {"order_type": "trailing_stop"},
    {"order_type": "trailing_stop", "trail_percent": "100"},
    {"order_type": "trailing_stop", "trail_percent": "1", "trail_price": "1"},
    {"order_type": "iceberg"},
    {"time_in_force": "forever"},
    {"planned_stop": "-1"},
    {"reduce_only": "perhaps"},
]


@pytest.mark.parametrize("wrong", BAD_ORDERS, ids=str)
def test_order_when_malformed_then_refused_and_nothing_written(desk: Desk, wrong: dict[str, Any]) -> None:
    before = desk.ledger.one("select count(*) from private.outbox")
    with refused("BAD_ORDER", 422):
        desk.place_by_hand("key", **wrong)
    assert desk.count("trades") == desk.count("trade_legs") == desk.count("trade_transitions") == 0
    assert desk.ledger.one("select count(*) from private.outbox") == before


@pytest.mark.parametrize("wrong", BAD_ORDERS, ids=str)
def test_decision_when_its_order_is_malformed_then_kept_with_the_refusal(desk: Desk, wrong: dict[str, Any]) -> None:
    order = order_of() | wrong
    assert desk.decide(decision(desk.strategy, order)) == []
    refusal = desk.ledger.one("select refused from public.strategy_decisions where user_id = %s", desk.user)
    assert refusal.startswith("BAD_ORDER: ")
    assert desk.count("trades") == 0


def test_order_when_it_only_reduces_and_says_it_opens_then_refused(desk: Desk) -> None:
    with refused("INTENT_CONTRADICTS", 422):
        desk.place_by_hand("key", reduce_only=True)


def test_watched_symbols_when_more_are_wanted_than_the_feed_takes_then_what_is_held_comes_first(
    fresh_desk: Desk,
) -> None:
    fresh_desk.ledger.run("insert into public.instruments (symbol, kind, source) values ('AAA', 'equity', 'test')")
    for _ in range(2):
        new_strategy(fresh_desk.ledger, fresh_desk.user, fresh_desk.account, ("AAA", "IWM"))
    assert fresh_desk.ledger.call("watched_symbols", "fn_ingest", p_most=2) == {
        "symbols": ["AAA", "IWM"],
        "left_out": ["SPY"],
    }
    fresh_desk.hold("1")
    assert "SPY" in fresh_desk.ledger.call("watched_symbols", "fn_ingest", p_most=1)["symbols"]


@pytest.mark.parametrize("symbol", ["NOSUCH", "spy", "", None, "SPY'; drop table public.trades; --"])
def test_order_when_symbol_is_unknown_then_refused(desk: Desk, symbol: str | None) -> None:
    with refused("UNKNOWN_SYMBOL", 422):
        desk.place_by_hand("key", symbol=symbol)
    assert desk.count("trades") == 0


def test_order_when_instrument_is_not_tradable_then_refused(fresh_desk: Desk) -> None:
    fresh_desk.ledger.run("update public.instruments set tradable = false where symbol = 'SPY'")
    with refused("UNKNOWN_SYMBOL", 422):
        fresh_desk.place_by_hand("key")


@pytest.mark.parametrize("account", [None, "11111111-1111-4111-8111-111111111111", "no uuid"])
def test_order_when_account_is_unknown_then_refused(desk: Desk, account: str | None) -> None:
    order = order_of() | {"idempotency_key": "key", "broker_account_id": account}
    with refused("NO_SUCH_ACCOUNT", 404):
        desk.ledger.call("place_trade", "authenticated", desk.user, p_order=order)


BAR = {
    "symbol": "SPY",
    "timeframe": "1Min",
    "starts_at": "2013-10-07T16:00:00Z",
    "ends_at": "2013-10-07T16:01:00Z",
    "open": "10",
    "high": "12",
    "low": "9",
    "close": "11",
    "volume": "100",
    "feed": "test",
}
QUOTE = {
    "symbol": "SPY",
    "bid": "10",
    "ask": "10.01",
    "bid_size": "1",
    "ask_size": "1",
    "quoted_at": "2013-10-07T16:00:30Z",
    "feed": "test",
}


def _store(ledger: Ledger, *bars: dict[str, Any], quotes: tuple[dict[str, Any], ...] = ()) -> int:
    return int(ledger.call("record_market_data", "fn_ingest", p_bars=list(bars), p_quotes=list(quotes)))


def _stored(ledger: Ledger) -> int:
    """Rows of market data. Tests that store some have a ledger of their own."""
    tables = ("bars", "quotes_latest", "position_marks")
    return sum(ledger.one(f"select count(*) from public.{table}") for table in tables)


@pytest.mark.parametrize(
    "wrong",
    [
        {"open": "NaN"},
        {"high": "NaN"},
        {"low": "NaN"},
        {"close": "NaN"},
        {"volume": "NaN"},
        {"open": "-1"},
        {"low": "0"},
        {"low": "-9"},
        {"high": "10.5"},
        {"low": "10.5"},
        {"close": "13"},
        {"volume": "-1"},
        {"close": "eleven"},
        {"close": None},
        {"ends_at": "2013-10-07T16:00:00Z"},
        {"starts_at": None},
        {"timeframe": "7Min"},
        {"feed": None},
    ],
    ids=str,
)
def test_bar_when_malformed_then_refused_with_the_whole_batch(ledger: Ledger, wrong: dict[str, Any]) -> None:
    good = BAR | {"symbol": "IWM"}
    with refused("BAD_MARKET_DATA", 422):
        _store(ledger, good, BAR | wrong, quotes=(QUOTE,))
    assert _stored(ledger) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"bid": "0"}, {"bid": "NaN"}, {"ask": "NaN"}, {"ask": "9"}, {"bid_size": "-1"}, {"quoted_at": None}],
    ids=str,
)
def test_quote_when_malformed_then_refused_with_the_whole_batch(ledger: Ledger, wrong: dict[str, Any]) -> None:
    with refused("BAD_MARKET_DATA", 422):
        _store(ledger, BAR, quotes=(QUOTE | wrong,))
    assert _stored(ledger) == 0


def test_market_data_when_symbol_is_unknown_then_refused_with_the_whole_batch(ledger: Ledger) -> None:
    with refused("UNKNOWN_SYMBOL", 422) as error:
        _store(ledger, BAR, BAR | {"symbol": "NOSUCH"}, quotes=(QUOTE,))
    assert "symbol=NOSUCH" in str(error.value)
    assert _stored(ledger) == 0


def test_bar_when_doubled_in_one_batch_then_the_last_one_counts(fresh_ledger: Ledger) -> None:
    assert _store(fresh_ledger, BAR, BAR | {"close": "10"}) == 1
    assert fresh_ledger.one("select close from public.bars") == 10


def test_bar_when_stored_again_or_corrected_then_counted_only_where_it_changed(fresh_ledger: Ledger) -> None:
    assert [_store(fresh_ledger, BAR) for _ in range(2)] == [1, 0]
    assert _store(fresh_ledger, BAR | {"close": "9.5"}) == 1


def test_mark_and_quote_when_older_ones_come_late_then_newer_stay(fresh_ledger: Ledger) -> None:
    later = BAR | {"starts_at": "2013-10-07T16:01:00Z", "ends_at": "2013-10-07T16:02:00Z", "close": "9.5"}
    _store(fresh_ledger, later, quotes=(QUOTE | {"quoted_at": "2013-10-07T16:01:30Z", "bid": "9"},))
    _store(fresh_ledger, BAR, quotes=(QUOTE,))
    assert str(fresh_ledger.one("select mark from public.position_marks")) == "9.5000000000"
    assert fresh_ledger.one("select bid from public.quotes_latest") == 9


def test_bars_until_when_a_later_bar_is_stored_then_never_seen(fresh_ledger: Ledger) -> None:
    _store(fresh_ledger, BAR, BAR | {"starts_at": "2013-10-07T16:01:00Z", "ends_at": "2013-10-07T16:02:00Z"})
    seen = fresh_ledger.call(
        "bars_until", "fn_strategy", p_symbol="SPY", p_timeframe="1Min", p_until="2013-10-07T16:01:59Z", p_limit=10
    )
    assert [bar["ends_at"] for bar in seen] == ["2013-10-07T16:01:00+00:00"]


@pytest.mark.parametrize(
    ("function", "role", "arguments"),
    [
        ("approve_trade", "fn_risk", {"p_decisions": [], "p_marks": {"SPY": "1"}}),
        ("reject_trade", "fn_risk", {"p_decisions": [], "p_refusal": "X"}),
        ("expire_trade", "fn_risk", {"p_now": "now"}),
        ("claim_trade", "fn_execute", {"p_owner": "x", "p_now": "now", "p_lease_seconds": 1}),
        ("record_submission", "fn_execute", {"p_attempt": 1, "p_broker_order_id": "x", "p_at": "now"}),
        ("record_attempt", "fn_execute", {"p_attempt": 1, "p_outcome": "unknown", "p_detail": "", "p_at": "now"}),
        ("request_cancel", "fn_risk", {"p_reason": "x"}),
    ],
)
def test_call_when_trade_does_not_exist_then_refused(
    ledger: Ledger, function: str, role: str, arguments: dict[str, Any]
) -> None:
    with refused("NO_SUCH_TRADE", 404):
        ledger.call(function, role, p_trade_id=uuid4(), **arguments)


@pytest.mark.parametrize("outcome", ["accepted", "nonsense", "", None])
def test_attempt_when_outcome_is_none_of_the_three_then_refused(desk: Desk, outcome: str | None) -> None:
    trade, _ = desk.working()
    with refused("BAD_OUTCOME", 422):
        desk.ledger.call(
            "record_attempt",
            "fn_execute",
            p_trade_id=trade,
            p_attempt=1,
            p_outcome=outcome,
            p_detail="",
            p_at="now",
        )


def test_snapshot_when_malformed_or_of_no_account_then_refused(desk: Desk) -> None:
    said = {"p_account_id": desk.account, "p_as_of": "now", "p_cash": "1", "p_equity": "1"}
    for account, cash, code, status in (
        (desk.account, "NaN", "BAD_SNAPSHOT", 422),
        (uuid4(), "1", "NO_SUCH_ACCOUNT", 404),
    ):
        with refused(code, status):
            desk.ledger.call(
                "record_account_snapshot", "fn_execute", **said | {"p_account_id": account, "p_cash": cash}
            )
    assert desk.count("account_snapshots") == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), min_size=1))
def test_named_uuid_when_made_in_sql_then_as_in_python(ledger: Ledger, parts: list[str]) -> None:
    assert ledger.one("select private.named_uuid(%s)", "|".join(parts)) == named_uuid(*parts)
    made = named_uuid(*parts)
    assert (made.version, made.variant) == (8, "specified in RFC 4122")
