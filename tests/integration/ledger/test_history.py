"""History over Postgres and the archive: nothing doubled, nothing lost, gaps stay gaps, splits applied."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from functions.core.errors import BadInput, Misconfigured
from functions.core.history.bars import Bar, Timeframe, packed
from functions.core.history.reading import history, history_frame
from functions.core.ledger.history import ArchivingLedger, Month
from tests.integration.ledger.archiving import Shelf
from tests.integration.ledger.ledger import Direct, Ledger, refused
from tests.integration.ledger.market import MINUTE, bar, months, record
from tests.unit.core.doubles import JournalledArchive

MARCH, APRIL, MAY = (datetime(2017, month, 10, 14, tzinfo=UTC) for month in (3, 4, 5))
FROM, UNTIL = datetime(2017, 1, 1, tzinfo=UTC), datetime(2017, 6, 1, tzinfo=UTC)


SYMBOLS = [f"HIST.{letter}" for letter in "ABCDEFGH"]
_next = iter(SYMBOLS)


@dataclass
class Share:
    """A share of a ledger and an archive that all tests of this file share: each has one of its own."""

    ledger: Ledger
    archive: JournalledArchive
    symbol: str

    def read(self, start: datetime = FROM, end: datetime = UNTIL, **more: Any) -> list[Any]:
        """As a strategy reads it."""
        return history(_Reached(self), self.symbol, "1Min", start, end, **more)

    def longer(self, timeframe: Timeframe, start: datetime = FROM, end: datetime = UNTIL) -> list[Bar]:
        return history(_Reached(self), self.symbol, timeframe, start, end)

    def act(self, actions: list[dict[str, Any]], **more: Any) -> int:
        given = {"p_symbol": self.symbol, "p_source": "test", "p_from": "2017-01-01", "p_to": "2017-12-31"}
        changed: int = self.ledger.call("record_corporate_actions", "fn_ingest", p_actions=actions, **(given | more))
        return changed


class _Reached:
    """What a strategy reaches."""

    def __init__(self, share: Share) -> None:
        self.ledger = Direct(share.ledger, "fn_strategy")
        self.archive = share.archive


def listed(ledger: Ledger, symbol: str) -> None:
    ledger.run("insert into public.instruments (symbol, kind, source) values (%s, 'equity', 'test')", symbol)


@pytest.fixture(scope="module")
def shelf(ledger: Ledger) -> Shelf:
    """Of each share: March left Postgres, April is in both, May in Postgres alone."""
    for name in months(ledger):
        ledger.run(f"drop table private.{name}")
    shelf = Shelf(ledger)
    for symbol in SYMBOLS:
        listed(ledger, symbol)
        record(ledger, [bar(at + n * MINUTE, symbol) for at in (MARCH, APRIL, MAY) for n in (0, 1, 3)])
    assert shelf.fill(MAY) == 2 * len(SYMBOLS)
    ledger.call("drop_old_bars", "fn_ingest", p_now=MAY, p_keep_months=2)
    return shelf


@pytest.fixture
def share(shelf: Shelf) -> Share:
    shelf.archive.journal.clear()
    return Share(shelf.ledger, shelf.archive, next(_next))


def test_history_when_months_lie_here_and_there_then_each_bar_comes_once_in_order_and_a_gap_stays(
    share: Share,
) -> None:
    found = share.read()
    assert [one.starts_at for one in found] == [at + n * MINUTE for at in (MARCH, APRIL, MAY) for n in (0, 1, 3)]
    assert share.ledger.one("select count(*) from public.bars where symbol = %s", share.symbol) == 6
    assert {one.feed for one in found} == {"test"}


def test_history_when_postgres_holds_a_month_whole_then_the_archive_is_not_asked(share: Share) -> None:
    share.archive.journal.clear()
    assert len(share.read(APRIL)) == 6
    assert share.archive.journal == []
    assert len(share.read(end=APRIL)) == 3
    assert share.archive.journal == [("archive get", f"bars/1Min/{share.symbol}/2017-03.parquet")]


def test_history_when_a_range_is_asked_for_then_its_start_is_within_and_its_end_is_not(share: Share) -> None:
    assert [one.starts_at for one in share.read(MARCH + MINUTE, APRIL + MINUTE)] == [
        MARCH + MINUTE, MARCH + 3 * MINUTE, APRIL,
    ]  # fmt: skip
    with pytest.raises(BadInput, match="BAD_RANGE"):
        share.read(MARCH, MARCH)
    with pytest.raises(ValueError, match="time zone"):
        share.read(datetime(2017, 1, 1))  # noqa: DTZ001 - what is refused


def test_history_when_a_bar_of_an_archived_month_is_corrected_then_postgres_has_the_last_word(share: Share) -> None:
    record(share.ledger, [bar(MARCH + MINUTE, share.symbol, close="12")])
    assert [one.close for one in share.read(end=APRIL)] == [Decimal(11), Decimal(12), Decimal(11)]


def test_history_when_an_object_is_gone_then_it_is_said_and_not_passed_over(share: Share) -> None:
    del share.archive.objects[f"bars/1Min/{share.symbol}/2017-03.parquet"]
    with pytest.raises(Misconfigured, match=r"LOST_OBJECT.*2017-03"):
        share.read()


def test_history_when_there_was_a_split_then_prices_before_it_are_adjusted_as_of_the_end(share: Share) -> None:
    split = {"kind": "split", "ex_date": "2017-05-10", "ratio": "2"}
    assert share.act([split, {"kind": "cash_dividend", "ex_date": "2017-04-10", "amount": "1.1"}]) == 2
    assert [one.close for one in share.read()] == [Decimal("5.5")] * 6 + [Decimal(11)] * 3
    assert {one.close for one in share.read(end=MAY.replace(day=9))} == {Decimal(11)}, "it had not happened yet"
    assert {one.close for one in share.read(adjusted="none")} == {Decimal(11)}
    with pytest.raises(Exception, match="NO_REFERENCE_PRICE"):
        share.read(adjusted="all")


def test_history_when_longer_bars_are_of_a_month_that_the_archive_alone_has_then_they_are_made_of_its_minutes(
    share: Share,
) -> None:
    sessions = [
        {"date": f"{at:%Y-%m-%d}", "opens_at": at.isoformat(), "closes_at": (at + 8 * MINUTE).isoformat()}
        for at in (MARCH, APRIL, MAY)
    ]
    share.ledger.call("upsert_calendar", "fn_ingest", p_sessions=sessions, p_source="test")
    try:
        share.archive.journal.clear()
        (five,) = share.longer("5Min")
        assert share.archive.journal == [("archive get", f"bars/1Min/{share.symbol}/2017-03.parquet")]
        numbers = [Decimal(number) for number in (10, 12, 9, 11, 300)]
        assert [five.open, five.high, five.low, five.close, five.volume] == numbers
        assert (five.starts_at, five.ends_at, five.feed) == (MARCH, MARCH + 5 * MINUTE, "test")
        (day,) = share.longer("1Day")
        assert (day.starts_at, day.ends_at) == (MARCH, MARCH + 8 * MINUTE), "later minutes end it"
        assert share.longer("5Min", MARCH + MINUTE) == []

        share.act([{"kind": "split", "ex_date": "2017-05-10", "ratio": "2"}])
        assert [one.close for one in share.longer("1Day")] == [Decimal("5.5")]
        # Where the archive has all of them, minutes are not opened.
        key = f"bars/1Day/{share.symbol}/2017-03.parquet"
        share.archive.objects[key] = packed([day])
        month = Month(symbol=share.symbol, timeframe="1Day", month=MARCH.date().replace(day=1))
        assert ArchivingLedger(Direct(share.ledger, "fn_ingest")).record_archived_month(month, bars=1, key=key)
        share.archive.journal.clear()
        assert len(share.longer("1Day")) == 1
        assert share.archive.journal == [("archive get", key)]
        # What Postgres has of it is the last word.
        record(share.ledger, [bar(MARCH, share.symbol, timeframe="1Day", ends_at=day.ends_at.isoformat(), close="12")])
        assert [one.close for one in share.longer("1Day")] == [Decimal(6)]
    finally:
        share.ledger.run("delete from public.market_calendar where source = 'test' and session_date < '2018-01-01'")


def test_history_frame_when_read_then_its_prices_are_floats(share: Share) -> None:
    table = history_frame(_Reached(share), share.symbol, "1Min", FROM, UNTIL)
    assert (table.height, str(table.schema["close"]), table["close"].to_list()[0]) == (9, "Float64", 11.0)


# --- corporate actions ---------------------------------------------------------------------------------------------

SPLIT = {"kind": "split", "ex_date": "2017-05-10", "ratio": "2", "source_id": "s"}
PAID = {"kind": "cash_dividend", "ex_date": "2017-04-10", "amount": "1.1", "source_id": "d"}


_number = count(1)


@pytest.fixture
def acted(ledger: Ledger) -> Share:
    """A share of which nothing has been told."""
    symbol = f"ACT{next(_number)}"
    listed(ledger, symbol)
    return Share(ledger, JournalledArchive([]), symbol)


def known(acted: Share) -> list[tuple[Any, ...]]:
    return acted.ledger.rows(
        "select kind, ex_date::text, special, coalesce(trim_scale(ratio), trim_scale(amount))::text "
        "from public.corporate_actions where symbol = %s and withdrawn_at is null order by 2, 1, 3",
        acted.symbol,
    )


def test_actions_when_told_again_then_nothing_changes_and_a_correction_does(acted: Share) -> None:
    assert acted.act([SPLIT, PAID]) == 2
    assert acted.act([PAID, SPLIT, PAID]) == 0
    assert acted.act([SPLIT | {"ratio": "3"}, PAID]) == 1
    assert known(acted) == [("cash_dividend", "2017-04-10", False, "1.1"), ("split", "2017-05-10", False, "3")]


def test_dividends_when_two_are_of_one_date_then_both_count(acted: Share) -> None:
    acted.act([PAID, PAID | {"source_id": "e"}, PAID | {"special": True, "amount": "5"}])
    assert known(acted) == [
        ("cash_dividend", "2017-04-10", False, "2.2"),
        ("cash_dividend", "2017-04-10", True, "5"),
    ]


def test_action_when_its_source_takes_it_back_then_it_counts_no_more_and_is_still_on_record(acted: Share) -> None:
    acted.act([SPLIT, PAID])
    assert acted.act([], p_from="2017-05-01") == 1, "the dividend was not asked about"
    assert known(acted) == [("cash_dividend", "2017-04-10", False, "1.1")]
    assert acted.act([SPLIT, PAID]) == 1


def test_dividends_when_known_then_the_instrument_says_their_ex_dates(acted: Share) -> None:
    acted.act([PAID, PAID | {"ex_date": "2017-07-10"}])
    dates = "select array_to_string(ex_dividend_dates, ',') from public.instruments where symbol = %s"
    assert acted.ledger.one(dates, acted.symbol) == "2017-04-10,2017-07-10"
    acted.act([PAID])
    assert acted.ledger.one(dates, acted.symbol) == "2017-04-10"


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            SPLIT | wrong
            for wrong in ({"ratio": "0"}, {"ratio": "1"}, {"ratio": None}, {"amount": "1"}, {"special": True})
        ),
        *(PAID | wrong for wrong in ({"amount": "-1"}, {"ratio": "2"}, {"kind": "merger"}, {"ex_date": "2018-01-01"})),
        PAID | {"ex_date": None},
    ],
    ids=str,
)
def test_action_when_it_makes_no_sense_then_nothing_of_the_list_is_stored(acted: Share, wrong: dict[str, Any]) -> None:
    with refused("BAD_CORPORATE_ACTIONS", 422):
        acted.act([PAID | {"ex_date": "2017-02-01"}, wrong])
    assert known(acted) == []


def test_action_when_the_symbol_is_unknown_then_it_is_refused(acted: Share) -> None:
    with refused("UNKNOWN_SYMBOL", 422):
        acted.act([SPLIT], p_symbol="NOBODY")
