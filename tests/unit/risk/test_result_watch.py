"""The watch over results from the function's side: what it asks of the ledger, in order, and what it leaves alone."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.core.errors import BadInput
from functions.core.events import OptionQuoteData, QuoteData
from functions.core.identity import named_uuid
from functions.core.ledger.deciding import DecisionLedger
from functions.core.ledger.errors import LedgerUnavailable
from functions.risk import handlers
from functions.risk.watch import breakers, exits, results
from functions.risk.watch.breakers import Breakers
from functions.risk.watch.exits import ExitWatch
from functions.risk.watch.results import ResultWatch
from functions.strategy import between_bars
from functions.strategy.between_bars import decide_on_quote
from tests.unit.core.doubles import NOW, Turns, World

LIMIT, ACCOUNT = str(named_uuid("limit")), str(named_uuid("account"))
BROKEN = {"status": "breached", "breach_id": 1, "act": "flatten", "placed": []}
SIZES = {"bid_size": Decimal(1), "ask_size": Decimal(1), "feed": "test", "quoted_at": NOW}
QUOTE = QuoteData(symbol="SPY", bid=Decimal("99.9"), ask=Decimal("100.1"), **SIZES)


def watched(result: str | None, state: str | None = None, today: bool = True, **more: Any) -> dict[str, Any]:
    """A limit of 100 on the loss of the day of an account."""
    on = {"scope": "account", "result": result, "missing": [] if result else ["SPY"], "peak": "0", "session_open": "0"}
    return {
        "limit_id": LIMIT, "name": "max_daily_loss", "scope": "account", "broker_account_id": ACCOUNT,
        "strategy_id": None, "value": "100", "parameters": {}, "state": state, "today": today,
        "on": on | {"mark_age": "0", "missing_since": None} | more,
    }  # fmt: skip


def world(*found: dict[str, Any], **answers: Any) -> World:
    said = {"breach_limit": BROKEN, "warn_of_limit": True, "rearm_limit": True, "tell_blind": True}
    return World({"watch_quote": list(found), "watch_results": list(found)} | said | answers)


@pytest.fixture(autouse=True)
def _nothing_is_quiet() -> None:
    results._quiet.forget()


def asked(reached: World) -> list[str]:
    return [name for name in ("breach_limit", "warn_of_limit", "rearm_limit", "tell_blind") if reached.asked(name)]


@pytest.mark.parametrize(
    ("result", "state", "today", "call"),
    [
        ("-100.01", None, True, ["breach_limit"]),
        ("-100.01", "breached", True, ["breach_limit"]),  # Whether it went on, the ledger decides.
        ("-100", None, True, ["warn_of_limit"]),
        ("-80", None, True, ["warn_of_limit"]),
        ("-80", "recovered", True, ["warn_of_limit"]),
        ("-80", "warned", True, []),
        ("-80", "warned", False, ["warn_of_limit"]),
        ("-80", "breached", True, []),
        ("-79.99", "breached", True, ["rearm_limit"]),
        ("-79.99", "worse", False, ["rearm_limit"]),
        ("-79.99", "warned", True, ["rearm_limit"]),
        ("-79.99", "recovered", True, []),
        ("-79.99", None, True, []),
        ("500", None, True, []),
    ],
)
def test_watch_when_a_result_is_measured_then_only_what_is_due_is_asked(
    result: str, state: str | None, today: bool, call: list[str]
) -> None:
    reached = world(watched(result, state, today))
    assert ResultWatch(reached.ports).on_quote(QUOTE) == (call == ["breach_limit"])
    assert asked(reached) == call


def test_watch_when_it_breaks_then_the_numbers_go_along() -> None:
    reached = world(watched("-101"))
    ResultWatch(reached.ports).sweep()
    assert reached.asked("watch_results") == [{"p_at": NOW.isoformat(), "p_account_id": None}]
    assert reached.asked("breach_limit") == [
        {
            "p_limit_id": LIMIT, "p_account_id": None, "p_strategy_id": None, "p_measured": "101",
            "p_at": NOW.isoformat(), "p_detail": {"result": "-101", "peak": "0", "session_open": "0"},
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"missing_since": (NOW - timedelta(minutes=5)).isoformat()}, True),
        ({"missing_since": (NOW - timedelta(minutes=4, seconds=59)).isoformat()}, False),
    ],
)
def test_watch_when_a_mark_is_missing_then_it_neither_breaks_nor_recovers(more: dict[str, Any], told: bool) -> None:
    reached = world(watched(None, "breached", **more))
    ResultWatch(reached.ports).sweep()
    assert asked(reached) == (["tell_blind"] if told else [])


@pytest.mark.parametrize(("age", "call"), [("300", ["breach_limit"]), ("300.1", ["tell_blind"])])
def test_watch_when_the_oldest_mark_is_too_old_then_it_is_blind(age: str, call: list[str]) -> None:
    reached = world(watched("-500", mark_age=age))
    ResultWatch(reached.ports).sweep()
    assert asked(reached) == call


@pytest.mark.parametrize(
    ("changes", "marked"),
    [
        ({}, True),
        ({"delay_seconds": 1}, False),
        ({"bid": Decimal("95"), "ask": Decimal("105")}, True),
        ({"bid": Decimal("94.9"), "ask": Decimal("105.1")}, False),
    ],
)
def test_watch_when_a_quote_comes_then_it_marks_by_its_middle_where_it_is_a_price(
    changes: dict[str, Any], marked: bool
) -> None:
    reached = world()
    ResultWatch(reached.ports).on_quote(QUOTE.model_copy(update=changes))
    said = {"p_symbol": "SPY", "p_mark": "100", "p_at": NOW.isoformat(), "p_source": "quote test"}
    assert reached.asked("watch_quote") == ([said] if marked else [])


def test_watch_when_an_option_is_quoted_then_its_mark_is_left_to_who_asked_for_it() -> None:
    reached = world()
    ResultWatch(reached.ports).on_option_quote(_option())
    assert [said["p_mark"] for said in reached.asked("watch_quote")] == [None]


def test_watch_when_one_limit_fails_then_the_others_have_their_turn_and_the_failure_is_raised() -> None:
    down = LedgerUnavailable("LEDGER_UNAVAILABLE", "a test")
    reached = world(watched("-101"), watched("-102"), breach_limit=Turns(down, BROKEN))
    with pytest.raises(LedgerUnavailable):
        ResultWatch(reached.ports).sweep()
    assert len(reached.asked("breach_limit")) == 2


def _option() -> OptionQuoteData:
    return OptionQuoteData(
        symbol="SPY261218C00500000",
        underlying="SPY",
        bid=Decimal(1),
        ask=Decimal(2),
        **SIZES,
    )


def woken(kind: str, data: Any, key: str = "SPY") -> dict[str, Any]:
    """The message of an event."""
    event = {"id": str(named_uuid("event")), "type": kind, "key": key, "occurred_at": NOW.isoformat(), "data": data}
    return {"message": {"data": base64.b64encode(json.dumps(event).encode()).decode()}}


def test_entry_points_when_woken_then_each_brings_its_own_to_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = world(watch_portfolio=[])
    monkeypatch.setattr(handlers, "ports", lambda _: reached.ports)
    trade = {"trade_id": LIMIT, "user_id": LIMIT, "broker_account_id": ACCOUNT, "symbol": "SPY", "status": "filled"}
    handlers.watch_on_quotes(woken("quote.updated", QUOTE.model_dump(mode="json")))
    handlers.watch_on_options(woken("option_quote.updated", _option().model_dump(mode="json")))
    handlers.watch_on_fills(woken("trade.filled", trade | {"version": 3}))
    handlers.watch_results(None)
    assert len(reached.asked("watch_quote")) == 2
    assert [said["p_account_id"] for said in reached.asked("watch_results")] == [ACCOUNT, None]
    handlers.watch_portfolio(None)
    assert [said["p_account_id"] for said in reached.asked("watch_portfolio")] == [ACCOUNT, None]
    for handler in (handlers.watch_on_quotes, handlers.watch_on_options, handlers.watch_on_fills):
        with pytest.raises(BadInput, match="WRONG_EVENT"):
            handler(woken("alert.raised", {"alert_id": LIMIT, "code": "A", "text": "a"}))


def test_watch_on_quotes_when_nobody_holds_the_symbol_then_its_quotes_of_the_next_second_ask_nothing() -> None:
    reached = world(watch_quote=None)
    watch = ResultWatch(reached.ports)
    for seconds in (0, 0.5, 0.999, 1, 1.5):
        watch.on_quote(QUOTE.model_copy(update={"quoted_at": QUOTE.quoted_at + timedelta(seconds=seconds)}))
    assert len(reached.asked("watch_quote")) == 2


def test_watch_on_quotes_when_who_holds_it_has_no_limit_then_every_quote_marks() -> None:
    reached = world()
    watch = ResultWatch(reached.ports)
    assert [watch.on_quote(QUOTE), watch.on_quote(QUOTE)] == [0, 0]
    assert len(reached.asked("watch_quote")) == 2


def test_quotes_when_nobody_holds_or_watches_their_symbol_then_few_of_them_ask_the_ledger() -> None:
    """Fifty quotes in five seconds, heard by everything that hears quotes."""
    reached = world(watch_quote=None, live_exits=[], run_breakers={"watched": 0, "happened": []}, strategies_hearing=[])
    for one in (exits._quiet, breakers._quiet, between_bars._quiet):
        one.forget()
    for number in range(50):
        at = QUOTE.quoted_at + timedelta(seconds=number / 10)
        reached.clock.at = at
        quote = QUOTE.model_copy(update={"quoted_at": at})
        for hears in (ResultWatch(reached.ports), ExitWatch(reached.ports), Breakers(reached.ports)):
            hears.on_quote(quote)
        decide_on_quote(DecisionLedger(reached.ledger), quote)
    names = ("watch_quote", "live_exits", "run_breakers", "strategies_hearing")
    assert [len(reached.asked(name)) for name in names] == [5, 5, 1, 1]
