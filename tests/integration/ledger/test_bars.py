"""Bars: one table a month, made when it is needed, dropped when it is old; the same bars again change nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.integration.ledger.archiving import Shelf
from tests.integration.ledger.desk import NOON, calling
from tests.integration.ledger.ledger import THREADS, Connection, Ledger, become, call, refused
from tests.integration.ledger.market import JANUARY, MINUTE, bar, months, open_transaction, quote, record


@pytest.fixture
def empty(fresh_ledger: Ledger) -> Ledger:
    """A ledger without a month of bars."""
    for name in months(fresh_ledger):
        fresh_ledger.run(f"drop table private.{name}")
    return fresh_ledger


def test_bars_when_recorded_again_then_nothing_changes_and_a_corrected_one_does(empty: Ledger) -> None:
    bars = [bar(JANUARY + n * MINUTE) for n in range(5)]
    assert record(empty, bars) == 5
    assert record(empty, bars) == 0
    assert record(empty, [*bars[:-1], bars[-1] | {"close": "12"}]) == 1
    assert record(empty, [bars[0] | {"close": "9.5"}, bars[0]]) == 0, "the last word in a batch counts"
    assert empty.rows("select close::text from public.bars order by starts_at")[-1] == ("12.0000000000",)


def test_bars_when_they_cross_a_month_then_each_lies_in_its_own_closed_table(empty: Ledger) -> None:
    record(empty, [bar(JANUARY + n * MINUTE) for n in range(4)])
    assert months(empty) == ["bars_2018_01", "bars_2018_02"]
    assert empty.rows("select tableoid::regclass::text, count(*) from public.bars group by 1 order by 1") == [
        ("private.bars_2018_01", 2),
        ("private.bars_2018_02", 2),
    ]
    assert (
        empty.rows(
            "select relname::text from pg_class where relname ~ '^bars_2018_..$' "
            "and (not relrowsecurity or relacl is not null)"
        )
        == []
    )
    empty.run_as("authenticated", None, "select * from public.bars")
    for role in ("anon", "authenticated", "service_role", "fn_ingest"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            empty.run_as(role, None, "select * from private.bars_2018_01")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            empty.run_as(role, None, "insert into public.bars select * from public.bars")


def test_bars_when_eight_need_the_same_new_months_at_once_then_every_bar_is_there(empty: Ledger) -> None:
    begins = [datetime(year, month, 1, tzinfo=UTC) for year in (2015, 2016) for month in range(1, 13)]

    def writing(turn: int) -> Callable[[Connection], int]:
        # Each names the months in another order, and needs a minute of its own beside one that all write.
        mine = begins[turn:] + begins[:turn]
        bars = [bar(at + n * MINUTE) for at in mine for n in (0, turn + 1)]
        return calling("record_market_data", "fn_ingest", p_bars=bars)

    written = empty.at_once(*[writing(turn) for turn in range(THREADS)])
    assert sum(written) == len(begins) * (THREADS + 1)
    assert empty.one("select count(*) from public.bars") == len(begins) * (THREADS + 1)
    assert len(months(empty)) == len(begins)


def test_month_when_it_is_made_then_nobody_who_reads_or_writes_is_waited_for(empty: Ledger) -> None:
    record(empty, [bar()])
    with open_transaction(empty) as reader, open_transaction(empty) as writer, empty.session() as maker:
        reader.execute("select * from public.bars")
        call(writer, "record_market_data", "fn_ingest", p_bars=[bar(JANUARY - MINUTE)])
        maker.execute("set local lock_timeout = '1s'")
        call(maker, "prepare_bar_months", "fn_ingest", p_now=JANUARY, p_ahead=3)
        # And the other way round: while the new months are not committed, the others go on.
        reader.execute("set local lock_timeout = '1s'")
        reader.execute("select * from public.bars")
        writer.execute("set local lock_timeout = '1s'")
        call(writer, "record_market_data", "fn_ingest", p_bars=[bar(JANUARY - 2 * MINUTE)])
    assert len(months(empty)) == 4


def test_batch_when_one_bar_is_bad_then_neither_bars_nor_month_stay(empty: Ledger) -> None:
    with refused("BAD_MARKET_DATA", 422):
        record(empty, [bar(), bar(JANUARY + 3 * MINUTE, low="13")], [quote()])
    assert (months(empty), empty.one("select count(*) from public.quotes_latest")) == ([], 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"open": "NaN"},
        {"close": "Infinity"},
        {"low": "-1"},
        {"low": "0"},
        {"volume": "-1"},
        {"volume": None},
        {"high": "1e30"},
        {"high": "10.5"},
        {"timeframe": "2Min"},
        {"feed": ""},
        {"delay_seconds": -1},
        {"ends_at": "infinity"},
        {"ends_at": JANUARY.isoformat()},
        {"starts_at": "-infinity"},
        {"starts_at": "1815-06-18T00:00Z"},
        {"starts_at": "yesterday noon"},
        {"starts_at": None},
    ],
    ids=str,
)
def test_bar_when_it_makes_no_sense_then_it_is_refused(ledger: Ledger, wrong: dict[str, Any]) -> None:
    with refused("BAD_MARKET_DATA", 422):
        record(ledger, [bar() | wrong])


def test_bars_when_asked_for_then_only_the_months_that_are_needed_are_read(empty: Ledger) -> None:
    begins = [datetime(2017, month, 28, tzinfo=UTC) for month in range(1, 13)]
    record(empty, [bar(at + n * MINUTE) for at in begins for n in range(10)])
    until = begins[6] + 5 * MINUTE
    found = empty.call("bars_until", "fn_strategy", p_symbol="SPY", p_timeframe="1Min", p_until=until, p_limit=12)
    assert [row["ends_at"] for row in found] == sorted(row["ends_at"] for row in found)
    assert datetime.fromisoformat(found[-1]["ends_at"]) == until
    assert len(found) == 12
    values = {"p_symbol": "'SPY'", "p_timeframe": "'1Min'", "p_until": f"'{until.isoformat()}'", "p_limit": "12"}
    assert _months_read(empty, "bars_until", values) == {"bars_2017_06", "bars_2017_07"}
    assert _months_read(empty, "latest_bar_end", values) == {"bars_2017_12"}
    assert empty.call("latest_bar_end", "fn_ingest", p_symbol="SPY", p_timeframe="1Min") == begins[-1] + 10 * MINUTE
    assert empty.call("latest_bar_end", "fn_ingest", p_symbol="IWM", p_timeframe="1Min") is None


def _months_read(ledger: Ledger, function: str, values: dict[str, str]) -> set[str]:
    """The partitions that the function's own query looks into."""
    body = ledger.one("select prosrc from pg_proc where proname = %s", function)
    query = re.sub(r"p_\w+", lambda name: values[name.group()], body.split("return", 1)[1].rsplit(";", 2)[0])
    plan = "\n".join(
        row for (row,) in ledger.rows(f"explain (analyze, costs off, timing off, summary off) select {query}")
    )
    return set(re.findall(r"on (bars_\d{4}_\d\d) \S+ \(actual", plan))


