"""Market data: bars by month, latest quotes, marks, options, the calendar. Nothing older takes a newer one's place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from functions.core.ledger.market_data import (
    ListedInstrument,
    ListedOption,
    Mark,
    MarketDataLedger,
    OptionQuote,
    TickStep,
)
from tests.integration.ledger.desk import NOON, Desk, calling, fill_of
from tests.integration.ledger.ledger import THREADS, Connection, Ledger, become, call, refused

JANUARY = datetime(2018, 1, 31, 23, 58, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CALL = "SPY181221C00250000"


class _Direct:
    """The typed calls as `fn_ingest`, over a direct connection."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        return self._ledger.call(function, "fn_ingest", **arguments)


@pytest.fixture
def market(fresh_ledger: Ledger) -> MarketDataLedger:
    return MarketDataLedger(_Direct(fresh_ledger))


def bar(at: datetime = JANUARY, symbol: str = "SPY", **more: Any) -> dict[str, Any]:
    told = {"symbol": symbol, "timeframe": "1Min", "starts_at": at.isoformat(), "ends_at": (at + MINUTE).isoformat()}
    prices = {"open": "10", "high": "12", "low": "9", "close": "11", "volume": "100", "feed": "test"}
    return told | prices | more


def quote(at: datetime = NOON, **more: Any) -> dict[str, Any]:
    sizes = {"bid": "10", "ask": "11", "bid_size": "1", "ask_size": "2"}
    return {"symbol": "SPY", "quoted_at": at.isoformat(), "feed": "test"} | sizes | more


def mark(at: datetime = NOON, price: str = "10", **more: Any) -> dict[str, Any]:
    return {"symbol": "SPY", "mark": price, "marked_at": at.isoformat(), "source": "test"} | more


def record(ledger: Ledger, bars: Sequence[dict[str, Any]], quotes: Sequence[dict[str, Any]] = ()) -> int:
    written: int = ledger.call("record_market_data", "fn_ingest", p_bars=list(bars), p_quotes=list(quotes))
    return written


def months(ledger: Ledger) -> list[str]:
    """The tables of schema private that hold bars."""
    return [
        name
        for (name,) in ledger.rows(
            "select c.relname::text from pg_inherits as h join pg_class as c on c.oid = h.inhrelid "
            "where h.inhparent = 'public.bars'::regclass and c.relnamespace = 'private'::regnamespace order by 1"
        )
    ]


@pytest.fixture
def empty(fresh_ledger: Ledger) -> Ledger:
    """A ledger without a month of bars."""
    for name in months(fresh_ledger):
        fresh_ledger.run(f"drop table private.{name}")
    return fresh_ledger


@contextmanager
def open_transaction(ledger: Ledger) -> Iterator[Connection]:
    """A session that keeps its locks while the test goes on, and then takes everything back."""
    with ledger.session() as connection:
        yield connection
        connection.rollback()


# --- bars ----------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    "wrong",
    [{"bid": "0"}, {"bid": "12"}, {"ask": "NaN"}, {"bid_size": "-1"}, {"quoted_at": "infinity"}, {"feed": None}],
)
def test_quote_when_it_makes_no_sense_then_it_is_refused(ledger: Ledger, wrong: dict[str, Any]) -> None:
    with refused("BAD_MARKET_DATA", 422):
        record(ledger, [], [quote() | wrong])


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


# --- retention -----------------------------------------------------------------------------------------------------


def _a_year(ledger: Ledger) -> None:
    record(ledger, [bar(datetime(2017, month, 10, tzinfo=UTC)) for month in range(1, 13)])


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


# --- quotes and marks ----------------------------------------------------------------------------------------------


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


# --- instruments ---------------------------------------------------------------------------------------------------


