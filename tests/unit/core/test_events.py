"""Events: what is written is read back the same, and what is wrong is refused with a sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.errors import BadInput
from functions.core.events import (
    AlertData,
    AlertRaised,
    BarCompleted,
    BarData,
    BreachData,
    Event,
    GateData,
    HaltChanged,
    LimitBreached,
    QuoteData,
    QuoteUpdated,
    StrategyChanged,
    StrategyData,
    TradeChanged,
    TradeData,
    TradePlaced,
    dump,
    parse,
)

AT = datetime(2026, 1, 2, 14, 30, tzinfo=UTC)
MOMENTS = st.datetimes(timezones=st.just(UTC))
PRICES = st.decimals("0.0001", 1_000_000, places=4)
SIZES = st.decimals(0, 1_000_000_000, places=9)
SYMBOLS = st.from_regex(r"[A-Z0-9][A-Z0-9./]{0,31}", fullmatch=True)
IDS = st.uuids()
TEXTS = st.text(max_size=20)


@st.composite
def bars(draw: st.DrawFn) -> BarData:
    low, middle, other, high = sorted(draw(st.lists(PRICES, min_size=4, max_size=4)))
    starts_at = draw(MOMENTS.filter(lambda at: at.year < 9999))
    return BarData(
        symbol=draw(SYMBOLS),
        timeframe="1Min",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=1),
        open=draw(st.sampled_from([middle, other])),
        high=high,
        low=low,
        close=draw(st.sampled_from([middle, other])),
        volume=draw(SIZES),
        feed="iex",
    )


@st.composite
def quotes(draw: st.DrawFn) -> QuoteData:
    bid, ask = sorted(draw(st.lists(PRICES, min_size=2, max_size=2)))
    return QuoteData(
        symbol=draw(SYMBOLS),
        bid=bid,
        ask=ask,
        bid_size=draw(SIZES),
        ask_size=draw(SIZES),
        quoted_at=draw(MOMENTS),
        feed="iex",
        delay_seconds=draw(st.integers(0, 900)),
    )


TRADES = st.builds(TradeData, trade_id=IDS, user_id=IDS, broker_account_id=IDS, symbol=SYMBOLS, status=TEXTS)
ENVELOPE: dict[str, Any] = {"id": IDS, "occurred_at": MOMENTS, "key": st.text(min_size=1, max_size=10)}
EVENTS = st.one_of(
    bars().map(BarCompleted.of),
    quotes().map(QuoteUpdated.of),
    st.builds(TradePlaced, data=TRADES, **ENVELOPE),
    st.builds(TradeChanged, data=TRADES, **ENVELOPE),
    st.builds(StrategyChanged, data=st.builds(StrategyData, strategy_id=IDS, user_id=IDS), **ENVELOPE),
    st.builds(HaltChanged, data=st.builds(GateData), **ENVELOPE),
    st.builds(AlertRaised, data=st.builds(AlertData, alert_id=IDS), **ENVELOPE),
    st.builds(LimitBreached, data=st.builds(BreachData, limit_id=IDS, value=PRICES, measured=PRICES), **ENVELOPE),
)


def bar(**more: Any) -> dict[str, Any]:
    data = BarData(
        symbol="SPY",
        timeframe="1Min",
        starts_at=AT,
        ends_at=AT + timedelta(minutes=1),
        open=Decimal(100),
        high=Decimal(102),
        low=Decimal(99),
        close=Decimal(101),
        volume=Decimal(7),
        feed="iex",
    )
    found = dump(BarCompleted.of(data))
    found["data"] |= more
    return found


def quote(**more: Any) -> dict[str, Any]:
    data = QuoteData(
        symbol="SPY",
        bid=Decimal(100),
        ask=Decimal(101),
        bid_size=Decimal(1),
        ask_size=Decimal(1),
        quoted_at=AT,
        feed="iex",
    )
    found = dump(QuoteUpdated.of(data))
    found["data"] |= more
    return found


@given(EVENTS)
def test_event_when_dumped_and_parsed_then_it_is_the_same_by_every_road(event: Event) -> None:
    written = dump(event)
    for payload in (written, json.dumps(written), json.dumps(written).encode()):
        assert parse(payload) == event


@given(EVENTS)
def test_event_when_dumped_then_money_is_text_and_times_are_utc(event: Event) -> None:
    def numbers(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [found for inner in value.values() for found in numbers(inner)]
        return [value] if isinstance(value, float) else []

    written = dump(event)
    assert numbers(written) == []
    assert datetime.fromisoformat(written["occurred_at"]).utcoffset() == timedelta(0)


@given(bars(), bars())
def test_bar_when_it_is_the_same_bar_then_it_has_the_same_id(one: BarData, other: BarData) -> None:
    same = (one.symbol, one.starts_at) == (other.symbol, other.starts_at)
    assert (BarCompleted.of(one).id == BarCompleted.of(other).id) is same
    corrected = one.model_copy(update={"volume": one.volume + 1})
    assert BarCompleted.of(corrected).id == BarCompleted.of(one).id


@pytest.mark.parametrize("kind", ["trade.teleported", "", None, "Trade.placed", 7])
def test_parse_when_the_type_is_not_known_then_it_is_refused(kind: object) -> None:
    with pytest.raises(BadInput) as refused:
        parse(bar() | {"type": kind})
    assert refused.value.code == "BAD_EVENT"


@pytest.mark.parametrize(
    "change",
    [
        {"close": "NaN"},
        {"close": float("nan")},
        {"high": "Infinity"},
        {"low": "-1"},
        {"open": "0"},
        {"high": "99.5"},
        {"low": "100.5"},
        {"volume": "-1"},
        {"ends_at": AT.isoformat()},
        {"starts_at": "2026-01-02T14:30:00"},
        {"timeframe": "2Min"},
        {"symbol": "spy"},
        {"symbol": "SPY;DROP"},
        {"open": None},
        {"open": True},
        {"open": "1e30"},
    ],
    ids=str,
)
def test_parse_when_a_bar_is_no_bar_then_the_field_is_named(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        parse(bar(**change))
    assert refused.value.code == "BAD_EVENT"
    assert refused.value.numbers["field"].startswith("bar.completed.data")


@pytest.mark.parametrize(
    "change",
    [
        {"bid": "101.01"},
        {"bid": "0"},
        {"ask": "-1"},
        {"bid_size": "-1"},
        {"ask_size": "NaN"},
        {"delay_seconds": -1},
        {"quoted_at": "noon"},
    ],
    ids=str,
)
def test_parse_when_a_quote_is_no_quote_then_it_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        parse(quote(**change))


@pytest.mark.parametrize("payload", [b"", b"{", "[]", "null", {}, {"type": "bar.completed"}, b"\xff"])
def test_parse_when_it_is_no_event_then_it_is_refused(payload: bytes | str | dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        parse(payload)
    assert refused.value.code == "BAD_EVENT"


def test_parse_when_a_newer_sender_adds_fields_then_it_is_heard() -> None:
    found = parse(bar(vwap="100.5") | {"added": True})
    assert isinstance(found, BarCompleted)


def test_event_when_somebody_would_change_it_then_it_is_frozen() -> None:
    event = parse(quote())
    with pytest.raises(ValueError, match="frozen"):
        setattr(event, "key", "IWM")  # noqa: B010 - plainly written, the type checker refuses it already


def test_schema_when_read_by_a_stranger_then_every_type_of_every_event_is_in_it() -> None:
    from functions.core.events import schemas

    text = json.dumps(schemas())
    union = get_args(get_args(Event)[0])
    kinds = [kind for model in union for kind in get_args(model.model_fields["type"].annotation)]
    assert len(kinds) == len(set(kinds)) > 15
    assert all(f'"{kind}"' in text for kind in kinds)


def test_event_when_its_id_is_named_then_it_is_a_uuid_of_version_8() -> None:
    assert UUID(bar()["id"]).version == 8
