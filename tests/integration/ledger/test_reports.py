"""The daily report: idempotent, a changed book makes a new version, and what is missing stays missing."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.ledger.desk import Desk, calling, fill_of
from tests.integration.ledger.ledger import THREADS, Ledger, call, refused

MONDAY, TUESDAY = date(2013, 10, 7), date(2013, 10, 8)


def _opens(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 13, 30, tzinfo=UTC)


def _at(day: date, minutes: int = 60) -> str:
    return (_opens(day) + timedelta(minutes=minutes)).isoformat()


@pytest.fixture
def trader(fresh_desk: Desk) -> Desk:
    """A desk in a ledger with two sessions."""
    sessions = [
        {
            "date": day.isoformat(),
            "opens_at": _at(day, 0),
            "closes_at": _at(day, 390),
        }
        for day in (MONDAY, TUESDAY)
    ]
    assert fresh_desk.ledger.call("upsert_calendar", "fn_ingest", p_sessions=sessions, p_source="test") == 2
    return fresh_desk


def _closing_bar(ledger: Ledger, day: date, close: str, symbol: str = "SPY") -> None:
    bar = {
        "symbol": symbol,
        "timeframe": "1Min",
        "starts_at": _at(day, 389),
        "ends_at": _at(day, 390),
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "volume": "1",
        "feed": "test",
    }
    ledger.call("record_market_data", "fn_ingest", p_bars=[bar])


def _snapshot(desk: Desk, minutes: int, cash: str) -> None:
    said = {"p_as_of": _at(MONDAY, minutes), "p_cash": cash, "p_equity": cash}
    desk.ledger.call("record_account_snapshot", "fn_execute", p_account_id=desk.account, **said)


def _write(desk: Desk, day: date = MONDAY) -> dict[str, Any]:
    found: dict[str, Any] = desk.ledger.call("write_daily_report", "fn_report", p_account_id=desk.account, p_date=day)
    return found


def _report(desk: Desk, *columns: str, day: date = MONDAY) -> tuple[Any, ...]:
    (row,) = desk.ledger.rows(
        f"select {', '.join(columns)} from public.daily_pnl_reports where broker_account_id = %s and report_date = %s",
        desk.account,
        day,
    )
    return row


def _trade(desk: Desk, side: str, quantity: str, price: str, day: date = MONDAY, **more: str) -> None:
    _, order = desk.working(side, quantity)
    desk.fill(order, quantity, price, side=side, executed_at=_at(day), **more)


def test_report_when_written_again_then_nothing_changes(trader: Desk) -> None:
    _trade(trader, "buy", "100", "10", fee="1.5")
    _trade(trader, "sell", "40", "12")
    _closing_bar(trader.ledger, MONDAY, "13")
    first = _write(trader)
    assert (first["report_version"], first["changed"]) == (1, True)
    assert _write(trader) == first | {"changed": False}
    numbers = _report(trader, "realised_pnl", "unrealised_pnl", "fees", "total_pnl", "trades", "fills")
    assert numbers == (80, 180, Decimal("1.5"), Decimal("258.5"), 2, 2)
    assert trader.count("daily_pnl_report_versions") == 1


def test_report_when_the_broker_never_spoke_of_the_account_then_none_is_invented(trader: Desk) -> None:
    assert _write(trader) == {"report_id": None, "report_version": None, "changed": False}
    assert trader.count("daily_pnl_reports") == 0


def test_report_when_written_by_eight_at_once_then_one_version(trader: Desk) -> None:
    _trade(trader, "buy", "100", "10")
    works = [calling("write_daily_report", "fn_report", p_account_id=trader.account, p_date=MONDAY)] * THREADS
    assert sum(answer["changed"] for answer in trader.ledger.at_once(*works)) == 1
    assert trader.count("daily_pnl_report_versions") == 1


def test_report_when_a_late_fill_changes_the_book_then_a_new_version_and_the_old_one_kept(trader: Desk) -> None:
    _closing_bar(trader.ledger, MONDAY, "13")
    _snapshot(trader, 0, "5000")
    assert _write(trader)["report_version"] == 1
    _trade(trader, "buy", "100", "10")
    assert _write(trader)["report_version"] == 2
    versions = trader.ledger.rows(
        "select report_version, (report ->> 'unrealised_pnl')::numeric from public.daily_pnl_report_versions "
        "order by report_version"
    )
    assert versions == [(1, 0), (2, 300)]
    assert _report(trader, "unrealised_pnl", "report_version") == (300, 2)


def test_report_when_a_closing_bar_is_missing_then_unrealised_and_total_are_null(trader: Desk) -> None:
    _trade(trader, "buy", "100", "10")
    _closing_bar(trader.ledger, TUESDAY, "99")
    _write(trader)
    assert _report(trader, "realised_pnl", "unrealised_pnl", "total_pnl") == (0, None, None)
    _closing_bar(trader.ledger, MONDAY, "11")
    assert _write(trader)["report_version"] == 2
    assert _report(trader, "unrealised_pnl", "total_pnl") == (100, 100)


def test_report_when_a_closed_positions_bar_is_missing_then_nothing_is_missing(trader: Desk) -> None:
    _trade(trader, "buy", "100", "10")
    _trade(trader, "sell", "100", "11")
    _write(trader)
    assert _report(trader, "realised_pnl", "unrealised_pnl", "total_pnl") == (100, 0, 100)


def test_report_when_position_is_held_overnight_then_total_is_the_days_change(trader: Desk) -> None:
    _trade(trader, "buy", "100", "10")
    _closing_bar(trader.ledger, MONDAY, "11")
    _closing_bar(trader.ledger, TUESDAY, "10.5")
    _write(trader)
    _write(trader, TUESDAY)
    assert _report(trader, "total_pnl") == (100,)
    assert _report(trader, "realised_pnl", "unrealised_pnl", "total_pnl", day=TUESDAY) == (0, 50, -50)


def test_report_when_yesterdays_unrealised_is_missing_then_todays_total_is_missing_too(trader: Desk) -> None:
    _trade(trader, "buy", "100", "10")
    _closing_bar(trader.ledger, TUESDAY, "12")
    _write(trader)
    _write(trader, TUESDAY)
    assert _report(trader, "unrealised_pnl", "total_pnl", day=TUESDAY) == (200, None)


def test_report_when_a_fill_of_monday_comes_on_tuesday_then_mondays_book_is_mondays(trader: Desk) -> None:
    _trade(trader, "buy", "100", "10", MONDAY)
    _trade(trader, "buy", "100", "20", TUESDAY)
    _trade(trader, "buy", "50", "8", MONDAY)  # Told late.
    _closing_bar(trader.ledger, MONDAY, "11")
    _write(trader)
    assert _report(trader, "unrealised_pnl", "total_pnl") == (250, 250)


def test_report_when_session_is_a_short_position_then_signs_hold(trader: Desk) -> None:
    _trade(trader, "sell", "100", "10")
    _closing_bar(trader.ledger, MONDAY, "9.5")
    _write(trader)
    assert _report(trader, "unrealised_pnl") == (50,)


def test_report_when_the_day_has_no_session_then_refused(trader: Desk) -> None:
    with refused("NO_SESSION", 422):
        _write(trader, date(2013, 10, 6))


def test_report_when_account_is_unknown_then_refused(trader: Desk) -> None:
    with refused("NO_SUCH_ACCOUNT", 404):
        trader.ledger.call(
            "write_daily_report", "fn_report", p_account_id="00000000-0000-0000-0000-000000000000", p_date=MONDAY
        )


def test_report_when_snapshots_are_there_then_cash_at_both_ends(trader: Desk) -> None:
    for minutes, cash in ((-10, "100"), (30, "90"), (395, "95")):
        _snapshot(trader, minutes, cash)
    _write(trader)
    assert _report(trader, "starting_cash", "ending_cash") == (100, 95)


def test_sessions_when_closed_long_enough_then_due_until_finished(trader: Desk) -> None:
    def due(minutes: int) -> list[str]:
        found = trader.ledger.call(
            "sessions_to_report", "fn_report", p_now=_at(MONDAY, 390 + minutes), p_offset_minutes=20
        )
        return [session["date"] for session in found]

    assert due(19) == []
    assert due(20) == [MONDAY.isoformat()]
    assert trader.ledger.call("finish_session_report", "fn_report", p_date=MONDAY) is True
    assert trader.ledger.call("finish_session_report", "fn_report", p_date=MONDAY) is False
    assert due(20) == []
    _trade(trader, "buy", "1", "10")  # Told after the report was done.
    assert due(20) == [MONDAY.isoformat()]
    trader.ledger.call("finish_session_report", "fn_report", p_date=MONDAY)
    # A missed run is caught up within a week.
    assert due(24 * 60 + 20) == [TUESDAY.isoformat()]
    assert due(9 * 24 * 60) == []


@pytest.mark.parametrize("when", ["before it is finished", "in a transaction that waited for it"])
def test_sessions_when_a_fill_comes_while_the_report_is_written_then_due_again(trader: Desk, when: str) -> None:
    """Of several accounts the first is written long before the last; and a fill waits for its account's lock."""
    _, order = trader.working("buy", "100")
    late = fill_of(order, "100", "10", executed_at=_at(MONDAY))
    told = {"p_account_id": trader.account, "p_fill": late}
    with trader.ledger.session() as waited:
        waited.execute("select now()")
        _snapshot(trader, 30, "100")
        _write(trader)
        if when == "before it is finished":
            call(waited, "record_fill", "fn_execute", **told)
            waited.commit()
        trader.ledger.call("finish_session_report", "fn_report", p_date=MONDAY)
        if when != "before it is finished":
            call(waited, "record_fill", "fn_execute", **told)
    due = {"p_now": _at(MONDAY, 420), "p_offset_minutes": 20}
    assert len(trader.ledger.call("sessions_to_report", "fn_report", **due)) == 1
    _write(trader)
    trader.ledger.call("finish_session_report", "fn_report", p_date=MONDAY)
    assert trader.ledger.call("sessions_to_report", "fn_report", **due) == []
    assert _report(trader, "fills") == (1,)