def test_instruments_when_listed_then_what_a_source_leaves_out_stays(
    market: MarketDataLedger, fresh_ledger: Ledger
) -> None:
    steps = (TickStep(start=Decimal(0), tick=Decimal("0.05")), TickStep(start=Decimal(3), tick=Decimal("0.10")))
    xyz = ListedInstrument(
        symbol="XYZ", kind="equity", sector="Energy", ex_dividend_dates=(date(2018, 3, 16), date(2018, 6, 15))
    )
    option = ListedInstrument(symbol=CALL, kind="option", ticks=steps, style="american")
    assert market.upsert_instruments([xyz, option], "list one", date(2018, 2, 5)) == 2
    assert market.upsert_instruments([xyz, option], "list one", date(2018, 2, 5)) == 0
    renamed = ListedInstrument(symbol="XYZ", kind="equity", name="Xyz Inc.", tradable=False)
    assert market.upsert_instruments([renamed], "list two", date(2018, 2, 6)) == 1
    assert market.upsert_instruments([xyz], "list one", date(2018, 2, 5)) == 0, "an older list changes nothing"
    assert fresh_ledger.rows(
        "select name, sector, ex_dividend_dates[2], tradable, source, as_of from public.instruments "
        "where symbol = 'XYZ'"
    ) == [("Xyz Inc.", "Energy", date(2018, 6, 15), False, "list two", date(2018, 2, 6))]
    assert fresh_ledger.rows(
        "select multiplier, strike, private.tick_at(symbol, 3) from public.instruments where symbol = %s", CALL
    ) == [(100, 250, Decimal("0.10"))]


@pytest.mark.parametrize(
    "wrong",
    [
        {"symbol": "spy"},
        {"kind": "bond"},
        {"kind": None},
        {"multiplier": "0"},
        {"multiplier": "NaN"},
        {"lot": "-1"},
        {"ticks": [{"from": "0", "tick": "Infinity"}]},
        {"expires_on": "infinity"},
        {"kind": "option"},
        {"strike": "5"},
    ],
    ids=str,
)
def test_instrument_when_it_makes_no_sense_then_the_list_is_refused(ledger: Ledger, wrong: dict[str, Any]) -> None:
    good = {"symbol": "AAA", "kind": "equity"}
    with refused("BAD_INSTRUMENT", 422):
        ledger.call(
            "upsert_instruments",
            "fn_ingest",
            p_instruments=[good, {"symbol": "BBB", "kind": "equity"} | wrong],
            p_source="test",
            p_as_of=date(2018, 2, 5),
        )
    assert ledger.one("select count(*) from public.instruments where symbol in ('AAA', 'BBB')") == 0


def test_instrument_when_it_was_traded_then_kind_and_multiplier_stay(fresh_desk: Desk) -> None:
    fresh_desk.place()
    market = MarketDataLedger(_Direct(fresh_desk.ledger))
    for wrong in (
        ListedInstrument(symbol="SPY", kind="equity", multiplier=Decimal(10)),
        ListedInstrument(symbol="SPY", kind="crypto"),
    ):
        with refused("TERMS_ARE_FIXED", 409):
            market.upsert_instruments([wrong], "test", date(2030, 1, 1))
    market.upsert_instruments([ListedInstrument(symbol="IWM", kind="crypto")], "test", date(2030, 1, 1))


# --- options -------------------------------------------------------------------------------------------------------


def _listed(at: datetime = NOON, **more: Any) -> ListedOption:
    return ListedOption(**({"symbol": CALL, "feed": "indicative", "delay_seconds": 900, "listed_at": at} | more))


def _option_quote(at: datetime = NOON, **more: Any) -> OptionQuote:
    sizes = {"bid": "0", "ask": "0.05", "bid_size": "0", "ask_size": "7"}
    return OptionQuote(**({"symbol": CALL, "feed": "opra", "quoted_at": at, "delta": "-0.02"} | sizes | more))


