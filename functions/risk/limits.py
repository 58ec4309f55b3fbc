"""Limits: what a person sets for a rule or a watch, by scope, and what kind of number each of them is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Scope = Literal["global", "user", "account", "strategy", "symbol"]
Tighter = Literal["lower", "higher"]
Family = Literal["rule", "protection", "watch", "breaker", "desk"]
Act = Literal["warn", "block_entries", "cancel", "reduce", "flatten", "deactivate", "roll"]
ALL_SCOPES: tuple[Scope, ...] = ("global", "user", "account", "strategy", "symbol")
WIDE_SCOPES: tuple[Scope, ...] = ("global", "user", "account", "strategy")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A further number of a limit, such as how far back it looks: its name, unit, default, and what it says."""

    name: str
    unit: str
    default: Decimal
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitKind:
    """The name card of a limit; the ledger's `risk_limit_kinds` is made from all of them.

    `scopes` are where it may be set. `default` applies to the account where none is set; None leaves it off until one
    is. `tighter` says which way a number is stricter: the strictest that applies counts, so that no scope is ever
    loosened by a narrower one. `acts` are what a watch may do when it is broken, the first if nobody says; a rule
    refuses the order and has none. `source` names the data that it needs and that is not everywhere: it cannot be set
    while there is none. `counts` says that orders use it up together: where one is set for everybody, the orders of all
    users are approved one at a time.
    """

    name: str
    unit: str
    scopes: tuple[Scope, ...]
    summary: str
    family: Family = "rule"
    default: Decimal | None = None
    tighter: Tighter = "lower"
    parameters: tuple[Parameter, ...] = ()
    acts: tuple[Act, ...] = ()
    source: str | None = None
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: its rule's name, the scope that it was set on, its value in the rule's unit; the symbol if for one.

    `parameters` are those that were set; `Limit.parameter` knows the defaults of none. `act` is what a watch does.
    """

    name: str
    scope: Scope
    value: Decimal
    symbol: str | None = None
    parameters: Mapping[str, Decimal] = field(default_factory=dict)
    act: Act | None = None

    def counts(self, symbol: str) -> bool:
        """Whether what is open in this symbol is held against it."""
        return self.symbol is None or self.symbol == symbol

    def tells(self, **seen: Decimal | str) -> dict[str, Decimal | str]:
        """What was summed up in its scope, for the record; of everybody's nothing: any of them reads the record."""
        return {} if self.scope == "global" else seen

    def parameter(self, known: Parameter) -> Decimal:
        """What was set, else the default."""
        return self.parameters.get(known.name, known.default)


class _Table(dict[str, tuple[Limit, ...]]):
    """Limits by name; a name that has none is not kept."""

    def __missing__(self, name: str) -> tuple[Limit, ...]:
        return ()


class Limits:
    """The limits that apply to one order: those of everybody, its user, account, strategy and symbol.

    Sorted once, by name and strictest first, because every rule asks.
    """

    __slots__ = ("_by_name", "names", "of", "values")
    of: Callable[[str], tuple[Limit, ...]]
    """The limits of a rule, strictest first; none where none is set. The table itself: every rule asks."""

    def __init__(self, values: Iterable[Limit] = (), tighter: Mapping[str, Tighter] | None = None) -> None:
        """`tighter` names the limits whose larger number is the stricter one."""
        self.values = tuple(values)
        found: dict[str, list[Limit]] = {}
        for limit in self.values:
            found.setdefault(limit.name, []).append(limit)
        higher = {name for name, way in (tighter or {}).items() if way == "higher"}
        for name, limits in found.items():
            limits.sort(key=lambda limit: limit.value, reverse=name in higher)
        self._by_name = _Table((name, tuple(limits)) for name, limits in found.items())
        self.names = frozenset(self._by_name)
        self.of = self._by_name.__getitem__

    def tightest(self, name: str, default: Decimal | None = None) -> Limit | None:
        """The strictest limit of a rule, or None where it is not set."""
        found = self._by_name.get(name)
        if found is not None:
            return found[0]
        return None if default is None else Limit(name, "account", default)

    def strictest(self, name: str, symbol: str, underlying: str | None = None) -> Limit | None:
        """The strictest limit of a rule that counts this symbol, or what it is an option on; None where none does."""
        for limit in self._by_name.get(name, ()):
            if limit.symbol is None or limit.symbol in (symbol, underlying):
                return limit
        return None