def test_report_when_average_cost_and_lots_differ_then_it_says_both(trader: Desk) -> None:
    _trade(trader, "buy", "10", "100")
    _trade(trader, "buy", "10", "110")
    _trade(trader, "sell", "10", "120")
    _write(trader)
    assert _report(trader, "realised_pnl", "realised_pnl_fifo") == (150, 200)


def test_report_when_the_only_fill_came_after_the_close_then_it_is_in_the_sessions_report(trader: Desk) -> None:
    _, order = trader.working("buy", "100")
    trader.fill(order, "100", "10", executed_at=_at(MONDAY, 395))
    _closing_bar(trader.ledger, MONDAY, "11")
    _write(trader)
    assert _report(trader, "fills", "unrealised_pnl") == (1, 100)


def test_report_when_something_happens_between_sessions_then_exactly_one_report_has_it(trader: Desk) -> None:
    sunday = date(2013, 10, 6)
    _trade(trader, "buy", "100", "10", sunday)
    _trade(trader, "sell", "100", "11", sunday)
    _write(trader)
    _write(trader, TUESDAY)
    assert _report(trader, "realised_pnl", "fills") == (100, 2)
    assert _report(trader, "realised_pnl", "fills", day=TUESDAY) == (0, 0)


def test_report_when_a_fill_is_told_late_then_the_days_still_add_up_to_the_books(trader: Desk) -> None:
    _trade(trader, "buy", "100", "10", MONDAY)
    _trade(trader, "sell", "100", "12", TUESDAY)
    for day in (MONDAY, TUESDAY):
        _write(trader, day)
    _trade(trader, "buy", "100", "20", MONDAY)  # Told on Wednesday: Tuesday's sale was of dearer shares.
    for day in (MONDAY, TUESDAY):
        assert _write(trader, day)["report_version"] == 2
    assert _report(trader, "realised_pnl", day=MONDAY) == (0,)
    assert _report(trader, "realised_pnl", "realised_pnl_fifo", day=TUESDAY) == (-300, 200)
    booked = trader.ledger.rows("select realised_pnl, fifo_realised_pnl from public.position_books")
    assert booked == [(-300, 200)]


