"""Kinds are found, configs are read strictly, and every refusal names its field."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from functions.core.errors import BadInput, Misconfigured
from functions.strategy import catalogue
from functions.strategy.catalogue import ENTRY_POINT_GROUP, build, kinds, schema
from functions.strategy.kinds.moving_average_cross import MovingAverageCross
from functions.strategy.kinds.rsi_reversion import RsiReversion


class Outside(MovingAverageCross):
    """A strategy as another package would ship it."""

    kind = "outside"


class Taken(MovingAverageCross):
    """A strategy that takes a built-in kind."""


class Unnamed(MovingAverageCross):
    kind = "Not A Kind"


@pytest.fixture(autouse=True)
def _fresh_catalogue() -> Iterator[None]:
    kinds.cache_clear()
    yield
    kinds.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint("some-plugin", value, ENTRY_POINT_GROUP)
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [point] if group == ENTRY_POINT_GROUP else [])


def test_kinds_when_nothing_is_installed_then_the_built_in_ones_are_there() -> None:
    assert kinds()["moving_average_cross"] is MovingAverageCross
    assert kinds()["rsi_reversion"] is RsiReversion


def test_kinds_when_a_package_brings_one_then_it_can_be_built(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, f"{__name__}:Outside")
    monkeypatch.setattr(EntryPoint, "load", lambda self: Outside)
    assert isinstance(build("outside", {}, ["SPY"]), Outside)


@pytest.mark.parametrize("loaded", [Taken, Unnamed, int, "text", None])
def test_kinds_when_a_plugin_is_not_fit_then_it_is_named(monkeypatch: pytest.MonkeyPatch, loaded: object) -> None:
    install(monkeypatch, "package.module:Thing")
    monkeypatch.setattr(EntryPoint, "load", lambda self: loaded)
    with pytest.raises(Misconfigured, match="some-plugin"):
        kinds()


@pytest.mark.parametrize("value", ["no_such_module_here:Thing", "decimal:NoSuchName"])
def test_kinds_when_a_plugin_cannot_be_loaded_then_it_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    install(monkeypatch, value)
    with pytest.raises(Misconfigured) as refused:
        kinds()
    assert refused.value.code == "BAD_PLUGIN"
    assert value in refused.value.text


def test_build_when_the_config_is_empty_then_defaults_hold() -> None:
    strategy = build("moving_average_cross", {}, ["SPY", "IWM"])
    assert isinstance(strategy, MovingAverageCross)
    assert (strategy.config.fast, strategy.config.slow, strategy.config.quantity) == (10, 30, Decimal(100))
    assert strategy.inputs().symbols == ("SPY", "IWM")
    assert strategy.inputs().warm_up == 31


def test_build_when_numbers_come_as_text_or_json_numbers_then_money_is_exact() -> None:
    strategy = build("rsi_reversion", {"quantity": "0.1", "stop_percent": 0.1}, ["SPY"])
    assert isinstance(strategy, RsiReversion)
    assert (strategy.config.quantity, strategy.config.stop_percent) == (Decimal("0.1"), Decimal("0.1"))


@pytest.mark.parametrize(
    ("kind", "config", "field"),
    [
        ("moving_average_cross", {"fast": 30, "slow": 30}, "slow"),
        ("moving_average_cross", {"fast": 30}, "slow"),
        ("moving_average_cross", {"fast": 1}, "fast"),
        ("moving_average_cross", {"fast": 2.5}, "fast"),
        ("moving_average_cross", {"fast": True}, "fast"),
        ("moving_average_cross", {"slow": 1001}, "slow"),
        ("moving_average_cross", {"quantity": 0}, "quantity"),
        ("moving_average_cross", {"quantity": "NaN"}, "quantity"),
        ("moving_average_cross", {"quantity": "1e400"}, "quantity"),
        ("moving_average_cross", {"stop_percent": 100}, "stop_percent"),
        ("moving_average_cross", {"allow_short": "yes"}, "allow_short"),
        ("moving_average_cross", {"surprise": 1}, "surprise"),
        ("moving_average_cross", {"timeframe": "2Min"}, "timeframe"),
        ("moving_average_cross", {"good_for_bars": 0}, "good_for_bars"),
        ("rsi_reversion", {"oversold": 60}, "exit_level"),
        ("opening_range_breakout", {"timeframe": "15Min", "range_minutes": 20}, "range_minutes"),
        ("opening_range_breakout", {"stop": "none"}, "stop"),
        ("momentum_rotation", {"hold": 2}, "hold"),
        ("momentum_rotation", {"size_in": "shares", "size": "1.5"}, "size"),
        ("momentum_rotation", {"timeframe": "1Hour", "rotate_every_minutes": 90}, "rotate_every_minutes"),
        ("rsi_reversion", {"period": 1}, "period"),
        ("rsi_reversion", None, "config"),
        ("rsi_reversion", [], "config"),
        ("no_such_kind", {}, "kind"),
    ],
)
def test_build_when_the_config_does_not_validate_then_the_field_is_named(kind: str, config: Any, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        build(kind, config, ["SPY"])
    assert refused.value.numbers["field"] == field
    assert refused.value.text.startswith(f"{field}: ")


TOO_MANY = [f"A{chr(65 + i % 26)}{chr(65 + i // 26)}" for i in range(51)]


@pytest.mark.parametrize("symbols", [[], ["SPY", "SPY"], "SPY", TOO_MANY], ids=["none", "twice", "text", "too many"])
def test_build_when_the_symbols_are_not_fit_then_they_are_refused(symbols: Any) -> None:
    with pytest.raises(BadInput) as refused:
        build("rsi_reversion", {}, symbols)
    assert refused.value.code == "BAD_CONFIG"


def test_build_when_a_symbol_is_unknown_in_form_then_it_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        build("rsi_reversion", {}, ["not a symbol"])
    assert refused.value.code == "BAD_SYMBOL"


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_schema_when_read_then_every_field_is_described_and_nothing_else_is_allowed(kind: str) -> None:
    found = schema(kind)
    assert found["additionalProperties"] is False
    assert all(described.get("description") for described in found["properties"].values())


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_schema_when_read_then_its_examples_can_be_built(kind: str) -> None:
    found = schema(kind)["examples"]
    assert len(found) >= 2
    for example in found:
        assert build(kind, example, ["SPY", "QQQ", "IWM"]).kind == kind


def test_schema_when_the_kind_is_unknown_then_the_known_ones_are_named() -> None:
    with pytest.raises(BadInput, match="opening_range_breakout, rsi_reversion, wheel"):
        schema("nothing")
