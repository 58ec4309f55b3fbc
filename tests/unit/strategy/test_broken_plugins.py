"""A plug-in is somebody else's code: whatever it raises or returns, the other strategies of the symbol decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, cast

import pytest

from functions.core.events import QuoteData
from functions.core.identity import named_uuid
from functions.core.ledger.deciding import DecisionLedger
from functions.core.money import text
from functions.strategy import catalogue, handlers
from functions.strategy.bars import Bars
from functions.strategy.between_bars import decide_on_fills, decide_on_quote
from functions.strategy.deciding import decide_due
from functions.strategy.interface import Columns, Fill, Intent, Moment, Stay, Strategy
from tests.unit.core.doubles import NOW, Turns, World
from tests.unit.strategy.hand_made import OPENING, row

UNTIL = OPENING + timedelta(minutes=3)
FILL = named_uuid("fill")


class Calm(Strategy):
    """Does nothing, on everything."""

    kind = "calm"
    title = "Calm"

    def warm_up(self) -> int:
        return 1

    def indicators(self, bars: Bars) -> Columns:
        return {}

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        return [Stay("calm")]

    def on_quote(self, now: Moment) -> Iterable[Intent]:
        return self.on_bar(now)

    def on_fill(self, now: Moment, fill: Fill) -> Iterable[Intent]:
        return self.on_bar(now)


def raising(_: Moment) -> Iterable[Intent]:
    return [Stay(text(cast("Any", {})["nobody"]))]


def too_late(_: Moment) -> Iterable[Intent]:
    yield Stay("first")
    raise ZeroDivisionError


def no_text(_: Moment) -> Iterable[Intent]:
    return [Stay(cast("Any", None))]


def nothing(_: Moment) -> Iterable[Intent]:
    return cast("Iterable[Intent]", None)


def due(kind: str, name: str, **more: Any) -> dict[str, Any]:
    ids = {each: str(named_uuid(f"{each} {name}")) for each in ("strategy_id", "user_id", "broker_account_id")}
    last = (UNTIL - timedelta(minutes=1)).isoformat()
    told = {"kind": kind, "config": {}, "symbols": ["SPY"], "strategy_version": 1, "symbol": "SPY"}
    return ids | told | {"last_bar_at": last, "held": {}, "working": []} | more


def world(monkeypatch: pytest.MonkeyPatch, on_bar: Callable[[Moment], Iterable[Intent]]) -> World:
    """A broken strategy and after it a calm one, of another trader."""
    kind = f"broken_{on_bar.__name__}"
    broken = type("Broken", (Calm,), {"kind": kind, "on_bar": lambda _, now: on_bar(now)})
    monkeypatch.setattr(catalogue, "kinds", lambda: {"calm": Calm, kind: broken})
    monkeypatch.setattr("functions.strategy.deciding._built", {})
    rows = [vars(row(index, cast("Any", 100))) for index in range(3)]
    bars = [{name: at.isoformat() if hasattr(at, "isoformat") else str(at) for name, at in one.items()} for one in rows]
    both = [due(kind, "broken", timeframe="1Min"), due("calm", "calm", timeframe="1Min")]
    return World(
        {
            "strategies_due": [{name: of for name, of in one.items() if name != "timeframe"} for one in both],
            "strategies_hearing": both,
            "fills_to_hear": [
                {
                    "fill_id": str(FILL), "strategy_id": both[0]["strategy_id"], "symbol": "SPY", "underlying": "SPY",
                    "quantity": "1", "price": "100", "executed_at": UNTIL.isoformat(),
                }
            ],
            "bars_until": bars,
            "sessions_between": [],
            "record_decisions": {"placed": [], "superseded": []},
            "bars_undecided": [
                {"symbol": symbol, "timeframe": "1Min", "until": UNTIL.isoformat()} for symbol in ("SPY", "IWM")
            ],
        }
    )  # fmt: skip


def reasons(made: World) -> dict[str, str]:
    said = [one for call in made.asked("record_decisions") for one in call["p_decisions"]]
    return {one["strategy_id"]: one["reason"] for one in said}


@pytest.mark.parametrize("on_bar", [raising, too_late, no_text, nothing])
def test_bar_when_a_plugin_breaks_then_the_others_decide_and_it_is_told(
    monkeypatch: pytest.MonkeyPatch, on_bar: Callable[[Moment], Iterable[Intent]]
) -> None:
    made = world(monkeypatch, on_bar)
    assert decide_due(DecisionLedger(made.ledger), "SPY", "1Min", UNTIL, NOW) == 2
    found = reasons(made)
    assert found[str(named_uuid("strategy_id calm"))] == "calm"
    assert "STRATEGY_BROKEN" in found[str(named_uuid("strategy_id broken"))]
    (alert,) = made.asked("raise_alert")
    assert alert["p_code"] == "STRATEGY_CANNOT_DECIDE"


def test_bar_when_a_plugin_says_what_the_ledger_cannot_store_then_the_rest_of_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def strange(_: Moment) -> Iterable[Intent]:
        return [Stay("a\x00b\ud800" + "c" * 20_000)]

    made = world(monkeypatch, strange)
    assert decide_due(DecisionLedger(made.ledger), "SPY", "1Min", UNTIL, NOW) == 2
    said = reasons(made)[str(named_uuid("strategy_id broken"))]
    assert said[:4] == "ab?c"
    assert len(said) < 10_001


def test_bar_when_a_plugin_never_stops_wanting_then_it_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_: Moment) -> Iterable[Intent]:
        while True:
            yield Stay("more")

    made = world(monkeypatch, endless)
    assert decide_due(DecisionLedger(made.ledger), "SPY", "1Min", UNTIL, NOW) == 2
    assert "BAD_INTENT" in reasons(made)[str(named_uuid("strategy_id broken"))]


def test_sweep_when_a_plugin_breaks_then_the_next_symbol_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(monkeypatch, raising)
    monkeypatch.setattr(handlers, "ports", lambda _: made.ports)
    handlers.evaluate_missed(None)
    assert [call["p_symbol"] for call in made.asked("strategies_due")] == ["SPY", "IWM"]


def test_quote_when_a_plugin_breaks_then_the_others_hear_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(monkeypatch, raising)
    quote = QuoteData.model_validate(
        {"symbol": "SPY", "bid": "99", "ask": "101", "bid_size": "1", "ask_size": "1", "quoted_at": UNTIL, "feed": "x"}
    )
    assert decide_on_quote(DecisionLedger(made.ledger), quote) == 0
    (alert,) = made.asked("raise_alert")
    assert "STRATEGY_BROKEN" in alert["p_text"]


def test_fill_when_a_plugin_breaks_then_that_is_its_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(monkeypatch, raising)
    assert decide_on_fills(DecisionLedger(made.ledger), named_uuid("trade")) == 2
    assert "STRATEGY_BROKEN" in reasons(made)[str(named_uuid("strategy_id broken"))]


def test_fill_when_something_was_filled_meanwhile_then_it_is_decided_on_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sweep finds a fill that nobody decided on."""
    made = world(monkeypatch, raising)
    strategy = str(named_uuid("strategy_id calm"))
    made.ledger.answers["strategies_hearing"] = [due("calm", "calm", timeframe="1Min")]
    made.ledger.answers["record_decisions"] = Turns(
        {"placed": [], "superseded": [strategy]}, {"placed": [], "superseded": []}
    )
    assert decide_on_fills(DecisionLedger(made.ledger), named_uuid("trade")) == 1
    assert len(made.asked("record_decisions")) == 2
