"""Daily profit and loss: cron only wakes; the market calendar says which sessions are due."""

from __future__ import annotations

from datetime import datetime

from functions.core.errors import Misconfigured
from functions.core.ledger.reporting import ReportLedger
from functions.core.log import logger
from functions.core.wiring import ScheduleTrigger, wiring

_log = logger("report")


def report_due_sessions(ledger: ReportLedger, now: datetime) -> int:
    """Writes the reports of every session that closed long enough before `now`; returns how many reports.

    A session is marked done only after its last account: a crash in between writes the rest again, which changes
    nothing that was right.
    """
    written = 0
    for session in ledger.sessions_to_report(now, _offset_minutes()):
        for account in ledger.trading_accounts():
            version = ledger.write_daily_report(account.broker_account_id, session.date)
            if version is None:
                continue
            _log.info("reported", account=str(account.broker_account_id), date=str(session.date), version=version)
            written += 1
        ledger.finish_session_report(session.date)
    return written


def _offset_minutes() -> int:
    trigger = wiring().functions["daily_pnl"].trigger
    if not isinstance(trigger, ScheduleTrigger) or trigger.schedule.due is None:
        raise Misconfigured("BAD_WIRING", "functions.yaml: daily_pnl needs a schedule with `due`")
    return trigger.schedule.due.minutes
