"""Months of bars: archived whole, again when they change, and dropped from Postgres only when the archive has them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from functions.core.errors import Unavailable
from functions.core.events import BarData
from functions.core.history.bars import bar_of, unpacked
from functions.core.ledger.history import Month
from functions.ingest.archiving import add_to_archive, archive_month
from tests.integration.ledger.archiving import Shelf
from tests.integration.ledger.ledger import Ledger, refused
from tests.integration.ledger.market import MINUTE, bar, months, record

MARCH = datetime(2017, 3, 10, tzinfo=UTC)
MAY = datetime(2017, 5, 10, tzinfo=UTC)
KEY = "bars/1Min/SPY/2017-03.parquet"


@pytest.fixture
def shelf(fresh_ledger: Ledger) -> Shelf:
    """Of a ledger without a month of bars."""
    for name in months(fresh_ledger):
        fresh_ledger.run(f"drop table private.{name}")
    return Shelf(fresh_ledger)


def drop(shelf: Shelf, now: datetime = MAY) -> Any:
    return shelf.ledger.call("drop_old_bars", "fn_ingest", p_now=now, p_keep_months=1)


def archived(shelf: Shelf, key: str = KEY) -> list[str]:
    return [f"{one.close.normalize():f}" for one in unpacked(shelf.archive.objects[key], key)]


def test_months_when_they_are_over_then_each_symbol_and_timeframe_is_archived_once(shelf: Shelf) -> None:
    bars = [
        bar(at, symbol, timeframe=timeframe)
        for at in (MARCH, MAY)
        for symbol in ("SPY", "IWM")
        for timeframe in ("1Min", "1Day")
    ]
    record(shelf.ledger, bars)
    assert shelf.fill(MAY) == 4, "May is not over"
    assert sorted(shelf.archive.objects) == [
        f"bars/{timeframe}/{symbol}/2017-03.parquet" for timeframe in ("1Day", "1Min") for symbol in ("IWM", "SPY")
    ]
    assert shelf.fill(MAY) == 0
    assert shelf.ledger.rows("select distinct bars, in_postgres, month::text from public.archived_months") == [
        (1, True, "2017-03-01")
    ]


def test_month_when_it_ends_at_the_last_microsecond_then_its_bar_is_of_it(shelf: Shelf) -> None:
    record(
        shelf.ledger, [bar(datetime(2017, 3, 31, 23, 59, tzinfo=UTC)), bar(datetime(2017, 4, 1, tzinfo=UTC)), bar(MAY)]
    )
    assert shelf.fill(MAY) == 2
    assert len(archived(shelf)) == 1


def test_drop_when_a_month_is_not_archived_then_it_stays(shelf: Shelf) -> None:
    record(shelf.ledger, [bar(MARCH), bar(MARCH, "IWM"), bar(MAY)])
    assert drop(shelf) == []
    archive_month(
        shelf.archiving, shelf.archive, Month(symbol="SPY", timeframe="1Min", month=MARCH.date().replace(day=1))
    )
    assert drop(shelf) == [], "the other symbol's bars are not archived"
    shelf.fill(MAY)
    assert "bars_2017_03" in drop(shelf)
    assert shelf.ledger.one("select bool_or(in_postgres) from public.archived_months") is False


def test_drop_when_a_bar_was_corrected_after_its_month_was_archived_then_it_stays_until_it_is_archived_anew(
    shelf: Shelf,
) -> None:
    record(shelf.ledger, [bar(MARCH), bar(MAY)])
    shelf.fill(MAY)
    record(shelf.ledger, [bar(MARCH, close="12"), bar(MARCH + MINUTE)])
    assert drop(shelf) == []
    assert shelf.fill(MAY) == 1
    assert archived(shelf) == ["12", "11"]
    assert "bars_2017_03" in drop(shelf)


def test_archive_when_bars_come_while_a_month_is_written_then_it_is_not_said_to_be_archived(shelf: Shelf) -> None:
    record(shelf.ledger, [bar(MARCH), bar(MAY)])
    month = Month(symbol="SPY", timeframe="1Min", month=MARCH.date().replace(day=1))
    put = shelf.archive.put

    def meanwhile(key: str, body: bytes) -> None:
        put(key, body)
        record(shelf.ledger, [bar(MARCH + MINUTE)])

    shelf.archive.put = meanwhile  # type: ignore[method-assign]
    assert archive_month(shelf.archiving, shelf.archive, month) is False
    assert shelf.ledger.one("select count(*) from public.archived_months") == 0


def test_month_when_postgres_begins_it_anew_then_what_was_archived_of_it_stays(shelf: Shelf) -> None:
    record(shelf.ledger, [bar(MARCH), bar(MARCH + MINUTE), bar(MAY)])
    shelf.fill(MAY)
    drop(shelf)
    record(shelf.ledger, [bar(MARCH + MINUTE, close="12"), bar(MARCH + 2 * MINUTE)])
    assert shelf.fill(MAY) == 1
    assert archived(shelf) == ["11", "12", "11"]
    assert shelf.ledger.rows("select bars, in_postgres from public.archived_months") == [(3, False)]
    assert "bars_2017_03" in drop(shelf)


def test_archive_when_it_does_not_answer_then_it_is_told_and_the_month_is_still_due(shelf: Shelf) -> None:
    record(shelf.ledger, [bar(MARCH), bar(MAY)])
    shelf.archive.failures = [Unavailable("ARCHIVE_UNAVAILABLE", "no answer")]
    with pytest.raises(Unavailable):
        shelf.fill(MAY)
    assert shelf.ledger.one("select count(*) from public.alerts where code = 'NOT_ARCHIVED'") == 1
    assert shelf.fill(MAY) == 1


def test_month_when_written_straight_to_the_archive_then_the_archive_is_asked_for_it(shelf: Shelf) -> None:
    record(shelf.ledger, [bar(MAY)])
    month = Month(symbol="SPY", timeframe="1Min", month=MARCH.date().replace(day=1))
    told = [bar_of(one) for one in _told(MARCH, MARCH + MINUTE)]
    assert add_to_archive(shelf.archiving, shelf.archive, month, told[:1]) == 1
    assert add_to_archive(shelf.archiving, shelf.archive, month, told) == 2
    found = shelf.archiving.months_in_archive("SPY", "1Min", MARCH, MAY)
    assert [(one.month.isoformat(), one.bars, one.key) for one in found] == [("2017-03-01", 2, KEY)]
    assert shelf.archiving.months_in_archive("SPY", "1Min", MAY, MAY) == []


def test_month_when_its_record_makes_no_sense_then_it_is_refused(shelf: Shelf) -> None:
    for wrong in (
        {"p_symbol": "NOBODY"},
        {"p_bars": 0},
        {"p_month": MARCH.date()},
        {"p_timeframe": "2Min"},
        {"p_key": ""},
    ):
        given = {"p_symbol": "SPY", "p_timeframe": "1Min", "p_month": "2017-03-01", "p_bars": 1, "p_key": "key"}
        with refused("BAD_ARCHIVED_MONTH", 422):
            shelf.ledger.call("record_archived_month", "fn_ingest", **(given | wrong))


def test_bars_between_when_there_are_more_than_a_page_then_all_come_once(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.core.ledger.history._PAGE", 3)
    record(shelf.ledger, [bar(MARCH + n * MINUTE) for n in range(7)])
    found = shelf.archiving.bars_between("SPY", "1Min", MARCH, MARCH + 6 * MINUTE)
    assert [one.starts_at for one in found] == [MARCH + n * MINUTE for n in range(6)], "the end is not within"


def test_archived_months_when_a_person_writes_then_postgres_refuses(shelf: Shelf) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shelf.ledger.run_as("authenticated", None, "delete from public.archived_months")


def _told(*times: datetime) -> list[Any]:
    return [BarData.model_validate(bar(at)) for at in times]
