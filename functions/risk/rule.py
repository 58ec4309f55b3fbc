"""What a rule is: one function from an order, the book and the limits to a verdict, with its name card beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from inspect import getdoc
from typing import Literal

from functions.core.money import text
from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Act, Family, LimitKind, Limits, Parameter, Scope, Tighter

Outcome = Literal["allow", "deny", "reduce"]
Number = Decimal | int | str | datetime
"""What a rule saw: a quantity, price or amount as Decimal; a count; a time, UTC; a name or "missing" as text."""


class Verdict(dict[str, Number]):
    """One rule's answer, not changed once it is given: by name, the numbers that it saw.

    Made by `allow`, `deny` and `reduce`. `code` is set for a deny; `to` is the quantity that a reduce leaves. The
    numbers are the verdict itself, because nothing is made faster: each order has fifty of them.
    """

    __slots__ = ()
    outcome: Outcome = "allow"
    code: str | None = None
    to: Decimal | None = None

    @property
    def numbers(self) -> dict[str, Number]:
        """What it saw, by name; its own copy."""
        return dict(self)

    @property
    def text(self) -> str:
        """`CODE: key=value key=value`; without a code, the outcome stands in its place."""
        seen = " ".join(f"{name}={shown}" for name, shown in self.shown().items())
        head = self.code or (f"reduce to {text(self.to)}" if self.to is not None else self.outcome)
        return f"{head}: {seen}" if seen else head

    def shown(self) -> dict[str, str]:
        """The numbers as text, ready for JSON."""
        return {name: _shown(seen) for name, seen in self.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verdict) and self._said == other._said and super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # Equal by what it saw, as a dict is.

    def __bool__(self) -> bool:
        """Always: one that saw no number is a verdict too."""
        return True

    def __repr__(self) -> str:
        return f"Verdict({self.text!r})"

    @property
    def _said(self) -> tuple[object, ...]:
        return self.outcome, self.code, self.to


class _Denial(Verdict):
    __slots__ = ("code",)
    outcome = "deny"

    def __init__(self, code: str, /, **numbers: Number) -> None:
        super().__init__(numbers)
        self.code = code


class _Reduction(Verdict):
    __slots__ = ("to",)
    outcome = "reduce"

    def __init__(self, to: Decimal, /, **numbers: Number) -> None:
        if to <= 0:
            raise ValueError(f"a reduced quantity must be above zero, was {to}")
        super().__init__(numbers)
        self.to = to


def _shown(seen: Number) -> str:
    if isinstance(seen, Decimal):
        return text(seen)
    return seen.isoformat() if isinstance(seen, datetime) else str(seen)


allow = Verdict
"""The rule has nothing against the order; by name, the numbers that it saw."""
deny = _Denial
"""The order must not be sent: a code, and the numbers."""
reduce = _Reduction
"""The order may be sent with this smaller quantity, which is above zero; and the numbers. Raises ValueError."""
ALLOWED = allow()
"""The rule has nothing against the order, and saw no number."""
EXEMPT = allow(order="only reduces")
"""What a rule for entries says of an order that only reduces."""


@dataclass(slots=True)
class RuleDecision:
    """What one rule said: its own code, and its verdict with the numbers that it saw."""

    rule: str
    code: str
    verdict: Verdict


Check = Callable[[ProposedOrder, Book, Limits], Verdict]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, and the name card of its limit.

    `kind.name` is also the name of its limit in `risk_limits`; without scopes the rule has no limit and is always on.
    `entries_only` rules let an order pass that only reduces. `check` is called only where the rule is on.
    """

    kind: LimitKind
    code: str
    entries_only: bool
    denials: tuple[str, ...]
    check: Check

    def __call__(self, order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
        return self.check(order, book, limits)

    @property
    def name(self) -> str:
        """The rule's, and its limit's."""
        return self.kind.name

    def is_on(self, limits: Limits) -> bool:
        """Whether it has something to hold an order to: a limit that is set, a default, or no need of one."""
        return not self.kind.scopes or self.kind.default is not None or self.name in limits.names


def rule(
    code: str,
    unit: str,
    scopes: tuple[Scope, ...],
    default: Decimal | None = None,
    *,
    entries_only: bool = True,
    denials: tuple[str, ...] = (),
    family: Family = "rule",
    tighter: Tighter = "lower",
    parameters: tuple[Parameter, ...] = (),
    acts: tuple[Act, ...] = (),
    source: str | None = None,
    counts: bool = False,
) -> Callable[[Check], Rule]:
    """Makes a rule of a check function; its name, and its docstring as summary, come from the function.

    `denials` are the further codes that the rule may deny with. The rest is the name card of its limit: `LimitKind`.
    A rule with `acts` is a watch too: the same limit refuses entries before the trade and acts after it.
    """

    def made(check: Check) -> Rule:
        summary = " ".join((getdoc(check) or "").split())
        if not summary:
            raise ValueError(f"rule {check.__name__} needs a docstring: the risk table is made from it")
        kind = LimitKind(
            name=check.__name__,
            unit=unit,
            scopes=scopes,
            summary=summary,
            family=family,
            default=default,
            tighter=tighter,
            parameters=parameters,
            acts=acts,
            source=source,
            counts=counts,
        )
        return Rule(kind, code, entries_only, (code, *denials), check)

    return made