def test_report_when_strategies_and_a_person_trade_then_the_details_add_up_to_it(trader: Desk) -> None:
    _trade(trader, "buy", "100", "10", fee="1")
    _trade(trader, "sell", "40", "12")
    by_hand = trader.place_by_hand("k1", "buy", "10")
    trader.approve(by_hand)
    order = trader.submit(by_hand)
    trader.fill(order, "10", "11", executed_at=_at(MONDAY, 70))
    _closing_bar(trader.ledger, MONDAY, "13")
    report = _write(trader)["report_id"]
    details = trader.ledger.rows(
        "select owner_key, quantity::int, realised_pnl::int, unrealised_pnl::int, fees::int "
        "from public.daily_pnl_report_details where report_id = %s order by quantity",
        report,
    )
    assert details == [("manual", 10, 0, 20, 0), (str(trader.strategy), 60, 80, 180, 1)]
    assert _report(trader, "realised_pnl", "unrealised_pnl", "fees") == (80, 200, 1)


@pytest.mark.parametrize("table", ["daily_pnl_report_versions", "daily_pnl_report_details"])
def test_report_when_its_history_is_changed_then_refused(trader: Desk, table: str) -> None:
    _trade(trader, "buy", "100", "10")
    _write(trader)
    for statement in (f"update public.{table} set report_version = 9", f"delete from public.{table}"):
        with refused("APPEND_ONLY", 409):
            trader.ledger.run(statement)