def test_options_when_recorded_then_terms_are_the_instruments_and_older_news_changes_nothing(
    market: MarketDataLedger, fresh_ledger: Ledger
) -> None:
    market.upsert_instruments([ListedInstrument(symbol=CALL, kind="option")], "test", date(2018, 2, 5))
    assert market.record_option_data([_listed(open_interest=5)], [_option_quote()]) == 2
    assert market.record_option_data([_listed(open_interest=5)], [_option_quote()]) == 0
    older = NOON - MINUTE
    assert market.record_option_data([_listed(older, open_interest=9)], [_option_quote(older, ask="9")]) == 0
    assert market.record_option_data([], [_option_quote(NOON + MINUTE, bid="0.01")]) == 1
    assert fresh_ledger.rows(
        "select c.underlying, c.expires_on, c.option_right, c.strike, c.open_interest, c.feed, c.delay_seconds, q.bid, "
        "q.ask, q.delta, q.feed from public.option_contracts as c join public.option_quotes_latest as q using (symbol)"
    ) == [
        ("SPY", date(2018, 12, 21), "call", 250, 5, "indicative", 900, *map(Decimal, ("0.01", "0.05", "-0.02")), "opra")
    ]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        fresh_ledger.run("update public.option_contracts set strike = 999")


@pytest.mark.parametrize(
    ("contract", "told", "code"),
    [
        ({}, {"bid": "-1"}, "BAD_OPTION_DATA"),
        ({}, {"ask": "NaN"}, "BAD_OPTION_DATA"),
        ({}, {"bid": "1", "ask": "0.5"}, "BAD_OPTION_DATA"),
        ({}, {"bid": "0", "ask": "0"}, "BAD_OPTION_DATA"),
        ({}, {"delta": "1.5"}, "BAD_OPTION_DATA"),
        ({}, {"implied_volatility": "-0.1"}, "BAD_OPTION_DATA"),
        ({}, {"quoted_at": "infinity"}, "BAD_OPTION_DATA"),
        ({"listed_at": "infinity"}, {}, "BAD_OPTION_DATA"),
        ({"open_interest": -1}, {}, "BAD_OPTION_DATA"),
        ({"close_price": "Infinity"}, {}, "BAD_OPTION_DATA"),
        ({"feed": None}, {}, "BAD_OPTION_DATA"),
        ({"symbol": "SPY"}, {}, "UNKNOWN_SYMBOL"),
        ({"symbol": "NOBODY"}, {}, "UNKNOWN_SYMBOL"),
        ({}, {"symbol": "SPY"}, "UNKNOWN_SYMBOL"),
    ],
    ids=str,
)
def test_option_when_it_makes_no_sense_then_nothing_of_the_batch_is_stored(
    market: MarketDataLedger, fresh_ledger: Ledger, contract: dict[str, Any], told: dict[str, Any], code: str
) -> None:
    market.upsert_instruments([ListedInstrument(symbol=CALL, kind="option")], "test", date(2018, 2, 5))
    arguments = {
        "p_contracts": [_listed().model_dump(mode="json") | contract],
        "p_quotes": [_option_quote().model_dump(mode="json") | told],
    }
    with refused(code, 422):
        fresh_ledger.call("record_option_data", "fn_ingest", **arguments)
    assert fresh_ledger.one("select count(*) from public.option_contracts") == 0


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


def test_typed_marks_when_sent_then_prices_are_text(market: MarketDataLedger, fresh_ledger: Ledger) -> None:
    told = Mark(symbol="SPY", mark=Decimal("10.0000000001"), marked_at=NOON, source="quote iex")
    assert market.upsert_marks([told]) == 1
    assert fresh_ledger.one("select mark from public.position_marks") == told.mark
    assert market.prepare_bar_months(NOON) >= 0
    assert market.drop_old_bars(NOON) == []


def test_bars_when_a_signed_in_user_writes_then_postgres_refuses(fresh_ledger: Ledger) -> None:
    with fresh_ledger.session() as connection:
        become(connection, "authenticated")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from public.bars")
