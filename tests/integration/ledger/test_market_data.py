"""Quotes, marks and the calendar: nothing older takes a newer one's place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from functions.core.ledger.market_data import Mark, MarketDataLedger
from tests.integration.ledger.desk import NOON, Desk, fill_of
from tests.integration.ledger.ledger import THREADS, Connection, Ledger, call, refused
from tests.integration.ledger.market import MINUTE, mark, open_transaction, quote, record


@pytest.mark.parametrize(
    "wrong",
    [{"bid": "0"}, {"bid": "12"}, {"ask": "NaN"}, {"bid_size": "-1"}, {"quoted_at": "infinity"}, {"feed": None}],
)
def test_quote_when_it_makes_no_sense_then_it_is_refused(ledger: Ledger, wrong: dict[str, Any]) -> None:
    with refused("BAD_MARKET_DATA", 422):
        record(ledger, [], [quote() | wrong])


def test_quote_when_an_older_one_comes_late_then_the_newer_stays(fresh_ledger: Ledger) -> None:
    record(fresh_ledger, [], [quote(NOON, bid="10.5"), quote(NOON - MINUTE, bid="9")])
    record(fresh_ledger, [], [quote(NOON - MINUTE, bid="9", delay_seconds=900)])
    assert fresh_ledger.rows("select bid, quoted_at, delay_seconds from public.quotes_latest") == [
        (Decimal("10.5"), NOON, 0)
    ]


def test_marks_when_many_write_at_once_then_the_newest_stays(fresh_ledger: Ledger) -> None:
    def writing(turn: int) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            for step in range(20):
                number = (step * 7 + turn * 3) % 20
                pair = [mark(NOON + number * MINUTE, str(number + 1), symbol=symbol) for symbol in ("SPY", "IWM")]
                call(connection, "upsert_marks", "fn_risk", p_marks=pair[:: 1 if turn % 2 else -1])
                connection.commit()

        return work

    fresh_ledger.at_once(*[writing(turn) for turn in range(THREADS)])
    assert (
        fresh_ledger.rows("select mark, marked_at from public.position_marks")
        == [(Decimal(20), NOON + 19 * MINUTE)] * 2
    )


def test_mark_when_it_is_the_same_again_then_nothing_is_written(fresh_ledger: Ledger) -> None:
    assert fresh_ledger.call("upsert_marks", "fn_ingest", p_marks=[mark()]) == 1
    assert fresh_ledger.call("upsert_marks", "fn_ingest", p_marks=[mark(), mark(NOON - MINUTE)]) == 0


@pytest.mark.parametrize(
    "wrong", [{"mark": "NaN"}, {"mark": "0"}, {"mark": "-1"}, {"marked_at": "infinity"}, {"source": ""}, {"mark": None}]
)
def test_mark_when_it_makes_no_sense_then_it_is_refused(ledger: Ledger, wrong: dict[str, Any]) -> None:
    with refused("BAD_MARK", 422):
        ledger.call("upsert_marks", "fn_ingest", p_marks=[mark(symbol="IWM"), mark() | wrong])
    assert ledger.one("select count(*) from public.position_marks") == 0
    with refused("UNKNOWN_SYMBOL", 422):
        ledger.call("upsert_marks", "fn_ingest", p_marks=[mark(symbol="NOBODY")])


def test_mark_when_a_fill_is_being_booked_then_neither_waits_for_the_other(fresh_desk: Desk) -> None:
    ledger = fresh_desk.ledger
    _, order = fresh_desk.working()
    booking = {"p_account_id": fresh_desk.account, "p_fill": fill_of(order, "40", "10")}
    with open_transaction(ledger) as fill, ledger.session() as marking:
        call(fill, "record_fill", "fn_execute", **booking)
        marking.execute("set local lock_timeout = '1s'")
        call(marking, "upsert_marks", "fn_ingest", p_marks=[mark()])
    with open_transaction(ledger) as marking, ledger.session() as fill:
        call(marking, "upsert_marks", "fn_ingest", p_marks=[mark(NOON + MINUTE, "11")])
        fill.execute("set local lock_timeout = '1s'")
        call(fill, "record_fill", "fn_execute", **booking)
    assert fresh_desk.position() == 40
    assert ledger.one("select mark from public.position_marks") == 10


def test_typed_marks_when_sent_then_prices_are_text(market: MarketDataLedger, fresh_ledger: Ledger) -> None:
    told = Mark(symbol="SPY", mark=Decimal("10.0000000001"), marked_at=NOON, source="quote iex")
    assert market.upsert_marks([told]) == 1
    assert fresh_ledger.one("select mark from public.position_marks") == told.mark
    assert market.prepare_bar_months(NOON) >= 0
    assert market.drop_old_bars(NOON) == []


# --- the calendar --------------------------------------------------------------------------------------------------


def _session(day: str, opens: str, closes: str) -> dict[str, str]:
    return {"date": day, "opens_at": opens, "closes_at": closes}


def test_calendar_when_a_session_ends_early_then_it_says_so(fresh_ledger: Ledger) -> None:
    sessions = [
        _session("2018-11-23", "2018-11-23T14:30Z", "2018-11-23T18:00Z"),
        _session("2018-11-26", "2018-11-26T14:30Z", "2018-11-26T21:00Z"),
    ]
    assert fresh_ledger.call("upsert_calendar", "fn_ingest", p_sessions=sessions, p_source="test") == 2
    assert fresh_ledger.call("upsert_calendar", "fn_ingest", p_sessions=sessions, p_source="test") == 0
    assert fresh_ledger.rows("select session_date, half_day from public.market_calendar order by 1") == [
        (date(2018, 11, 23), True),
        (date(2018, 11, 26), False),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        _session("2018-11-23", "2018-11-24T14:30Z", "2018-11-24T18:00Z"),
        _session("2018-11-23", "2018-11-23T14:30Z", "2018-11-24T18:00Z"),
        _session("2018-11-23", "2018-11-23T18:00Z", "2018-11-23T14:30Z"),
        _session("2018-11-23", "2018-11-23T14:30Z", "infinity"),
        _session("", "2018-11-23T14:30Z", "2018-11-23T18:00Z"),
    ],
)
def test_calendar_when_a_session_makes_no_sense_then_the_list_is_refused(
    fresh_ledger: Ledger, wrong: dict[str, str]
) -> None:
    good = _session("2018-11-26", "2018-11-26T14:30Z", "2018-11-26T21:00Z")
    with refused("BAD_CALENDAR", 422):
        fresh_ledger.call("upsert_calendar", "fn_ingest", p_sessions=[good, wrong], p_source="test")
    assert fresh_ledger.one("select count(*) from public.market_calendar") == 0