def test_bars_when_a_signed_in_user_writes_then_postgres_refuses(fresh_ledger: Ledger) -> None:
    with fresh_ledger.session() as connection:
        become(connection, "authenticated")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from public.bars")


# --- retention -----------------------------------------------------------------------------------------------------


def _a_year(ledger: Ledger) -> None:
    """All of it archived, so that it may go."""
    record(ledger, [bar(datetime(2017, month, 10, tzinfo=UTC)) for month in range(1, 13)])
    Shelf(ledger).fill(datetime(2018, 1, 1, tzinfo=UTC))


def test_old_bars_when_dropped_then_whole_months_go_and_the_kept_ones_stay(empty: Ledger) -> None:
    _a_year(empty)
    now = datetime(2017, 12, 31, 23, 59, 59, tzinfo=UTC)
    dropped = empty.call("drop_old_bars", "fn_ingest", p_now=now, p_keep_months=3)
    assert dropped == [f"bars_2017_{month:02}" for month in range(1, 10)]
    assert months(empty) == ["bars_2017_10", "bars_2017_11", "bars_2017_12"]
    assert empty.call("drop_old_bars", "fn_ingest", p_now=now, p_keep_months=3) == []
    assert empty.call("drop_old_bars", "fn_ingest", p_now=now, p_keep_months=1) == ["bars_2017_10", "bars_2017_11"]
    assert empty.one("select count(*) from public.bars") == 1, "the running month is never dropped"


def test_old_bars_when_nothing_is_said_then_the_setting_decides(empty: Ledger) -> None:
    _a_year(empty)
    now = datetime(2017, 12, 5, tzinfo=UTC)
    assert empty.call("drop_old_bars", "fn_ingest", p_now=now) == []
    empty.run("update private.settings set value = '11' where name = 'bars_keep_months'")
    assert empty.call("drop_old_bars", "fn_ingest", p_now=now) == ["bars_2017_01"]
    empty.run("update private.settings set value = 'a year' where name = 'bars_keep_months'")
    with refused("BAD_RETENTION", 422):
        empty.call("drop_old_bars", "fn_ingest", p_now=now)


def test_old_bars_when_the_clock_runs_ahead_or_behind_then_no_kept_bar_goes(empty: Ledger) -> None:
    _a_year(empty)
    empty.call("prepare_bar_months", "fn_ingest", p_now=datetime(2030, 1, 1, tzinfo=UTC))
    for wrong in (datetime(2099, 1, 1, tzinfo=UTC), datetime(1999, 1, 1, tzinfo=UTC)):
        empty.call("drop_old_bars", "fn_ingest", p_now=wrong, p_keep_months=12)
        assert empty.one("select count(*) from public.bars") == 12


@pytest.mark.parametrize(("now", "keep"), [(NOON, 0), (NOON, -1), ("infinity", 1), (None, 1)])
def test_old_bars_when_the_call_makes_no_sense_then_it_is_refused(ledger: Ledger, now: Any, keep: int) -> None:
    with refused("BAD_RETENTION", 422):
        ledger.call("drop_old_bars", "fn_ingest", p_now=now, p_keep_months=keep)


def test_old_bars_when_somebody_reads_for_long_then_dropping_is_left_for_the_next_time(empty: Ledger) -> None:
    _a_year(empty)
    with open_transaction(empty) as reader:
        reader.execute("select * from public.bars")
        assert empty.call("drop_old_bars", "fn_ingest", p_now=NOON + timedelta(days=2000), p_keep_months=1) == []
    assert len(months(empty)) == 12
