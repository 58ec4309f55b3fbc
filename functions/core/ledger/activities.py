"""What `execute` tells the ledger of an account besides its orders: activities, and fills taken back or corrected."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime

from functions.core.ledger.executing import StreamCursor
from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import Amount

ActivityState = Literal["applied", "waiting", "unknown", "unreadable"]


class FillChange(Row):
    """The broker takes a fill back (bust), or says that it had another quantity or price (correction).

    The fill is named by `corrects_external_id`, its name on any path, or by order, leg and `cumulative_quantity`.
    `executed_at` is when it was taken back or corrected, UTC; `external_id` is this path's name of the change.
    """

    kind: Literal["bust", "correction"]
    broker_order_id: str | None
    leg: int = 0
    corrects_external_id: str | None = None
    cumulative_quantity: Amount | None = None
    quantity: Amount | None = None
    price: Amount | None = None
    executed_at: AwareDatetime
    source: Literal["stream", "activities", "order"]
    external_id: str | None


class Activity(Row):
    """One account activity. `quantity` is the signed change of a position; of an exercise, the contracts.

    `amount` in dollars: of cash, positive came in; of what is transferred in, its cost. `raw` is what the broker sent.
    A kind that the ledger does not know is kept there, and told.
    """

    source: str
    external_id: str
    kind: str
    occurred_at: AwareDatetime
    symbol: str | None = None
    quantity: Amount | None = None
    amount: Amount | None = None
    price: Amount | None = None
    numerator: Amount | None = None
    denominator: Amount | None = None
    strategy_id: UUID | None = None
    underlying: str | None = None
    strike: Amount | None = None
    shares_per_contract: Amount | None = None
    fill: dict[str, Any] | None = None
    raw: dict[str, Any] | None = None


class Applied(Row):
    """What became of an activity; `applied` says that it was now."""

    activity_id: UUID
    state: ActivityState
    applied: bool
    note: str


class ActivityLedger(LedgerPart):
    """Activities and changes of fills, each counted once."""

    def record_fill_change(self, account: UUID, change: FillChange, cursor: StreamCursor | None = None) -> bool:
        """True where it was counted now; False where it was on record, or waits for its fill."""
        answer = self._call(
            "record_fill",
            {
                "p_account_id": str(account),
                "p_fill": change.model_dump(mode="json", exclude_none=True),
                "p_cursor": cursor.model_dump(mode="json") if cursor else None,
            },
        )
        return bool(answer["counted"])

    def apply_activity(self, account: UUID, activity: Activity) -> Applied:
        """Keeps the activity and applies it once. Raises LedgerRefused BAD_ACTIVITY only where it has no identity."""
        said = activity.model_dump(mode="json", exclude_none=True)
        return Applied.model_validate(self._call("apply_activity", {"p_account_id": str(account), "p_activity": said}))
