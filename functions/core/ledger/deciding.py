"""What `strategy` asks of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import Amount


class DueStrategy(Row):
    """An active strategy that has not decided on a bar yet, with what its decision needs.

    `position` is signed shares or contracts of this strategy; `working` is the signed quantity of its unfinished
    orders; `last_bar_at` is the end of the last bar it decided on, UTC.
    """

    strategy_id: UUID
    user_id: UUID
    broker_account_id: UUID
    kind: str
    config: dict[str, Any]
    symbols: list[str]
    strategy_version: int
    last_bar_at: AwareDatetime
    position: Amount
    average_entry_price: Amount | None
    working: Amount
    working_orders: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A strategy's row that cannot be read, and why."""

    strategy_id: str
    reason: str


class StoredBar(Row):
    """A completed bar as it is stored. Prices in dollars, volume in shares or contracts, times UTC."""

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount


class Undecided(Row):
    """A symbol whose newest bar some strategy has not decided on."""

    symbol: str
    timeframe: str
    until: AwareDatetime


class StrategyKind(Row):
    """One kind of the catalogue."""

    kind: str
    title: str
    description: str
    config_schema: dict[str, Any]


class OrderToPlace(Row):
    """An order of a decision. `number` tells the orders of one decision apart; prices in dollars."""

    number: int
    symbol: str
    side: str
    order_type: str
    position_intent: str
    quantity: Amount
    price: Amount | None = None
    planned_stop: Amount | None = None
    reduce_only: bool = False
    good_until: AwareDatetime
    reason: str


class DecisionToRecord(Row):
    """A decision with its reason; `bar_at` is the end of the bar, UTC."""

    strategy_id: UUID
    bar_at: AwareDatetime
    reason: str
    orders: list[OrderToPlace]
    trace: str | None = None


_BARS = TypeAdapter(list[StoredBar])
_UNDECIDED = TypeAdapter(list[Undecided])
_IDS = TypeAdapter(list[UUID])


def _due(row: dict[str, Any]) -> DueStrategy | Unreadable:
    try:
        return DueStrategy.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return Unreadable(str(row.get("strategy_id")), f"{first['loc'][0]}: {first['msg']}")


class DecisionLedger(LedgerPart):
    """Strategies that are due, the bars they look at, and their decisions."""

    def strategies_due(self, symbol: str, timeframe: str, until: datetime) -> list[DueStrategy | Unreadable]:
        """Active strategies that have not decided on the bar ending at `until`, in strategy-id order.

        Read row by row: what one user's row holds must not stop another user's strategy.
        """
        rows = self._call(
            "strategies_due", {"p_symbol": symbol, "p_timeframe": timeframe, "p_until": until.isoformat()}
        )
        return [_due(row) for row in rows]

    def bars_until(self, symbol: str, timeframe: str, until: datetime, limit: int) -> list[StoredBar]:
        """The newest `limit` bars that had ended by `until`, oldest first."""
        return _BARS.validate_python(
            self._call(
                "bars_until",
                {"p_symbol": symbol, "p_timeframe": timeframe, "p_until": until.isoformat(), "p_limit": limit},
            )
        )

    def bars_undecided(self) -> list[Undecided]:
        """Where a sweep finds bars that no message brought to a decision."""
        return _UNDECIDED.validate_python(self._call("bars_undecided", {}))

    def record_decisions(self, symbol: str, decisions: Sequence[DecisionToRecord]) -> list[UUID]:
        """Stores the decisions, places their orders and moves the cursors in one transaction; returns placed trades.

        A decision on a bar that was decided before is passed over.
        """
        rows = [decision.model_dump(mode="json") for decision in decisions]
        return _IDS.validate_python(self._call("record_decisions", {"p_symbol": symbol, "p_decisions": rows}))

    def sync_strategy_kinds(self, kinds: Sequence[StrategyKind]) -> int:
        """Writes the catalogue; returns how many kinds changed."""
        written: int = self._call("sync_strategy_kinds", {"p_kinds": [kind.model_dump(mode="json") for kind in kinds]})
        return written
