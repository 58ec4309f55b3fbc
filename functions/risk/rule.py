"""What a rule is: one function from an order, the book and the limits to a verdict, with its name card beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from inspect import getdoc
from typing import Literal

from functions.core.money import text
from functions.risk.book import Book, Limits, ProposedOrder, Scope

Outcome = Literal["allow", "deny", "reduce"]
Number = Decimal | str
"""What a rule saw: a quantity, a price or an amount as Decimal; a name, a time or "missing" as text."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's answer. `code` is set for a deny; `to` is the quantity that a reduce leaves."""

    outcome: Outcome
    code: str | None = None
    numbers: dict[str, Number] = field(default_factory=dict)
    to: Decimal | None = None

    @property
    def text(self) -> str:
        """`CODE: key=value key=value`; without a code, the outcome stands in its place."""
        seen = " ".join(f"{name}={shown}" for name, shown in self.shown().items())
        head = self.code or (f"reduce to {text(self.to)}" if self.to is not None else self.outcome)
        return f"{head}: {seen}" if seen else head

    def shown(self) -> dict[str, str]:
        """The numbers as text, ready for JSON."""
        return {name: text(seen) if isinstance(seen, Decimal) else seen for name, seen in self.numbers.items()}


def allow(**numbers: Number) -> Verdict:
    """The rule has nothing against the order."""
    return Verdict("allow", None, numbers)


def deny(code: str, **numbers: Number) -> Verdict:
    """The order must not be sent."""
    return Verdict("deny", code, numbers)


def reduce(to: Decimal, **numbers: Number) -> Verdict:
    """The order may be sent with this smaller quantity, which is above zero."""
    if to <= 0:
        raise ValueError(f"a reduced quantity must be above zero, was {to}")
    return Verdict("reduce", None, numbers, to)


Check = Callable[[ProposedOrder, Book, Limits], Verdict]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule and its name card.

    `name` is also the name of its limit in `risk_limits`. `scopes` are where the limit may be set; none means that the
    rule has no limit and is always on. `default` applies to the account where no limit is set; None leaves the rule
    off until one is. `entries_only` rules let an order pass that only reduces.
    """

    name: str
    code: str
    unit: str
    scopes: tuple[Scope, ...]
    default: Decimal | None
    entries_only: bool
    denials: tuple[str, ...]
    summary: str
    check: Check

    def __call__(self, order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
        return self.check(order, book, limits)


def rule(
    code: str,
    unit: str,
    scopes: tuple[Scope, ...],
    default: Decimal | None = None,
    *,
    entries_only: bool = True,
    denials: tuple[str, ...] = (),
) -> Callable[[Check], Rule]:
    """Makes a rule of a check function; its name, and its docstring as summary, come from the function.

    `denials` are the further codes that the rule may deny with.
    """

    def made(check: Check) -> Rule:
        summary = " ".join((getdoc(check) or "").split())
        if not summary:
            raise ValueError(f"rule {check.__name__} needs a docstring: the risk table is made from it")
        return Rule(check.__name__, code, unit, scopes, default, entries_only, (code, *denials), summary, check)

    return made
