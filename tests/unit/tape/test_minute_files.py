"""Real minute files: what is taken, what is dropped, what is refused."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from functions.backtest.market import Quote
from functions.core.errors import BadInput, Misconfigured
from local.tape.minute import FileTape
from local.tape.minute_files import QUOTE_COLUMNS, read_bars
from local.tape.sessions import MarketCalendar
from tests.unit.tape.days import DAY, GOOD, write_bars

REAL = os.environ.get("AGENTTRADER_DATA")


def test_minutes_when_rows_lie_outside_the_session_then_they_are_left_out(
    calendar: MarketCalendar, tmp_path: Path
) -> None:
    write_bars(tmp_path, GOOD)
    tape = FileTape(["SPY"], DAY, DAY, folder=tmp_path, calendar=calendar)
    minutes = list(tape.minutes(tape.sessions[0]))
    assert len(minutes) == 390
    bars = [bar for minute in minutes for bar in minute.bars]
    assert [bar.starts_at.minute for bar in bars] == [30, 31]
    assert bars[0].open == Decimal("167.43")
    assert minutes[5].ticks == ()


def test_minutes_when_there_is_no_quote_file_then_the_spread_is_the_stated_one(
    calendar: MarketCalendar, tmp_path: Path
) -> None:
    write_bars(tmp_path, GOOD)
    tape = FileTape(["SPY"], DAY, DAY, folder=tmp_path, calendar=calendar)
    quotes = [tick for tick in next(tape.minutes(tape.sessions[0])).ticks if isinstance(tick, Quote)]
    assert [(quote.bid + quote.ask) / 2 for quote in quotes] == [
        Decimal(price) for price in ("167.43", "167.41", "167.52", "167.44")
    ]
    assert {quote.ask - quote.bid for quote in quotes} == {Decimal("0.02")}
    assert "0.02" in tape.description


def test_minutes_when_a_minute_falls_then_its_high_comes_before_its_low(
    calendar: MarketCalendar, tmp_path: Path
) -> None:
    write_bars(tmp_path, GOOD)
    path = tmp_path / "minute" / "SPY-2013-10-07-quotes.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write(",".join(QUOTE_COLUMNS) + "\n")
        file.write("2013-10-07T13:30:00Z,10.5,10.9,10.1,10.2,300,10.6,11.0,10.2,10.3,400\n")
    tape = FileTape(["SPY"], DAY, DAY, folder=tmp_path, calendar=calendar)
    ticks = next(tape.minutes(tape.sessions[0])).ticks
    assert [str(tick.bid) for tick in ticks if isinstance(tick, Quote)] == ["10.5", "10.9", "10.1", "10.2"]
    assert isinstance(ticks[0], Quote)
    assert (ticks[0].bid_size, ticks[0].ask_size) == (Decimal(300), Decimal(400))


def test_read_bars_when_a_row_is_repeated_word_for_word_then_it_is_dropped_and_counted(tmp_path: Path) -> None:
    read = read_bars(write_bars(tmp_path, [GOOD[0], GOOD[0], GOOD[1], GOOD[1], GOOD[1]]))
    assert (len(read.rows), read.repeats) == (2, 3)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ((GOOD[1], GOOD[0]), "times must rise"),
        ((GOOD[0], GOOD[0].replace("141005", "7")), "times must rise"),
        ((GOOD[0], "2013-10-07T13:30:00Z,nan,167.52,167.41,167.44,1"), "finite number"),
        ((GOOD[0], "2013-10-07T13:30:00Z,-1,167.52,167.41,167.44,1"), "above zero"),
        ((GOOD[0], "2013-10-07T13:30:00Z,0,167.52,167.41,167.44,1"), "above zero"),
        ((GOOD[0], "2013-10-07T13:30:00Z,1e400,167.52,167.41,167.44,1"), "an amount that the ledger can hold"),
        ((GOOD[0], "2013-10-07T13:30:00Z,167.43,167.40,167.41,167.44,1"), "expected low <= open"),
        ((GOOD[0], "2013-10-07T13:30:00Z,167.43,167.52,167.41,167.44,-5"), "not below zero"),
        ((GOOD[0], "2013-10-07T13:30:00Z,167.43,167.52,167.41,167.44,1.5"), "whole number"),
        ((GOOD[0], "2013-10-07T13:30:00Z,167.43000001,167.52,167.41,167.44,1"), "multiple of 0.0001"),
        ((GOOD[0], "2013-10-07 13:30,167.43,167.52,167.41,167.44,1"), "time zone"),
        ((GOOD[0], "soon,167.43,167.52,167.41,167.44,1"), "UTC time"),
        ((GOOD[0], "2013-10-07T13:30:00Z,167.43"), "expected 6 cells"),
        ((GOOD[0], "2013-10-07T13:30:00Z,,167.52,167.41,167.44,1"), "must be a number"),
    ],
)
def test_read_bars_when_a_row_is_wrong_then_the_file_and_the_line_are_named(
    rows: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    path = write_bars(tmp_path, rows)
    with pytest.raises(BadInput, match=says) as caught:
        read_bars(path)
    assert caught.value.code == "BAD_TAPE_ROW"
    assert f"{path.name}, line 3" in caught.value.text


def test_read_bars_when_the_columns_are_others_then_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="BAD_TAPE_FILE"):
        read_bars(write_bars(tmp_path, GOOD, header="Datetime,Open,High,Low,Close,Volume"))


@pytest.mark.parametrize(
    "content",
    [b"not gzip", gzip.compress(b"ts,open\n")[:-4], gzip.compress(b"\xff\xfe\xfa")],
    ids=["not gzip", "cut", "not text"],
)
def test_read_bars_when_the_file_is_damaged_then_it_is_refused(content: bytes, tmp_path: Path) -> None:
    path = write_bars(tmp_path, [])
    path.write_bytes(content)
    with pytest.raises(BadInput, match="BAD_TAPE_FILE"):
        read_bars(path)


def test_file_tape_when_a_day_is_missing_then_its_file_is_named(calendar: MarketCalendar, tmp_path: Path) -> None:
    write_bars(tmp_path, GOOD)
    with pytest.raises(Misconfigured, match="SPY-2013-10-08-bars"):
        FileTape(["SPY"], DAY, date(2013, 10, 8), folder=tmp_path, calendar=calendar)
    with pytest.raises(Misconfigured, match="NO_DATA_FOLDER"):
        FileTape(["SPY"], DAY, DAY, folder=tmp_path / "elsewhere", calendar=calendar)


def test_file_tape_when_no_row_lies_in_the_session_then_it_is_refused(calendar: MarketCalendar, tmp_path: Path) -> None:
    write_bars(tmp_path, GOOD[:1])
    with pytest.raises(BadInput, match="EMPTY_TAPE"):
        FileTape(["SPY"], DAY, DAY, folder=tmp_path, calendar=calendar)


@pytest.mark.skipif(REAL is None, reason="AGENTTRADER_DATA does not name the folder with the real minute files")
def test_minutes_when_the_file_is_real_then_every_minute_of_the_session_has_its_bar_and_quotes(
    calendar: MarketCalendar,
) -> None:
    tape = FileTape(["SPY"], DAY, DAY, folder=Path(str(REAL)), calendar=calendar)
    minutes = list(tape.minutes(tape.sessions[0]))
    assert sum(len(minute.bars) for minute in minutes) == 390
    assert all(minute.ticks for minute in minutes)
    assert minutes[0].bars[0].open == Decimal("167.43")
    assert minutes[-1].bars[0].close == Decimal("167.42")
    assert minutes[0].starts_at == datetime(2013, 10, 7, 13, 30, tzinfo=UTC)
    assert [session.day for session in tape.earlier] == [date(2013, 10, 4)]
    ticks = [tick for minute in minutes for tick in minute.ticks if isinstance(tick, Quote)]
    assert all(0 < tick.bid <= tick.ask for tick in ticks)