def _cash(trader: Desk, kind: str, amount: str, day: date = MONDAY, minutes: int = 30) -> None:
    told = {
        "source": "activities",
        "external_id": f"{kind}-{day}-{amount}",
        "kind": kind,
        "occurred_at": _at(day, minutes),
        "amount": amount,
    }
    trader.ledger.call("apply_activity", "fn_execute", p_account_id=trader.account, p_activity=told)


def _said(trader: Desk, day: date, minutes: int, cash: str) -> None:
    said = {"p_as_of": _at(day, minutes), "p_cash": cash, "p_equity": cash}
    trader.ledger.call("record_account_snapshot", "fn_execute", p_account_id=trader.account, **said)


def test_report_when_money_comes_and_goes_then_dividends_and_interest_are_profit_and_deposits_are_not(
    trader: Desk,
) -> None:
    _said(trader, MONDAY, -10, "1000")
    for kind, amount in (
        ("dividend", "12"),
        ("interest", "-2"),
        ("fee", "-1.5"),
        ("tax", "-0.5"),
        ("deposit", "500"),
        ("withdrawal", "-100"),
    ):
        _cash(trader, kind, amount)
    _said(trader, MONDAY, 395, "1408")
    _write(trader)
    assert _report(trader, "dividends", "interest", "fees", "deposits", "withdrawals", "total_pnl") == (
        12,
        -2,
        2,
        500,
        100,
        8,
    )
    # The account's own equation: what is there at the end is what was there, what came and went, and the profit.
    start, end = _report(trader, "starting_equity", "ending_equity")
    assert (start, end) == (1000, start + 500 - 100 + 8)
    assert _report(trader, "daily_return") == (round(Decimal(1508) / 1500 - 1, 10),)


def test_report_when_days_follow_then_their_returns_are_chained_and_the_drawdown_is_from_the_best(trader: Desk) -> None:
    _said(trader, MONDAY, -10, "1000")
    _trade(trader, "buy", "10", "100")
    _said(trader, MONDAY, 395, "0")
    _closing_bar(trader.ledger, MONDAY, "110")
    _closing_bar(trader.ledger, TUESDAY, "99")
    _write(trader)
    _said(trader, TUESDAY, 395, "1")
    _cash(trader, "dividend", "1", TUESDAY)
    _write(trader, TUESDAY)
    assert _report(trader, "ending_equity", "daily_return", "growth", "drawdown") == (
        1100,
        Decimal("0.1"),
        Decimal("1.1"),
        0,
    )
    after = Decimal(991) / 1100
    assert _report(trader, "starting_equity", "ending_equity", "daily_return", "growth", "drawdown", day=TUESDAY) == (
        1100,
        991,
        round(after - 1, 10),
        round(Decimal("1.1") * (1 + round(after - 1, 10)), 10),
        round(1 - round(Decimal("1.1") * (1 + round(after - 1, 10)), 10) / Decimal("1.1"), 10),
    )


def test_report_when_a_close_is_missing_then_equity_and_return_are_missing_and_not_guessed(trader: Desk) -> None:
    _said(trader, MONDAY, -10, "1000")
    _trade(trader, "buy", "10", "100")
    _said(trader, MONDAY, 395, "0")
    _write(trader)
    assert _report(trader, "ending_equity", "daily_return", "drawdown") == (None, None, None)


def test_sessions_when_a_dividend_of_it_is_told_later_then_due_again(trader: Desk) -> None:
    due = {"p_now": _at(MONDAY, 420), "p_offset_minutes": 20}
    _said(trader, MONDAY, 0, "1000")
    _write(trader)
    trader.ledger.call("finish_session_report", "fn_report", p_date=MONDAY)
    assert trader.ledger.call("sessions_to_report", "fn_report", **due) == []
    _cash(trader, "dividend", "3")
    assert len(trader.ledger.call("sessions_to_report", "fn_report", **due)) == 1
    assert _write(trader)["report_version"] == 2
    assert _report(trader, "dividends") == (3,)
