"""`agenttrader risk preview`, `halt`: what is asked for, and what is said of the answer."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from functions.core.errors import BadInput
from local.cli.app import run
from local.cli.exits import Exit
from local.cli.halt_commands import blocked
from local.cli.risk_commands import order_said
from local.cli.scopes import NamedScope
from local.stack import Stack

SPY = {"symbol": "SPY", "side": "buy", "position_intent": "buy_to_open"}


@pytest.mark.parametrize(
    ("limit", "stop", "expected"),
    [
        (None, None, {"order_type": "market"}),
        ("1.5", None, {"order_type": "limit", "price": "1.5"}),
        (None, "2", {"order_type": "stop", "stop_price": "2"}),
        ("1.5", "2", {"order_type": "stop_limit", "price": "1.5", "stop_price": "2"}),
    ],
)
def test_order_when_prices_are_named_then_its_type_follows(
    limit: str | None, stop: str | None, expected: dict[str, Any]
) -> None:
    assert order_said("spy", "buy", "10", limit, stop, None, []) == {"quantity": "10", **SPY, **expected}


def test_order_when_legs_are_named_then_the_first_is_the_order_itself() -> None:
    legs = ["sell SPY180309C00275000 2", "buy_to_close SPY180309C00280000"]
    order = order_said("SPY180309C00270000", "buy", "1", "-0.5", None, None, legs)
    assert (order["order_type"], order["price"]) == ("limit", "-0.5")
    assert [(leg["side"], leg["position_intent"], leg.get("ratio")) for leg in order["legs"]] == [
        ("buy", "buy_to_open", None),
        ("sell", "sell_to_open", "2"),
        ("buy", "buy_to_close", None),
    ]
    assert "symbol" not in order


@pytest.mark.parametrize("leg", ["SPY", "hold SPY", "buy SPY 1 2"])
def test_order_when_a_leg_is_malformed_then_a_sentence(leg: str) -> None:
    with pytest.raises(BadInput, match="BAD_LEG"):
        order_said("SPY", "buy", "1", None, None, None, [leg])


@pytest.mark.parametrize(
    ("mode", "spare", "said", "unsaid"),
    [
        ("no_new_entries", True, "Still pass: orders that only reduce", "canceled"),
        ("cancel_working", True, "Working exits are left alone", "is closed"),
        ("flatten", False, "Working exits are canceled too", "left alone"),
    ],
)
def test_blocked_when_a_halt_is_in_force_then_exactly_what_it_stops(
    mode: str, spare: bool, said: str, unsaid: str
) -> None:
    meant = NamedScope("account", uuid4(), uuid4(), "the account PA1 of a@example.com")
    answer = {"gate_key": meant.gate, "mode": mode, "spare_exits": spare, "reason": "a test"}
    printed = "\n".join(blocked(meant, answer))
    assert said in printed
    assert unsaid not in printed
    assert f"agenttrader halt lift --scope account {meant.id} --reason TEXT" in printed


@pytest.mark.parametrize("wrong", [["--cancel", "--flatten"], ["--include-exits"]])
def test_halt_when_modes_contradict_then_exit_2_before_anything_is_asked(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["halt", "--reason", "a test", *wrong]) == Exit.WRONG_USE
    assert "BAD_MODE" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["halt", "--reason", "a test"],
        ["halt", "status"],
        ["halt", "lift", "--reason", "a test"],
        ["limits", "list"],
        ["limits", "set", "position_limit", "1"],
        ["risk", "preview", "--account", "PA1", "SPY", "buy", "1"],
    ],
)
def test_command_of_risk_when_no_cloud_runs_then_exit_3(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Stack.create()
    assert run(command) == Exit.ENVIRONMENT
    assert "agenttrader up" in capsys.readouterr().err


def test_limits_when_the_limit_is_unknown_then_exit_2_and_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["limits", "set", "no_limit", "1"]) == Exit.WRONG_USE
    assert "position_limit" in capsys.readouterr().err


def test_limits_kinds_when_one_is_named_then_all_that_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["limits", "kinds", "stale_quote"]) == Exit.FINE
    printed = capsys.readouterr().out
    for said in ("120", "seconds", "lower", "It is set for: global, user, account, strategy, symbol."):
        assert said in printed
