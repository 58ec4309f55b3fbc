"""Circuit breakers from the function's side: what wakes them, at which time they measure, what is no price."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from functions.core.errors import BadInput
from functions.core.events import QuoteData
from functions.core.identity import named_uuid
from functions.risk import handlers
from functions.risk.watch import breakers
from functions.risk.watch.breakers import Breakers
from tests.unit.core.doubles import NOW, World

ACCOUNT = named_uuid("account")
LIMIT = str(named_uuid("limit"))
NOTHING: dict[str, Any] = {"watched": 1, "happened": []}
ACTED: dict[str, Any] = {
    "watched": 1,
    "happened": [
        {
            "limit_id": LIMIT,
            "name": "circuit_rejects",
            "status": "breached",
            "measured": "3",
            "value": "2",
            "act": "cancel",
        },
        {"limit_id": LIMIT, "name": "circuit_losses", "status": "recovered", "measured": "0", "value": "2"},
    ],
}


@pytest.fixture(autouse=True)
def _heard() -> None:
    breakers._quiet.forget()


def quote(bid: str = "99", ask: str = "101", at: datetime = NOW, delay: int = 0) -> QuoteData:
    sizes = {"bid_size": "1", "ask_size": "1"}
    told = {"symbol": "SPY", "bid": bid, "ask": ask, "quoted_at": at, "feed": "test", "delay_seconds": delay}
    return QuoteData.model_validate(told | sizes)


def message(type_: str, **data: Any) -> dict[str, Any]:
    event = {"id": str(named_uuid("event")), "type": type_, "key": "k", "occurred_at": NOW.isoformat(), "data": data}
    return {"message": {"data": base64.b64encode(json.dumps(event).encode()).decode()}}


@pytest.mark.parametrize(("seconds", "measured"), [(60, -60), (60.000001, 0)])
def test_breakers_when_an_order_is_rejected_then_measured_as_of_it_and_of_an_old_one_as_of_now(
    seconds: float, measured: float
) -> None:
    world = World({"run_breakers": ACTED})
    assert Breakers(world.ports).on_trade(ACCOUNT, NOW - timedelta(seconds=seconds)) == 1
    at = (NOW + timedelta(seconds=measured)).isoformat()
    said = {"p_at": at, "p_account_id": str(ACCOUNT), "p_symbol": None, "p_price": None}
    assert world.asked("run_breakers") == [said]


def test_breakers_when_a_quote_comes_then_its_middle_is_measured_at_its_time() -> None:
    world = World({"run_breakers": NOTHING})
    at = NOW - timedelta(seconds=1)
    assert Breakers(world.ports).on_quote(quote("99", "100", at)) == 0
    said = {"p_at": at.isoformat(), "p_account_id": None, "p_symbol": "SPY", "p_price": "99.5"}
    assert world.asked("run_breakers") == [said]


@pytest.mark.parametrize(
    ("told", "measured"),
    [
        (quote("95", "105"), 1),
        (quote("94.99", "105.01"), 0),
        (quote(delay=900), 0),
        (quote(at=NOW - timedelta(seconds=60)), 1),
        (quote(at=NOW - timedelta(seconds=60, microseconds=1)), 0),
    ],
)
def test_breakers_when_a_quote_is_wide_or_late_then_it_is_no_price(told: QuoteData, measured: int) -> None:
    world = World({"run_breakers": NOTHING})
    Breakers(world.ports).on_quote(told)
    assert len(world.asked("run_breakers")) == measured


def test_breakers_when_nobody_watches_a_symbol_then_its_quotes_of_the_next_five_seconds_ask_nothing() -> None:
    world = World({"run_breakers": {"watched": 0, "happened": []}})
    watch = Breakers(world.ports)
    for seconds in (0, 1, 4.999):
        watch.on_quote(quote(at=NOW + timedelta(seconds=seconds)))
    assert len(world.asked("run_breakers")) == 1
    watch.on_quote(quote(at=NOW + timedelta(seconds=5)))
    assert len(world.asked("run_breakers")) == 2


def test_breakers_when_the_schedule_wakes_them_then_all_are_measured_as_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({"run_breakers": NOTHING})
    monkeypatch.setattr(handlers, "ports", lambda _: world.ports)
    handlers.sweep_breakers({})
    assert world.asked("run_breakers") == [
        {"p_at": NOW.isoformat(), "p_account_id": None, "p_symbol": None, "p_price": None}
    ]


def test_break_on_trades_when_woken_then_the_orders_account_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({"run_breakers": NOTHING})
    monkeypatch.setattr(handlers, "ports", lambda _: world.ports)
    trade: dict[str, Any] = {
        "trade_id": str(named_uuid("trade")),
        "user_id": str(named_uuid("user")),
        "strategy_id": None,
    }
    trade |= {"broker_account_id": str(ACCOUNT), "symbol": "SPY", "status": "rejected", "version": 2}
    handlers.break_on_trades(message("trade.rejected", **trade))
    assert [UUID(said["p_account_id"]) for said in world.asked("run_breakers")] == [ACCOUNT]


def test_break_handlers_when_it_is_another_event_then_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({"run_breakers": NOTHING})
    monkeypatch.setattr(handlers, "ports", lambda _: world.ports)
    quoted = message("quote.updated", **quote().model_dump(mode="json"))
    handlers.break_on_quotes(quoted)
    with pytest.raises(BadInput, match=r"expected trade\.rejected"):
        handlers.break_on_trades(quoted)
    alert = {"alert_id": LIMIT, "user_id": None, "code": "A", "text": "a test"}
    with pytest.raises(BadInput, match=r"expected quote\.updated"):
        handlers.break_on_quotes(message("alert.raised", **alert))
    assert len(world.asked("run_breakers")) == 1
