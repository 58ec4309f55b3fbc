"""Which kinds of strategy there are, and how one is built from its stored config."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from functions.core.errors import BadInput, Misconfigured
from functions.core.instruments import symbol_kind
from functions.strategy.interface import Strategy, StrategyConfig
from functions.strategy.kinds.cash_secured_put import CashSecuredPut
from functions.strategy.kinds.covered_call import CoveredCall
from functions.strategy.kinds.credit_spread import CreditSpread
from functions.strategy.kinds.iron_condor import IronCondor
from functions.strategy.kinds.momentum_rotation import MomentumRotation
from functions.strategy.kinds.moving_average_cross import MovingAverageCross
from functions.strategy.kinds.opening_range_breakout import OpeningRangeBreakout
from functions.strategy.kinds.rsi_reversion import RsiReversion
from functions.strategy.kinds.wheel import Wheel

ENTRY_POINT_GROUP = "agenttrader.strategies"
MOST_SYMBOLS = 50
_BUILT_IN: tuple[type[Strategy], ...] = (
    MomentumRotation,
    MovingAverageCross,
    OpeningRangeBreakout,
    RsiReversion,
    CoveredCall,
    CashSecuredPut,
    Wheel,
    CreditSpread,
    IronCondor,
)
_KIND = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a strategy from being built: the field, a stable code, what was expected and found."""

    field: str
    code: str
    text: str


@cache
def kinds() -> Mapping[str, type[Strategy]]:
    """Every strategy class by kind: the built-in ones and those of installed packages. Read once.

    Raises Misconfigured BAD_PLUGIN where an entry point cannot be loaded, is no strategy, or takes a kind twice.
    """
    found: dict[str, type[Strategy]] = {strategy.kind: strategy for strategy in _BUILT_IN}
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
        strategy = _load(point)
        if strategy.kind in found:
            raise Misconfigured("BAD_PLUGIN", f"{point.name} ({point.value}): the kind {strategy.kind!r} is taken")
        found[strategy.kind] = strategy
    return MappingProxyType(found)


def build(kind: str, config: Mapping[str, Any], symbols: Sequence[str]) -> Strategy:
    """A ready strategy from a stored config.

    Raises BadInput UNKNOWN_KIND; BAD_CONFIG, or BAD_SYMBOL, naming the field, what was expected and what was found.
    """
    found = examine(kind, config, symbols)
    if isinstance(found, Strategy):
        return found
    first = found[0]
    raise BadInput(first.code, first.text, field=first.field)


def examine(kind: str, config: Mapping[str, Any], symbols: Sequence[str]) -> Strategy | list[Problem]:
    """A ready strategy from a stored config, or everything that is wrong with it."""
    try:
        strategy = _kind(kind)
    except BadInput as error:
        return [_problem(error, "kind")]
    problems: list[Problem] = []
    parsed: StrategyConfig | None = None
    try:
        parsed = strategy.Config.model_validate(_object(config))
    except ValidationError as error:
        problems = [_bad_config(dict(one)) for one in error.errors(include_url=False)]
    except BadInput as error:
        problems = [_problem(error, "config")]
    try:
        targets = _symbols(symbols)
    except BadInput as error:
        problems.append(_problem(error, "symbols"))
    if parsed is None or problems:
        return problems
    try:
        return strategy(parsed, targets)
    except BadInput as error:
        # What only config and symbols together show: the strategy itself refuses.
        return [_problem(error, "config")]


def package_of(kind: str) -> str | None:
    """The package that brings a kind, with its version; None for a built-in one. Raises BadInput UNKNOWN_KIND."""
    strategy = _kind(kind)
    if strategy in _BUILT_IN:
        return None
    point = next(each for each in entry_points(group=ENTRY_POINT_GROUP) if each.load() is strategy)
    return point.value if point.dist is None else f"{point.dist.name} {point.dist.version}"


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind's config, for forms and for the ledger's catalogue. Raises BadInput UNKNOWN_KIND."""
    return _kind(kind).Config.model_json_schema()


def _kind(kind: str) -> type[Strategy]:
    try:
        return kinds()[kind]
    except KeyError:
        known = ", ".join(sorted(kinds()))
        raise BadInput("UNKNOWN_KIND", f"kind: expected one of {known}, was {kind!r}", field="kind") from None


def _object(config: object) -> dict[str, Any]:
    if not isinstance(config, Mapping):
        raise BadInput("BAD_CONFIG", f"config: expected an object, was {config!r}", field="config")
    return dict(config)


def _bad_config(error: dict[str, Any]) -> Problem:
    where = ".".join(str(part) for part in error["loc"]) or "config"
    expected = str(error["msg"]).removeprefix("Value error, ")
    return Problem(where, "BAD_CONFIG", f"{where}: {expected}, was {error.get('input')!r}")


def _problem(error: BadInput, field: str) -> Problem:
    return Problem(str(error.numbers.get("field", field)), error.code, error.text)


def _symbols(symbols: Sequence[str]) -> tuple[str, ...]:
    found = () if isinstance(symbols, str) else tuple(symbols)
    if not (1 <= len(found) <= MOST_SYMBOLS and len(set(found)) == len(found)):
        expected = f"from 1 to {MOST_SYMBOLS} different symbols"
        raise BadInput("BAD_CONFIG", f"symbols: expected {expected}, was {symbols!r}", field="symbols")
    for symbol in found:
        symbol_kind(symbol)
    return found


def _load(point: EntryPoint) -> type[Strategy]:
    where = f"{point.name} ({point.value})"
    try:
        loaded = point.load()
    except Exception as error:
        # A plug-in is somebody else's code: whatever it raises on import is reported with its name, never hidden.
        raise Misconfigured("BAD_PLUGIN", f"{where} cannot be loaded: {error!r}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, Strategy)):
        raise Misconfigured("BAD_PLUGIN", f"{where}: expected a Strategy class, was {loaded!r}")
    named = isinstance(getattr(loaded, "kind", None), str) and isinstance(getattr(loaded, "title", None), str)
    if not named or not _KIND.fullmatch(loaded.kind):
        raise Misconfigured("BAD_PLUGIN", f"{where}: expected a kind in lower case with underscores, and a title")
    return loaded
