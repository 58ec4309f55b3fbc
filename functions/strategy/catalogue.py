"""Which kinds of strategy there are, and how one is built from its stored config."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from functions.core.errors import BadInput, Misconfigured
from functions.core.instruments import symbol_kind
from functions.strategy.interface import Strategy
from functions.strategy.kinds.momentum_rotation import MomentumRotation
from functions.strategy.kinds.moving_average_cross import MovingAverageCross
from functions.strategy.kinds.opening_range_breakout import OpeningRangeBreakout
from functions.strategy.kinds.rsi_reversion import RsiReversion

ENTRY_POINT_GROUP = "agenttrader.strategies"
MOST_SYMBOLS = 50
_BUILT_IN: tuple[type[Strategy], ...] = (
    MomentumRotation,
    MovingAverageCross,
    OpeningRangeBreakout,
    RsiReversion,
)
_KIND = re.compile(r"[a-z][a-z0-9_]{0,62}")


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
    strategy = _kind(kind)
    if not isinstance(config, Mapping):
        raise BadInput("BAD_CONFIG", f"config: expected an object, was {config!r}", field="config")
    try:
        parsed = strategy.Config.model_validate(dict(config))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "config"
        expected = first["msg"].removeprefix("Value error, ")
        raise BadInput("BAD_CONFIG", f"{where}: {expected}, was {first.get('input')!r}", field=where) from None
    return strategy(parsed, _symbols(symbols))


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind's config, for forms and for the ledger's catalogue. Raises BadInput UNKNOWN_KIND."""
    return _kind(kind).Config.model_json_schema()


def _kind(kind: str) -> type[Strategy]:
    try:
        return kinds()[kind]
    except KeyError:
        known = ", ".join(sorted(kinds()))
        raise BadInput("UNKNOWN_KIND", f"kind: expected one of {known}, was {kind!r}", field="kind") from None


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
