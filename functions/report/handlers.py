"""Entry points of `report`: thin; each calls one function of this folder."""

from __future__ import annotations

from typing import Any

from functions.core.handling import delivered
from functions.core.ledger.reporting import ReportLedger
from functions.core.ports import ports
from functions.report.daily_pnl import report_due_sessions


@delivered
def daily_pnl(_message: Any) -> None:
    """Schedule: the daily report of every account, once per session, after its close."""
    reach = ports("report")
    report_due_sessions(ReportLedger(reach.ledger), reach.clock.now())
