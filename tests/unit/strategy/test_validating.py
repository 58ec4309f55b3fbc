"""A version is built as the engine builds it, and everything that is wrong with it is said at once."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from functions.core.errors import BadInput
from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerUnavailable
from functions.core.ledger.lifecycle import LifecycleLedger
from functions.strategy import catalogue, handlers
from functions.strategy.kinds.moving_average_cross import MovingAverageCross
from functions.strategy.validating import validate_due
from tests.unit.core.doubles import NOW, Turns, World

STRATEGY = named_uuid("strategy")
GOOD = {"fast": 5, "slow": 20, "quantity": "10"}


def version(kind: str = "moving_average_cross", config: Mapping[str, Any] = GOOD, **more: Any) -> dict[str, Any]:
    written = {"strategy_id": str(STRATEGY), "strategy_version": 1, "kind": kind, "config": dict(config)}
    return written | {"symbols": ["SPY"], "timeframe": "1Min"} | more


def world(*versions: dict[str, Any], untradable: list[str] | None = None, **answers: Any) -> World:
    said = {"versions_to_validate": list(versions), "untradable_symbols": untradable or []}
    return World(said | {"record_validation": {"effective_version": 1}} | answers)


def verdict(of: World) -> dict[str, Any]:
    """The only verdict that was recorded."""
    (said,) = [arguments for name, arguments in of.journal if name == "record_validation"]
    assert (said["p_problems"] == []) == said["p_valid"] == (said["p_inputs"] is not None)
    return dict(said)


def problems(of: World) -> list[tuple[str, str]]:
    return [(one["field"], one["code"]) for one in verdict(of)["p_problems"]]


def test_version_when_it_can_be_built_then_valid_with_what_it_needs() -> None:
    there = world(version())
    assert validate_due(LifecycleLedger(there.ledger), STRATEGY) == 1
    assert there.journal[0] == ("versions_to_validate", {"p_strategy_id": str(STRATEGY)})
    inputs = verdict(there)["p_inputs"]
    assert (inputs["symbols"], inputs["timeframe"], inputs["warm_up"]) == (["SPY"], "1Min", 21)


def test_version_when_much_is_wrong_then_all_of_it_is_said() -> None:
    config = {"fast": 0, "slow": "x", "quantity": "-1", "colour": "red"}
    there = world(version(config=config, timeframe="1Day", symbols=["SPY", "ZZZZ"]), untradable=["ZZZZ"])
    validate_due(LifecycleLedger(there.ledger))
    assert {field for field, _ in problems(there)} >= {"fast", "slow", "quantity", "colour", "symbols"}
    assert problems(there)[-1] == ("symbols", "UNKNOWN_SYMBOL")
    assert all(one["text"].startswith(one["field"]) for one in verdict(there)["p_problems"])


def test_version_when_its_kind_is_not_installed_then_a_problem_and_no_crash() -> None:
    there = world(version(kind="uninstalled"))
    validate_due(LifecycleLedger(there.ledger))
    assert problems(there) == [("kind", "UNKNOWN_KIND")]


def test_version_when_its_symbol_has_no_form_then_it_is_said_once() -> None:
    there = world(version(symbols=["spy!"]), untradable=["spy!"])
    validate_due(LifecycleLedger(there.ledger))
    assert problems(there) == [("symbols", "BAD_SYMBOL")]


def test_version_when_its_plugin_raises_then_that_is_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(MovingAverageCross):
        kind = "broken"

        def warm_up(self) -> int:
            return 1 // 0

    monkeypatch.setattr(catalogue, "kinds", lambda: {"broken": Broken})
    there = world(version(kind="broken"))
    validate_due(LifecycleLedger(there.ledger))
    assert problems(there) == [("kind", "STRATEGY_BROKEN")]
    assert "ZeroDivisionError" in verdict(there)["p_problems"][0]["text"]


def test_version_when_what_was_found_is_long_then_the_text_is_cut() -> None:
    there = world(version(config=GOOD | {"fast": "9" * 3000}))
    validate_due(LifecycleLedger(there.ledger))
    assert all(len(one["text"]) <= 500 for one in verdict(there)["p_problems"])


def test_sweep_when_one_verdict_is_not_kept_then_the_others_are_and_the_error_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = Turns(LedgerUnavailable("LEDGER_UNAVAILABLE", "no answer"), {"effective_version": 1})
    there = world(version(), version(strategy_version=2), record_validation=answers)
    monkeypatch.setattr(handlers, "ports", lambda _: there.ports)
    with pytest.raises(LedgerUnavailable):
        handlers.validate_missed(None)
    told = [arguments["p_version"] for name, arguments in there.journal if name == "record_validation"]
    assert told == [1, 2]


def woken_by(kind: str, **data: Any) -> dict[str, Any]:
    event = {"id": str(named_uuid("event")), "type": kind, "key": "k", "occurred_at": NOW.isoformat(), "data": data}
    return {"message": {"data": base64.b64encode(json.dumps(event).encode()).decode()}}


def test_handler_when_a_strategy_was_edited_then_that_one_is_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    there = world(version())
    monkeypatch.setattr(handlers, "ports", lambda _: there.ports)
    edited = {"strategy_id": str(STRATEGY), "user_id": str(named_uuid("user")), "status": "draft", "version": 1}
    handlers.validate_strategy(woken_by("strategy.edited", **edited))
    assert there.journal[0] == ("versions_to_validate", {"p_strategy_id": str(STRATEGY)})
    assert verdict(there)["p_valid"]
    with pytest.raises(BadInput, match="WRONG_EVENT"):
        handlers.validate_strategy(woken_by("alert.raised", alert_id=str(STRATEGY), code="A", text="a"))


def test_watch_when_the_schedule_wakes_it_then_it_looks_at_the_clocks_time(monkeypatch: pytest.MonkeyPatch) -> None:
    there = World({"watch_strategies": {"silent": 1, "heard": 0}})
    monkeypatch.setattr(handlers, "ports", lambda _: there.ports)
    handlers.watch_strategies(None)
    assert there.journal == [("watch_strategies", {"p_now": NOW.isoformat()})]
