"""The daily report: due by the calendar, once per session, finished only after the last account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.core.errors import Misconfigured
from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerUnavailable
from functions.core.ledger.reporting import ReportLedger
from functions.core.wiring import Wiring, wiring
from functions.report import daily_pnl, handlers
from tests.unit.core.doubles import NOW, Turns, World

ACCOUNTS = [str(named_uuid("account", number)) for number in range(2)]
SESSIONS = [
    {"date": "2026-01-02", "opens_at": "2026-01-02T14:30:00+00:00", "closes_at": "2026-01-02T21:00:00+00:00"},
    {"date": "2026-01-05", "opens_at": "2026-01-05T14:30:00+00:00", "closes_at": "2026-01-05T21:00:00+00:00"},
]


def account(number: int) -> dict[str, Any]:
    return {
        "broker_account_id": ACCOUNTS[number],
        "user_id": str(named_uuid("user")),
        "broker": "alpaca",
        "account_id": "PA1",
        "is_paper": True,
        "working": False,
    }


def books(sessions: list[dict[str, Any]], accounts: int = 2) -> World:
    return World(
        {
            "sessions_to_report": sessions,
            "trading_accounts": [account(number) for number in range(accounts)],
            "write_daily_report": {"report_version": 1},
            "finish_session_report": True,
        }
    )


def written(world: World) -> list[tuple[str, str]]:
    return [(given["p_date"], given["p_account_id"]) for given in world.asked("write_daily_report")]


def test_report_when_two_sessions_are_due_then_each_is_written_for_every_account_and_then_finished() -> None:
    world = books(SESSIONS)
    assert daily_pnl.report_due_sessions(ReportLedger(world.ledger), NOW) == 4
    assert written(world) == [(session["date"], each) for session in SESSIONS for each in ACCOUNTS]
    steps = [name for name in world.said() if name != "trading_accounts"]
    assert steps == ["sessions_to_report", *["write_daily_report", "write_daily_report", "finish_session_report"] * 2]


def test_report_when_asked_then_the_offset_is_the_wiring_tables_and_the_time_is_the_clocks() -> None:
    world = books([])
    moment = datetime(2026, 11, 27, 18, 20, tzinfo=UTC)
    assert daily_pnl.report_due_sessions(ReportLedger(world.ledger), moment) == 0
    assert world.asked("sessions_to_report") == [{"p_now": moment.isoformat(), "p_offset_minutes": 20}]


def test_report_when_nobody_trades_then_the_session_is_finished_all_the_same() -> None:
    world = books(SESSIONS[:1], accounts=0)
    assert daily_pnl.report_due_sessions(ReportLedger(world.ledger), NOW) == 0
    assert world.asked("finish_session_report") == [{"p_date": "2026-01-02"}]


def test_report_when_it_dies_after_the_first_account_then_the_session_is_not_finished_and_is_written_again() -> None:
    world = books(SESSIONS[:1])
    world.ledger.answers["write_daily_report"] = Turns(
        {"report_version": 1}, LedgerUnavailable("LEDGER_UNAVAILABLE", "down"), {"report_version": 1}
    )
    ledger = ReportLedger(world.ledger)
    with pytest.raises(LedgerUnavailable):
        daily_pnl.report_due_sessions(ledger, NOW)
    assert world.asked("finish_session_report") == []
    assert daily_pnl.report_due_sessions(ledger, NOW) == 2
    assert len(world.asked("finish_session_report")) == 1


def test_report_when_the_wiring_table_has_no_due_then_it_is_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    table = wiring().model_dump(by_alias=True)
    table["functions"]["daily_pnl"]["trigger"] = "http"
    monkeypatch.setattr(daily_pnl, "wiring", lambda: Wiring.model_validate(table))
    with pytest.raises(Misconfigured, match="daily_pnl needs a schedule"):
        daily_pnl.report_due_sessions(ReportLedger(books([]).ledger), NOW)


def test_daily_pnl_when_the_schedule_wakes_it_then_the_replays_clock_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    world = books(SESSIONS[:1])
    monkeypatch.setattr(handlers, "ports", lambda _folder: world.ports)
    handlers.daily_pnl({"anything": 1})
    assert world.asked("sessions_to_report")[0]["p_now"] == NOW.isoformat()
    assert len(written(world)) == 2
