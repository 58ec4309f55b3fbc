"""What the watches over limits ask of the ledger after the trade: a breach, a warning, a recovery."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import text


class Breach(Row):
    """What the ledger did about a breach.

    `stands`: it is on record, and nothing more was done. `removed`: the limit is no longer set. `placed` are the orders
    that reduce.
    """

    status: Literal["breached", "worse", "stands", "removed"]
    breach_id: int | None = None
    act: str | None = None
    placed: tuple[UUID, ...] = ()


class WatchLedger(LedgerPart):
    """Limits that are watched: each call is safe to repeat, and does its work once."""

    def breach_limit(
        self,
        limit: UUID,
        account: UUID | None,
        strategy: UUID | None,
        measured: Decimal,
        at: datetime,
        detail: Mapping[str, str] | None = None,
    ) -> Breach:
        """Says that a limit is broken, as measured on an account or strategy of its scope at `at` (event time)."""
        said = _measure(limit, account, strategy, measured, at)
        return Breach.model_validate(self._call("breach_limit", {**said, "p_detail": dict(detail or {})}))

    def warn_of_limit(
        self,
        limit: UUID,
        account: UUID | None,
        strategy: UUID | None,
        measured: Decimal,
        at: datetime,
        detail: Mapping[str, str] | None = None,
    ) -> bool:
        """Says that a limit is near; True where it was told for the first time."""
        said = _measure(limit, account, strategy, measured, at)
        return bool(self._call("warn_of_limit", {**said, "p_detail": dict(detail or {})}))

    def rearm_limit(
        self, limit: UUID, account: UUID | None, strategy: UUID | None, measured: Decimal, at: datetime
    ) -> bool:
        """Says that the measure has recovered: the limit may act again. True where it had to be told."""
        return bool(self._call("rearm_limit", _measure(limit, account, strategy, measured, at)))


def _measure(
    limit: UUID, account: UUID | None, strategy: UUID | None, measured: Decimal, at: datetime
) -> dict[str, Any]:
    return {
        "p_limit_id": str(limit),
        "p_account_id": None if account is None else str(account),
        "p_strategy_id": None if strategy is None else str(strategy),
        "p_measured": text(measured),
        "p_at": at.isoformat(),
    }
