"""What a strategy holds and has working: its own share of the account, as the ledger keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from functions.core.errors import BadInput


@dataclass(frozen=True, slots=True)
class Position:
    """What this strategy holds of one symbol: signed quantity (negative is short), average entry price a unit.

    Quantity in shares or contracts; the price in dollars a share, or a unit of an option's underlying. Raises BadInput
    BAD_POSITION where something is held and its entry price is missing.
    """

    quantity: Decimal = Decimal(0)
    average_entry: Decimal | None = None

    def __post_init__(self) -> None:
        if not self.quantity.is_finite():
            raise BadInput("BAD_POSITION", f"quantity must be finite, was {self.quantity}", field="quantity")
        entry = self.average_entry
        # An option that expired or was exercised may have been had for nothing; a share never is.
        if self.quantity != 0 and (entry is None or not entry.is_finite() or entry < 0):
            raise BadInput("BAD_POSITION", f"a held position needs an entry price of zero or more, was {entry}")


FLAT = Position()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingOrder:
    """An order of this strategy that is not over. `remaining` is signed and by symbol, in shares or contracts.

    `placed_at` is the event time of its decision, UTC. `asked_to_cancel` says that nobody has to ask again.
    """

    trade_id: UUID
    placed_at: datetime
    order_type: str
    reduce_only: bool
    remaining: Mapping[str, Decimal]
    asked_to_cancel: bool = False


Holdings = Mapping[str, Position]
"""Positions by symbol: shares, and options on them. What is flat is not in it."""
NOTHING_HELD: Holdings = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything a strategy has in the symbols that a decision is about: what it holds and what works."""

    held: Holdings = field(default_factory=lambda: NOTHING_HELD)
    working: tuple[WorkingOrder, ...] = ()

    def of(self, symbol: str) -> Position:
        """What it holds of one symbol; FLAT where nothing."""
        return self.held.get(symbol, FLAT)


NOTHING = Standing()


def holding(symbol: str, quantity: Decimal, average_entry: Decimal) -> Standing:
    """The standing of a strategy that holds this and nothing else."""
    return Standing(held={symbol: Position(quantity, average_entry)})
