"""Bars of 5 and 15 minutes, an hour and a day: rolled up from minutes, and only when they are over."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter

from functions.core.history.bars import Bar as StoredBar
from functions.core.history.bars import Timeframe
from functions.core.history.rolling import rolled_up
from functions.core.market_calendar import Calendar, Session
from functions.strategy.bars import Bars, to_price
from functions.strategy.rolling import rolled_up as columns_rolled_up
from tests.integration.ledger.desk import new_user
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.market import MINUTE, bar, record

# A whole session in January, a half day in the next month.
FIRST = (datetime(2018, 1, 31, 14, 30, tzinfo=UTC), datetime(2018, 1, 31, 21, tzinfo=UTC))
SECOND = (datetime(2018, 2, 1, 14, 30, tzinfo=UTC), datetime(2018, 2, 1, 18, tzinfo=UTC))
OPEN = FIRST[0]
SESSIONS = Calendar(Session(opens.date(), opens, closes) for opens, closes in (FIRST, SECOND))
_BAR = TypeAdapter(StoredBar)
LENGTHS: dict[Timeframe, int] = {"5Min": 5, "15Min": 15, "1Hour": 60, "1Day": 24 * 60}
Bar = dict[str, Any]


@pytest.fixture
def market(fresh_ledger: Ledger) -> Ledger:
    """A ledger that knows two sessions."""
    sessions = [
        {"date": f"{opens:%Y-%m-%d}", "opens_at": opens.isoformat(), "closes_at": closes.isoformat()}
        for opens, closes in (FIRST, SECOND)
    ]
    fresh_ledger.call("upsert_calendar", "fn_ingest", p_sessions=sessions, p_source="test")
    return fresh_ledger


def minute(at: datetime, close: str = "11", **more: Any) -> Bar:
    return bar(
        at, high=str(max(Decimal(close), Decimal(12))), low=str(min(Decimal(close), Decimal(9))), close=close, **more
    )


def told(ledger: Ledger, bars: Sequence[Bar]) -> list[tuple[str, datetime]]:
    """Stores minutes and rolls them up, as the worker does; timeframe and end of what came of it."""
    record(ledger, bars)
    rolled: list[Bar] = ledger.call(
        "roll_up_bars", "fn_ingest", p_symbol="SPY", p_from=bars[0]["starts_at"], p_until=bars[-1]["ends_at"]
    )
    return [(each["timeframe"], datetime.fromisoformat(each["ends_at"])) for each in rolled]


def stored(ledger: Ledger) -> list[tuple[Any, ...]]:
    return ledger.rows(
        "select timeframe, starts_at, ends_at, open, high, low, close, volume, feed from public.bars "
        "where timeframe <> '1Min' order by ends_at, starts_at desc"
    )


def by_hand(minutes: Sequence[Bar]) -> list[tuple[Any, ...]]:
    """The same in plain Python: every period that the newest of these minutes shows to be over."""
    read = sorted((datetime.fromisoformat(each["starts_at"]), each) for each in minutes)
    over = read[-1][0] + MINUTE
    found = []
    for opens, closes in (FIRST, SECOND):
        for timeframe, length in LENGTHS.items():
            start = opens
            while start < closes:
                end = min(start + length * MINUTE, closes)
                inside = [each for at, each in read if start <= at < end]
                if inside and end <= over and read[0][0] <= start:
                    prices = (
                        Decimal(inside[0]["open"]),
                        max(Decimal(each["high"]) for each in inside),
                        min(Decimal(each["low"]) for each in inside),
                        Decimal(inside[-1]["close"]),
                        sum(Decimal(each["volume"]) for each in inside),
                    )
                    found.append((timeframe, start, end, *prices, "test"))
                start = end
    return sorted(found, key=lambda each: (each[2], -each[1].timestamp()))


def in_python(minutes: Sequence[Bar]) -> list[tuple[Any, ...]]:
    """As `history()` rolls up what only the archive has."""
    read = sorted((_BAR.validate_python(each) for each in minutes), key=lambda each: each.starts_at)
    found = [
        (name, each.starts_at, each.ends_at, each.open, each.high, each.low, each.close, each.volume, each.feed)
        for name in LENGTHS
        for each in rolled_up(read, name, SESSIONS)
    ]
    return sorted(found, key=lambda each: (each[2], -each[1].timestamp()))


def in_ticks(minutes: Sequence[Bar]) -> list[tuple[Any, ...]]:
    """As whole columns are rolled up for a check of a strategy, which takes the first period as it comes."""
    read = sorted((_BAR.validate_python(each) for each in minutes), key=lambda each: each.starts_at)
    columns = Bars.of("SPY", "1Min", read, SESSIONS)
    found = []
    for name in LENGTHS:
        bars = columns_rolled_up(columns, name)
        for index in range(len(bars)):
            one = bars.bar(index)
            if one.starts_at >= read[0].starts_at:
                prices = (to_price(each) for each in (one.open, one.high, one.low, one.close))
                found.append((name, one.starts_at, one.ends_at, *prices, one.volume))
    return sorted(found, key=lambda each: (each[2], -each[1].timestamp()))


def test_minutes_when_they_come_one_by_one_then_each_period_is_told_with_its_last_minute_shorter_first(
    market: Ledger,
) -> None:
    ended = [(at, told(market, [minute(OPEN + at * MINUTE)])) for at in range(60)]
    hour = OPEN + 60 * MINUTE
    assert [at for at, found in ended if found] == list(range(4, 60, 5))
    assert ended[-1][1] == [("5Min", hour), ("15Min", hour), ("1Hour", hour)]
    assert told(market, [minute(OPEN + 59 * MINUTE)]) == ended[-1][1], "who is told again, tells again"


@pytest.mark.parametrize("seed", range(4))
def test_minutes_when_many_are_missing_then_the_bars_are_those_of_a_plain_sum(market: Ledger, seed: int) -> None:
    chance = random.Random(seed)
    every = [opens + n * MINUTE for opens, closes in (FIRST, SECOND) for n in range((closes - opens) // MINUTE)]
    kept = sorted(chance.sample(every, len(every) * (3 - seed % 2) // 4))
    minutes = [minute(at, str(chance.randint(5, 20)), volume=str(chance.randint(0, 99))) for at in kept]
    place = 0
    while place < len(minutes):
        size = chance.choice([1, 1, 2, 7, 40])
        told(market, minutes[place : place + size])
        place += size
    assert stored(market) == by_hand(minutes) == in_python(minutes)
    assert in_ticks(minutes) == [each[:8] for each in stored(market)]
    # Corrected, and told once more: the bars follow, and nothing is doubled.
    changed = chance.randrange(len(minutes))
    minutes[changed] = minute(kept[changed], "25", volume="1000")
    told(market, [minutes[changed]])
    assert stored(market) == by_hand(minutes)


def test_period_when_its_last_minute_is_missing_then_a_later_bar_ends_it_and_so_does_the_clock(market: Ledger) -> None:
    assert told(market, [minute(OPEN + n * MINUTE) for n in range(3)]) == []
    assert told(market, [minute(OPEN + 7 * MINUTE)]) == [("5Min", OPEN + 5 * MINUTE)]
    watch(market)
    over = OPEN + 10 * MINUTE
    for now, expected in (
        (over + timedelta(seconds=89), []),
        (over + timedelta(seconds=90), [over]),
        (over + MINUTE * 3, []),
    ):
        rolled = market.call("roll_up_missed", "fn_ingest", p_now=now)
        assert [datetime.fromisoformat(each["ends_at"]) for each in rolled] == expected


def watch(ledger: Ledger) -> None:
    ledger.run_as("authenticated", new_user(ledger), "select public.watch_symbols(%s)", ["SPY"])


def test_period_when_its_beginning_is_not_known_then_there_is_no_bar_of_it(market: Ledger) -> None:
    found = told(market, [minute(OPEN + n * MINUTE) for n in range(7, 20)])
    assert found == [("5Min", OPEN + 15 * MINUTE), ("5Min", OPEN + 20 * MINUTE)]


def test_period_when_another_feed_told_it_whole_then_that_stays(market: Ledger) -> None:
    whole = bar(OPEN, timeframe="1Day", ends_at=FIRST[1].isoformat(), feed="whole market", close="9.5")
    record(market, [whole])
    told(market, [minute(OPEN + n * MINUTE) for n in range(390)])
    assert market.one("select feed from public.bars where timeframe = '1Day'") == "whole market"


def test_period_when_rolling_up_was_lost_then_the_next_minute_makes_it(market: Ledger) -> None:
    record(market, [minute(OPEN + n * MINUTE) for n in range(5)])
    assert told(market, [minute(OPEN + 5 * MINUTE)]) == [("5Min", OPEN + 5 * MINUTE)]


def test_period_when_the_feed_is_late_then_the_clock_ends_it_as_much_later(market: Ledger) -> None:
    """Else every bar of a late feed would be told after its first minutes, and decided on."""
    told(market, [minute(OPEN + n * MINUTE, delay_seconds=900) for n in range(2)])
    watch(market)
    over = OPEN + 5 * MINUTE + timedelta(seconds=900)
    for now, expected in ((over, []), (over + timedelta(seconds=90), [OPEN + 5 * MINUTE])):
        rolled = market.call("roll_up_missed", "fn_ingest", p_now=now)
        assert [datetime.fromisoformat(each["ends_at"]) for each in rolled] == expected
