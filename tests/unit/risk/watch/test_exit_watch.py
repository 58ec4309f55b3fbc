"""The watch from the function's side: which quotes it looks at, what it asks the ledger for, whom it tells."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.core.errors import BadInput, Mistake
from functions.core.events import OptionQuoteData, QuoteData
from functions.core.hotstore.keys import quote_key
from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerRefused, LedgerUnavailable
from functions.risk import handlers
from functions.risk.watch import exits
from functions.risk.watch.exits import BLIND_AFTER, ExitWatch
from tests.unit.core.doubles import NOW, Turns, World

FIRST, SECOND, TRADE = (str(named_uuid(name)) for name in ("first", "second", "trade"))
FIRED = {"status": "triggered", "trade_id": TRADE}
CALL = "SPY260116C00100000"


@pytest.fixture(autouse=True)
def _nothing_is_quiet() -> Iterator[None]:
    exits._quiet.forget()
    yield
    exits._quiet.forget()


def live(exit_id: str = FIRST, **more: Any) -> dict[str, Any]:
    """A long hundred of SPY with a stop, as the ledger lists it."""
    said = {
        "exit_id": exit_id,
        "broker_account_id": str(named_uuid("account")),
        "is_paper": False,
        "symbol": "SPY",
        "direction": "long",
        "stop_price": "95",
        "status": "armed",
        "open_since": (NOW - timedelta(hours=1)).isoformat(),
        "legs": [{"symbol": "SPY", "sign": 1, "ratio": 1, "kind": "equity"}],
        "quotes": None,
    }
    return said | more


def quote(bid: str, at: datetime = NOW, **more: Any) -> QuoteData:
    said = {"symbol": "SPY", "bid": bid, "ask": "200", "bid_size": "1", "ask_size": "1", "quoted_at": at, "feed": "a"}
    return QuoteData.model_validate(said | more)


def world(*rows: dict[str, Any], **answers: Any) -> World:
    return World({"live_exits": list(rows), "trigger_exit": FIRED, "settle_exits": 0, "exits_to_rest": []} | answers)


def test_quote_when_it_reaches_an_exit_then_it_is_fired_at_its_price_and_time() -> None:
    here = world(live())
    assert ExitWatch(here.ports).on_quote(quote("94.5")) == 1
    assert here.asked("trigger_exit") == [
        {"p_exit_id": FIRST, "p_by": "stop", "p_price": "94.5", "p_at": NOW.isoformat()}
    ]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (live(), quote("95.01")),
        (live(), quote("90", delay_seconds=900)),
        (live(), quote("90", NOW - timedelta(minutes=1))),
        (live(open_since=None), quote("90")),
        (live(awaits_split=True), quote("90")),
        (live(status="triggered"), quote("90")),
        (live(armed_from=(NOW + timedelta(seconds=1)).isoformat()), quote("90")),
    ],
)
def test_quote_when_it_says_nothing_of_now_then_nothing_fires(row: dict[str, Any], told: QuoteData) -> None:
    here = world(row)
    assert ExitWatch(here.ports).on_quote(told) == 0
    assert here.asked("trigger_exit") == []


def test_quote_when_the_row_of_another_exit_cannot_be_read_then_it_is_told_and_this_one_fires() -> None:
    here = world(live(SECOND, exit_at="20000-01-01T00:00:00Z"), live())
    assert ExitWatch(here.ports).on_quote(quote("94.5")) == 1
    assert [one["p_exit_id"] for one in here.asked("trigger_exit")] == [FIRST]
    (alert,) = here.asked("raise_alert")
    assert (alert["p_code"], alert["p_severity"]) == ("ROW_UNREADABLE", "critical")


def test_quote_when_an_exit_meets_a_mistake_of_ours_then_the_others_fire_and_it_is_raised() -> None:
    here = world(live(), live(SECOND), trigger_exit=Turns(ZeroDivisionError("a bug"), FIRED))
    with pytest.raises(Mistake, match="ZeroDivisionError"):
        ExitWatch(here.ports).on_quote(quote("94.5"))
    assert [one["p_exit_id"] for one in here.asked("trigger_exit")] == [FIRST, SECOND]


def test_quote_when_the_feed_is_delayed_then_paper_goes_by_it() -> None:
    here = world(live(is_paper=True))
    assert ExitWatch(here.ports).on_quote(quote("90", NOW - timedelta(seconds=900), delay_seconds=900)) == 1


def test_quote_when_it_gets_better_then_the_trail_follows_before_it_is_asked_whether_it_is_reached() -> None:
    here = world(live(stop_price=None, trail_amount="5", best_price="100"), follow_price=True)
    watch = ExitWatch(here.ports)
    assert watch.on_quote(quote("104")) == 0
    assert here.asked("follow_price") == [{"p_exit_id": FIRST, "p_price": "104", "p_at": NOW.isoformat()}]
    assert watch.on_quote(quote("95")) == 1
    assert len(here.asked("follow_price")) == 1


def test_quote_when_an_exit_has_fired_and_something_is_left_then_it_goes_on_whatever_the_price() -> None:
    here = world(live(fired=True))
    assert ExitWatch(here.ports).on_quote(quote("150")) == 1
    assert here.asked("trigger_exit")[0] | {"p_at": ""} == {
        "p_exit_id": FIRST, "p_by": "rest", "p_price": None, "p_at": "",
    }  # fmt: skip


def test_quotes_when_nobody_watches_their_symbol_then_the_ledger_is_asked_once_a_second_of_their_own_time() -> None:
    here = world()
    watch = ExitWatch(here.ports)
    for milliseconds in (0, 1, 999, 1000, 1500):
        watch.on_quote(quote("90", NOW + timedelta(milliseconds=milliseconds)))
    assert len(here.asked("live_exits")) == 2


def test_exit_when_one_fails_then_the_others_have_their_turn_and_the_failure_is_raised() -> None:
    refused = LedgerRefused("NO_SUCH_EXIT", "a test", 404)
    here = world(live(), live(SECOND), trigger_exit=Turns(refused, FIRED))
    with pytest.raises(LedgerRefused):
        ExitWatch(here.ports).on_quote(quote("90"))
    assert [asked["p_exit_id"] for asked in here.asked("trigger_exit")] == [FIRST, SECOND]


def test_exit_when_it_has_moved_meanwhile_then_that_is_no_failure() -> None:
    here = world(live(), trigger_exit=LedgerRefused("NOT_CROSSED", "a test", 409))
    assert ExitWatch(here.ports).on_quote(quote("90")) == 0


def test_exit_when_the_ledger_is_down_then_it_is_said_so_that_the_message_comes_again() -> None:
    here = world(live(), trigger_exit=LedgerUnavailable("LEDGER_UNAVAILABLE", "a test"))
    with pytest.raises(LedgerUnavailable):
        ExitWatch(here.ports).on_quote(quote("90"))


def test_package_when_one_leg_is_quoted_then_the_others_price_is_the_newest_of_hot_store_and_ledger() -> None:
    wing = CALL.replace("100000", "105000")
    legs = [
        {"symbol": symbol, "sign": sign, "ratio": 1, "kind": "option", "underlying": "SPY", "option_right": "call"}
        for symbol, sign in ((CALL, -1), (wing, 1))
    ]
    stored = {"bid": "0.01", "ask": "0.02", "quoted_at": (NOW - timedelta(seconds=9)).isoformat(), "delay_seconds": 0}
    row = live(symbol=CALL, direction="short", stop_price="2.40", legs=legs, quotes={wing: stored})
    here = world(row)
    told = {"underlying": "SPY", "bid_size": "1", "ask_size": "1", "quoted_at": NOW, "feed": "a"}
    kept = OptionQuoteData.model_validate(told | {"symbol": wing, "bid": "0.60", "ask": "0.70"})
    here.hot.put(quote_key(wing), kept.model_dump(mode="json"))
    watch = ExitWatch(here.ports)
    for ask, fired in (("2.99", 0), ("3.00", 1)):
        said = OptionQuoteData.model_validate(told | {"symbol": CALL, "bid": "2.80", "ask": ask})
        assert watch.on_quote(said) == fired
    assert here.asked("trigger_exit")[0]["p_price"] == "2.4"


# --- by the minute ----------------------------------------------------------------------------------------------------


def stored(at: datetime, bid: str = "150") -> dict[str, Any]:
    return {"SPY": {"bid": bid, "ask": "151", "quoted_at": at.isoformat(), "delay_seconds": 0}}


def test_sweep_when_a_quotes_message_was_lost_then_the_stored_quote_fires_it() -> None:
    here = world(live(quotes=stored(NOW, "90")))
    assert ExitWatch(here.ports).sweep() == 1


def test_sweep_when_the_time_has_come_then_it_fires_without_a_quote() -> None:
    here = world(live(stop_price=None, exit_at=NOW.isoformat()))
    assert ExitWatch(here.ports).sweep() == 1
    assert here.asked("trigger_exit")[0]["p_by"] == "time"
    assert here.asked("mark_exit_blind") == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"quotes": stored(NOW - BLIND_AFTER)}, []),
        ({"quotes": stored(NOW - BLIND_AFTER - timedelta(seconds=1))}, [True]),
        ({}, [True]),
        ({"open_since": (NOW - BLIND_AFTER).isoformat()}, []),
        ({"armed_from": (NOW - BLIND_AFTER).isoformat()}, []),
        ({"open_since": None}, []),
        ({"blind_since": NOW.isoformat()}, []),
        ({"blind_since": NOW.isoformat(), "quotes": stored(NOW)}, [False]),
        ({"stop_price": None, "exit_at": (NOW + timedelta(hours=1)).isoformat()}, []),
    ],
)
def test_sweep_when_no_price_comes_in_session_then_it_is_told_once_and_when_it_is_over(
    more: dict[str, Any], told: list[bool]
) -> None:
    here = world(live(**more), mark_exit_blind=True)
    ExitWatch(here.ports).sweep()
    assert [asked["p_blind"] for asked in here.asked("mark_exit_blind")] == told


def test_settle_when_an_order_of_an_exit_is_over_then_what_has_fired_goes_on_on_that_account() -> None:
    elsewhere = live(SECOND, broker_account_id=str(named_uuid("another")), fired=True)
    here = world(live(fired=True), elsewhere, settle_exits=1)
    assert ExitWatch(here.ports).settle(named_uuid("account")) == 1
    assert [asked["p_exit_id"] for asked in here.asked("trigger_exit")] == [FIRST]


def test_settle_when_no_exit_has_moved_then_nothing_more_is_asked() -> None:
    here = world(live(fired=True))
    assert ExitWatch(here.ports).settle(named_uuid("account")) == 0
    assert here.said() == ["settle_exits", "exits_to_rest"]


# --- what rests at the broker -----------------------------------------------------------------------------------------


def test_quote_when_something_is_due_for_what_rests_at_the_broker_then_it_is_done_after_the_look() -> None:
    here = world(live(rest_due=True, open_since=None), live(SECOND), rest_exit={"step": "place", "resting": True})
    assert ExitWatch(here.ports).on_quote(quote("96")) == 0
    assert here.asked("rest_exit") == [{"p_exit_id": FIRST, "p_at": NOW.isoformat()}]


def test_settle_and_sweep_when_something_is_due_then_each_exit_has_its_turn() -> None:
    refused = LedgerRefused("NO_SUCH_EXIT", "a test", 404)
    here = world(exits_to_rest=[FIRST, SECOND], rest_exit=Turns(refused, {"step": "cancel", "resting": True}))
    with pytest.raises(LedgerRefused):
        ExitWatch(here.ports).settle(named_uuid("account"))
    assert [asked["p_exit_id"] for asked in here.asked("rest_exit")] == [FIRST, SECOND]
    assert here.asked("exits_to_rest")[0]["p_account_id"] == str(named_uuid("account"))
    ExitWatch(here.ports).sweep()
    assert len(here.asked("rest_exit")) == 4


@pytest.mark.parametrize(("bid", "at", "told"), [("96", NOW, 1), ("96", NOW - timedelta(minutes=1), 0), ("94", NOW, 0)])
def test_quote_when_the_price_comes_back_from_a_stop_left_to_the_broker_then_that_is_said(
    bid: str, at: datetime, told: int
) -> None:
    here = world(live(crossed_at=(NOW - timedelta(seconds=2)).isoformat()), uncross_exit=True)
    ExitWatch(here.ports).on_quote(quote(bid, at))
    assert len(here.asked("uncross_exit")) == told


# --- its entry points -------------------------------------------------------------------------------------------------


def message(kind: str, key: str, data: dict[str, Any]) -> dict[str, Any]:
    event = {"id": str(named_uuid("event")), "type": kind, "key": key, "occurred_at": NOW.isoformat(), "data": data}
    return {"message": {"data": base64.b64encode(json.dumps(event).encode()).decode()}}


def _messages() -> dict[str, dict[str, Any]]:
    shares = quote("90").model_dump(mode="json")
    option = shares | {"symbol": CALL, "underlying": "SPY"}
    trade = {"trade_id": TRADE, "user_id": str(named_uuid("user")), "broker_account_id": str(named_uuid("account"))}
    return {
        "watch_exits": message("quote.updated", "SPY", shares),
        "watch_option_exits": message("option_quote.updated", "SPY", option),
        "settle_exits": message("trade.filled", "account", trade | {"symbol": "SPY", "status": "filled", "version": 3}),
    }


@pytest.mark.parametrize("name", ["watch_exits", "watch_option_exits", "settle_exits", "sweep_exits"])
def test_entry_points_when_woken_then_the_watch_looks_and_another_event_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world()
    monkeypatch.setattr(handlers, "ports", lambda _: here.ports)
    messages = _messages()
    getattr(handlers, name)(messages.get(name, {}))
    assert here.said()
    for other in set(messages) - {name} if name in messages else ():
        with pytest.raises(BadInput, match="expected"):
            getattr(handlers, name)(messages[other])


def test_settle_when_an_order_was_cancelled_then_what_waited_for_it_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    here = world(pending_trades=[])
    monkeypatch.setattr(handlers, "ports", lambda _: here.ports)
    told = _messages()["settle_exits"]
    handlers.settle_exits(told)
    assert here.asked("pending_trades") == []
    trade = {"trade_id": TRADE, "user_id": str(named_uuid("user")), "broker_account_id": str(named_uuid("account"))}
    data = trade | {"symbol": "SPY", "status": "canceled", "version": 3}
    handlers.settle_exits(message("trade.canceled", "account", data))
    assert here.asked("pending_trades") == [{"p_account_id": str(named_uuid("account"))}]
