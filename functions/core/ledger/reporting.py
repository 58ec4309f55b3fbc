"""What `report` asks of the ledger."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import TypeAdapter

from functions.core.ledger.executing import TradingAccount
from functions.core.ledger.judging import BookSession
from functions.core.ledger.part import LedgerPart

_SESSIONS = TypeAdapter(list[BookSession])
_ACCOUNTS = TypeAdapter(list[TradingAccount])


class ReportLedger(LedgerPart):
    """Sessions to report on, and the reports."""

    def sessions_to_report(self, now: datetime, offset_minutes: int) -> list[BookSession]:
        """Sessions that closed at least the offset ago and are not reported yet, oldest first."""
        return _SESSIONS.validate_python(
            self._call("sessions_to_report", {"p_now": now.isoformat(), "p_offset_minutes": offset_minutes})
        )

    def trading_accounts(self) -> list[TradingAccount]:
        """The active accounts."""
        return _ACCOUNTS.validate_python(self._call("trading_accounts", {}))

    def write_daily_report(self, account: UUID, day: date) -> int | None:
        """Writes the session's report of one account; returns its version. Idempotent.

        None where the broker had not spoken of the account by the session's close: there is nothing to report.
        """
        answer = self._call("write_daily_report", {"p_account_id": str(account), "p_date": day.isoformat()})
        version: int | None = answer["report_version"]
        return version

    def finish_session_report(self, day: date) -> bool:
        """Says that every account's report of the session is written; True the first time."""
        first: bool = self._call("finish_session_report", {"p_date": day.isoformat()})
        return first
