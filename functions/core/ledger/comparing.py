"""What `execute` tells the ledger that a broker says of an account as a whole, and how it compares with the books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import Amount, text


class SaidAccount(Row):
    """Dollars, as the broker reckons them; None where it does not say."""

    cash: Amount
    equity: Amount
    buying_power: Amount | None
    options_buying_power: Amount | None = None
    settled_cash: Amount | None = None
    margin_requirement: Amount | None = None


class SaidRules(Row):
    """What the broker lets the account do; see `functions.brokers.holdings.AccountRules`."""

    account_number: str
    is_paper: bool
    is_margin: bool | None
    options_level: int
    may_short: bool
    closing_only: bool
    blocked: str | None


class SaidPosition(Row):
    """A position as the broker has it: signed quantity, dollars per share or contract unit."""

    symbol: str
    quantity: Amount
    average_entry_price: Amount | None = None
    mark: Amount | None = None


class Difference(Row):
    """A symbol of which the broker holds another quantity than the books; `looks` comparisons have seen it in a row."""

    symbol: str
    broker: Amount
    ledger: Amount
    looks: int


class Comparison(Row):
    """The books beside the broker's positions: what differs, and how many breaks were opened and closed by it."""

    differences: tuple[Difference, ...] = ()
    opened: int = 0
    closed: int = 0


class ComparisonLedger(LedgerPart):
    """Snapshots, rules, positions and runs of reconciliation."""

    def record_account_snapshot(self, account: UUID, as_of: datetime, said: SaidAccount) -> bool:
        """Keeps what the broker said of an account's money, where it changed."""
        amounts = {f"p_{name}": _text(value) for name, value in said}
        kept: bool = self._call(
            "record_account_snapshot", {"p_account_id": str(account), "p_as_of": as_of.isoformat(), **amounts}
        )
        return kept

    def record_account_rules(self, account: UUID, as_of: datetime, said: SaidRules) -> bool:
        """Keeps what the broker lets the account do, where it changed."""
        rules: dict[str, Any] = said.model_dump(mode="json")
        kept: bool = self._call(
            "record_account_rules", {"p_account_id": str(account), "p_as_of": as_of.isoformat(), "p_rules": rules}
        )
        return kept

    def record_broker_positions(
        self, account: UUID, as_of: datetime, said: Sequence[SaidPosition], gap_seconds: float, run: UUID | None = None
    ) -> Comparison:
        """Keeps all that the broker holds, and compares. A difference that stands for two looks opens a break.

        `gap_seconds` of event time lie between two looks that count.
        """
        answer = self._call(
            "record_broker_positions",
            {
                "p_account_id": str(account),
                "p_as_of": as_of.isoformat(),
                "p_positions": [position.model_dump(mode="json") for position in said],
                "p_gap_seconds": gap_seconds,
                "p_run_id": str(run) if run else None,
            },
        )
        return Comparison.model_validate(answer)

    def start_reconciliation(self, account: UUID, kind: Literal["startup", "order_sync"], as_of: datetime) -> UUID:
        """Begins a comparison of an account as of a moment, UTC; the same comparison is one run."""
        answer = self._call(
            "start_reconciliation", {"p_account_id": str(account), "p_kind": kind, "p_as_of": as_of.isoformat()}
        )
        return UUID(answer)

    def finish_reconciliation(
        self, run: UUID, status: Literal["clean", "broken", "failed"], summary: dict[str, Any]
    ) -> None:
        """Ends a run; one that had ended stays as it was."""
        self._call("finish_reconciliation", {"p_run_id": str(run), "p_status": status, "p_summary": summary})


def _text(value: Decimal | None) -> str | None:
    return None if value is None else text(value)
