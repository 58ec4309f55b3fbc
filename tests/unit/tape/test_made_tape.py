"""The made tape: real days, half days, history before the first day, and names."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from functions.backtest.market import Print, Quote
from functions.core.errors import BadInput, Misconfigured
from local.tape.model import MINUTE
from local.tape.sessions import MarketCalendar, new_york
from local.tape.spec import DEFAULT, open_tape


def test_minutes_when_the_day_is_the_fifth_of_february_2018_then_they_add_up_to_the_real_day(
    calendar: MarketCalendar,
) -> None:
    tape = open_tape(DEFAULT, seed=7, calendar=calendar)
    assert [session.day for session in tape.sessions] == [date(2018, 2, 5), date(2018, 2, 6)]
    bars = [bar for minute in tape.minutes(tape.sessions[0]) for bar in minute.bars]
    assert len(bars) == 390
    # The index opened at 2741.06, reached 2763.39 and 2638.17, and closed at 2648.94, on 5,283,460,000 shares.
    assert (bars[0].open, bars[-1].close) == (Decimal("274.11"), Decimal("264.89"))
    assert (max(bar.high for bar in bars), min(bar.low for bar in bars)) == (Decimal("276.34"), Decimal("263.82"))
    assert sum(bar.volume for bar in bars) == 5_283_460_000
    assert bars[0].starts_at == datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
    assert all(bar.ends_at - bar.starts_at == MINUTE for bar in bars)


def test_minutes_when_a_minute_is_replayed_then_its_bar_is_made_of_its_own_prints(calendar: MarketCalendar) -> None:
    tape = open_tape(DEFAULT, seed=7, calendar=calendar)
    for minute in tape.minutes(tape.sessions[1]):
        (bar,) = minute.bars
        prices = [tick.price for tick in minute.ticks if isinstance(tick, Print)]
        assert (prices[0], max(prices), min(prices), prices[-1]) == (bar.open, bar.high, bar.low, bar.close)
        assert sum(tick.size for tick in minute.ticks if isinstance(tick, Print)) == bar.volume
        assert sum(isinstance(tick, Quote) for tick in minute.ticks) == 4
        times = [minute.starts_at, *(tick.at for tick in minute.ticks), minute.ends_at]
        assert all(before < after for before, after in pairwise(times))


def test_minutes_when_the_session_is_a_half_day_then_it_ends_early(calendar: MarketCalendar) -> None:
    tape = open_tape("sp500:SPY:2018-07-03", seed=7, calendar=calendar)
    minutes = list(tape.minutes(tape.sessions[0]))
    assert len(minutes) == 210
    assert minutes[-1].ends_at == datetime(2018, 7, 3, 17, 0, tzinfo=UTC)


def test_minutes_when_the_clocks_change_then_the_session_keeps_new_york_time(calendar: MarketCalendar) -> None:
    tape = open_tape("sp500:SPY:2018-03-09:2018-03-12", seed=7, calendar=calendar)
    assert [session.opens_at.hour for session in tape.sessions] == [14, 13]


def test_bars_when_an_earlier_session_is_asked_for_then_it_is_what_that_day_would_replay(
    calendar: MarketCalendar,
) -> None:
    tape = open_tape(DEFAULT, seed=7, calendar=calendar)
    assert tape.earlier[-1].day == date(2018, 2, 2)
    other = open_tape("sp500:SPY:2018-02-02", seed=7, calendar=calendar)
    assert list(tape.bars("SPY", tape.earlier[-1])) == list(other.bars("SPY", other.sessions[0]))
    assert tape.daily("SPY")[-1].day == date(2018, 2, 6)


def test_minutes_when_the_seed_is_the_same_then_two_tapes_say_the_same(calendar: MarketCalendar) -> None:
    first, second = (open_tape(DEFAULT, seed=7, calendar=calendar) for _ in range(2))
    assert list(first.minutes(first.sessions[0])) == list(second.minutes(second.sessions[0]))
    other = open_tape(DEFAULT, seed=8, calendar=calendar)
    assert list(first.minutes(first.sessions[0])) != list(other.minutes(other.sessions[0]))


def test_minutes_when_the_day_has_no_vix_then_the_index_itself_sets_the_roughness(calendar: MarketCalendar) -> None:
    tape = open_tape("sp500:SPY:2008-10-10", seed=7, calendar=calendar)
    assert len(list(tape.minutes(tape.sessions[0]))) == 390


def test_description_when_the_path_is_made_then_it_says_so(calendar: MarketCalendar) -> None:
    description = open_tape(DEFAULT, seed=7, calendar=calendar).description
    assert "never real minute data" in description
    assert "divided by 10" in description


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("", "BAD_TAPE"),
        ("sp500:SPY", "BAD_TAPE"),
        ("sp400:SPY:2018-02-05", "BAD_TAPE"),
        ("sp500:spy:2018-02-05", "BAD_TAPE"),
        ("sp500:SPY,IWM:2018-02-05", "BAD_TAPE"),
        ("sp500:SPY:yesterday", "BAD_TAPE"),
        ("sp500:SPY:2018-02-06:2018-02-05", "BAD_TAPE"),
        ("sp500:QQQ:2018-02-05", "UNKNOWN_SYMBOL"),
        ("sp500:SPY:2018-02-03:2018-02-04", "NOT_ON_TAPE"),
        ("sp500:SPY:2020-02-05", "NOT_ON_TAPE"),
    ],
)
def test_open_tape_when_the_name_is_wrong_then_a_sentence_says_so(
    spec: str, code: str, calendar: MarketCalendar
) -> None:
    with pytest.raises(BadInput) as caught:
        open_tape(spec, seed=7, calendar=calendar)
    assert caught.value.code == code


def test_open_tape_when_no_data_folder_is_named_then_it_says_which_variable(
    calendar: MarketCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGENTTRADER_DATA", raising=False)
    with pytest.raises(Misconfigured, match="AGENTTRADER_DATA"):
        open_tape("minute:SPY:2013-10-07", seed=7, calendar=calendar)


def test_new_york_when_the_kept_table_is_broken_then_it_is_made_again(calendar: MarketCalendar, tmp_path: Path) -> None:
    new_york(cache=tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_text("[[1")
    year = (date(2018, 1, 1), date(2018, 12, 31))
    assert new_york(cache=tmp_path).between(*year) == calendar.between(*year)
    assert len(calendar.between(*year)) == 251
