"""What `execute` asks of the ledger about options that are to be exercised, or left to expire."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import TypeAdapter

from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import text

Wish = Literal["exercise", "do_not_exercise"]
Outcome = Literal["accepted", "rejected", "unknown", "not_sent"]


class ExerciseDue(Row):
    """A wish about an option that is to be sent, or, `to_look`, whose outcome nobody knows."""

    exercise_id: UUID
    broker_account_id: UUID
    symbol: str
    wish: Wish
    to_look: bool


class ExerciseClaim(Row):
    """Whether this sender alone may ask the broker; `status` is the wish's where not."""

    claimed: bool
    status: str
    attempt: int


_DUE = TypeAdapter(list[ExerciseDue])


class ExerciseLedger(LedgerPart):
    """Exercises on their way to the broker."""

    def due(self, account: UUID | None = None) -> list[ExerciseDue]:
        """Those of one account, or of all."""
        return _DUE.validate_python(
            self._call("exercises_due", {"p_account_id": None if account is None else str(account)})
        )

    def claim(self, exercise: UUID, owner: str, now: datetime, lease: float) -> ExerciseClaim:
        """Written before the broker is asked. `lease` is in seconds of machine time."""
        said = {"p_exercise_id": str(exercise), "p_owner": owner, "p_now": now.isoformat(), "p_lease_seconds": lease}
        return ExerciseClaim.model_validate(self._call("claim_exercise", said))

    def record(self, exercise: UUID, attempt: int, outcome: Outcome, detail: str, at: datetime) -> str:
        """How the asking ended; returns the status now."""
        said = {"p_exercise_id": str(exercise), "p_attempt": attempt, "p_outcome": outcome, "p_detail": detail}
        return str(self._call("record_exercise", said | {"p_at": at.isoformat()}))

    def look(self, exercise: UUID, held: Decimal, at: datetime, patience: float, gap: float) -> str:
        """What the broker holds of the option now; returns the status that follows. Machine seconds."""
        said = {"p_exercise_id": str(exercise), "p_held": text(held), "p_at": at.isoformat()}
        return str(self._call("record_exercise_look", said | {"p_patience_seconds": patience, "p_gap_seconds": gap}))
