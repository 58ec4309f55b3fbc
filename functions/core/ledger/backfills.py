"""What `ingest` asks of the ledger to fetch history in chunks."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter

from functions.core.errors import AgentTraderError
from functions.core.history.bars import Timeframe
from functions.core.ledger.part import LedgerPart, Row


class Backfill(Row):
    """A backfill that is ours for the lease. Everything before `cursor_at` is stored.

    `kept_from` is the first month that Postgres keeps; `known` says whether the share is an instrument already.
    """

    id: UUID
    symbol: str
    timeframe: Timeframe
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    cursor_at: AwareDatetime
    kept_from: date
    known: bool


_CLAIMED: TypeAdapter[Backfill | None] = TypeAdapter(Backfill | None)


class BackfillLedger(LedgerPart):
    """Claims, advances and gives back."""

    def backfills_due(self, now: datetime) -> bool:
        """Whether one waits to be gone on with."""
        due: bool = self._call("backfills_due", {"p_now": now.isoformat()})
        return due

    def claim_backfill(self, owner: str, now: datetime) -> Backfill | None:
        """The one that waited longest; None where none is due."""
        return _CLAIMED.validate_python(self._call("claim_backfill", {"p_owner": owner, "p_now": now.isoformat()}))

    def advance_backfill(self, backfill: UUID, owner: str, cursor: datetime, *, bars: int, findings: int) -> str:
        """Everything up to `cursor` is stored. Returns the status: go on only while it is `running`."""
        what = {"p_cursor": cursor.isoformat(), "p_bars": bars, "p_findings": findings}
        status: str = self._call("advance_backfill", {"p_id": str(backfill), "p_owner": owner, **what})
        return status

    def release_backfill(
        self, backfill: UUID, owner: str, error: AgentTraderError | None = None, *, final: bool = False
    ) -> None:
        """Gives it back to be gone on with: at once, later where it failed, never where that is final."""
        text = None if error is None else str(error)
        self._call("release_backfill", {"p_id": str(backfill), "p_owner": owner, "p_error": text, "p_final": final})
