"""Minute files as they come, and the proof of the gate on the vendor's."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import pytest

from functions.core.errors import BadInput, Misconfigured
from functions.core.events import BarData
from functions.core.market_calendar import Calendar, Session
from functions.ingest.quality.cleaning import clean
from functions.ingest.quality.findings import Unread, counted
from local.tape.raw_file import read_raw, symbol_of
from local.tape.sessions import MarketCalendar

REAL = os.environ.get("AGENTTRADER_DATA")
HEADER = "Datetime,Open,High,Low,Close,Volume,Dividends\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "spy-raw.csv"
    path.write_text(text)
    return path


def test_rows_when_some_cannot_be_read_then_they_are_kept_as_such(tmp_path: Path) -> None:
    good = "2019-12-13 11:00:00-05:00,316.54,316.62,316.4,316.54,0.0,0.0\n"
    wrong = ["2019-12-13 11:01:00-05:00,,,,,,1.57\n", "yesterday,1,1,1,1,1,0\n", "2019-12-13 11:02:00,1,1,1,1,1,0\n"]
    wrong += ["2019-12-13 11:02:00-05:00,2,1,1,1,1,0\n", "2019-12-13 11:02:00-05:00,nan,1,1,1,1,0\n"]
    first, *rest = read_raw(written(tmp_path, HEADER + good + "".join(wrong)), "SPY")
    assert isinstance(first, BarData)
    assert first.starts_at == datetime(2019, 12, 13, 16, tzinfo=UTC)
    assert [row.kind for row in rest if isinstance(row, Unread)] == ["malformed"] * 5
    assert symbol_of(tmp_path / "spy-raw.csv") == "SPY"


def test_row_when_it_cannot_be_read_then_its_line_and_what_was_expected_are_said_in_plain_words(tmp_path: Path) -> None:
    rows = ["yesterday,1,1,1,1,1,0\n", "2019-12-13 11:02:00,1,1,1,1,1,0\n", "2019-12-13 11:02:00-05:00,2,1,1,1,1,0\n"]
    said = [row.reason for row in read_raw(written(tmp_path, HEADER + "".join(rows)), "SPY") if isinstance(row, Unread)]
    assert said[0] == "line 2: no time: expected one such as 2013-10-07T13:30:00+00:00, was 'yesterday'"
    assert said[1].startswith("line 3: no time: expected an offset, such as 2019-12-13 11:02:00+00:00 for UTC, was")
    assert said[2].startswith("line 4: expected low <= open, close <= high, was")


def test_file_when_it_is_empty_then_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="was empty"):
        read_raw(written(tmp_path, ""), "SPY")


def test_file_when_it_is_none_of_minutes_then_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="BAD_FILE"):
        read_raw(written(tmp_path, "a,b\n1,2\n"), "SPY")
    with pytest.raises(Misconfigured, match="NO_FILE"):
        read_raw(tmp_path / "nothing.csv", "SPY")
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"no gzip")
    with pytest.raises(BadInput, match="BAD_FILE"):
        read_raw(broken, "SPY")


@pytest.mark.skipif(REAL is None, reason="AGENTTRADER_DATA does not name the folder with the vendor's minute files")
@pytest.mark.parametrize("symbol", ["SPY", "IWM"])
def test_gate_when_the_vendor_file_is_dirty_then_the_distinct_session_minutes_are_left_and_each_fault_is_listed(
    symbol: str, calendar: MarketCalendar
) -> None:
    path = Path(str(REAL)) / "minute" / f"{symbol}-raw-vendor-2019-12.csv.gz"
    sessions = calendar.between(date(2019, 12, 1), date(2020, 1, 31))
    judged = clean(read_raw(path, symbol), Calendar(Session(one.day, one.opens_at, one.closes_at) for one in sessions))

    # The same once more, from the bare text.
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    full = [row for row in rows if row["Close"]]
    times = [datetime.fromisoformat(row["Datetime"]).astimezone(UTC) for row in full]
    open_minutes = {one.opens_at + timedelta(minutes=index) for one in sessions for index in range(one.minutes)}
    minutes = sorted(set(times) & open_minutes)
    assert [bar.starts_at for bar in judged.bars] == minutes
    expected = {
        "duplicate": len(times) - len(set(times)),
        "disorder": sum(at < highest for at, highest in zip(times, accumulate(times, max), strict=True)),
        "gap": len({at for at in open_minutes if minutes[0] <= at <= minutes[-1]}) - len(minutes),
        "malformed": len(rows) - len(full),
        "session": len(set(times) - open_minutes),
    }
    assert counted(judged.findings) == {kind: count for kind, count in expected.items() if count}
    if symbol == "SPY":
        assert max(Counter(times).values()) == 13
        assert {at for at in times if at not in open_minutes} == {datetime(2019, 12, 24, 18, tzinfo=UTC)}
        assert sum(bar.starts_at.date() == date(2019, 12, 24) for bar in judged.bars) == 210
        assert not any(bar.starts_at.date() == date(2019, 12, 25) for bar in judged.bars)
        # Of a minute that was told before it was over, the numbers with the volume count.
        (told,) = [bar for bar in judged.bars if bar.starts_at == datetime(2020, 1, 15, 16, tzinfo=UTC)]
        assert told.volume == 109484
