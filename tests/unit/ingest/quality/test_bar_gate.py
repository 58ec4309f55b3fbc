"""The gate of bars: each kind of finding, what is let through, and that many at once are judged as one by one."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.errors import BadInput
from functions.core.events import BarData
from functions.core.history.adjusting import CorporateAction
from functions.ingest.quality.bars import BarGate, Judged
from functions.ingest.quality.cleaning import clean
from functions.ingest.quality.findings import Finding, Unread, counted
from tests.unit.ingest.quality.made_bars import CALENDAR, FRIDAY, LONG_AGO, MINUTE, MONDAY, OPEN, THURSDAY, bar, minutes


def streamed(rows: list[BarData]) -> Judged:
    """The bars one by one, as a stream brings them."""
    gate, judged = BarGate(CALENDAR), Judged()
    for row in rows:
        step = gate.take(row)
        judged.bars.extend(step.bars)
        judged.findings.extend(step.findings)
    judged.findings.extend(gate.end())
    return judged


def closes(judged: Judged) -> list[str]:
    return [str(row.close) for row in judged.bars]


def test_bars_when_they_are_quiet_then_all_pass_and_nothing_is_found() -> None:
    rows = minutes(["100", "100.2", "99.9", "101"])
    assert clean(rows, CALENDAR) == Judged(rows, [])


def test_bar_when_it_is_a_spike_then_it_is_dropped_when_the_next_is_back() -> None:
    judged = clean(minutes(["100", "100.1", "150", "100.2", "100.1"]), CALENDAR)
    assert closes(judged) == ["100", "100.1", "100.2", "100.1"]
    # The minute is missing now: nothing is made in its place.
    assert counted(judged.findings) == {"gap": 1, "spike": 1}


def test_bar_when_only_its_low_is_from_nowhere_then_it_is_a_spike() -> None:
    rows = minutes(["100", "100.1", "100", "100"])
    rows[2] = rows[2].model_copy(update={"low": Decimal(60)})
    judged = clean(rows, CALENDAR)
    assert closes(judged) == ["100", "100.1", "100"]
    assert judged.findings[0].kind == "spike"
    assert judged.findings[0].at == rows[2].starts_at


def test_bar_when_the_next_confirms_the_new_level_then_both_pass_in_order() -> None:
    judged = clean(minutes(["100", "100.1", "110", "110.5", "110"]), CALENDAR)
    assert closes(judged) == ["100", "100.1", "110", "110.5", "110"]
    assert judged.findings == []


def test_bar_when_it_closes_the_session_far_away_then_the_next_morning_tells() -> None:
    closing = THURSDAY.closes_at - MINUTE
    rows = [bar(closing - MINUTE), bar(closing, "106"), bar(FRIDAY.opens_at, "108")]
    assert clean(rows, CALENDAR) == Judged(rows, [])
    rows = [bar(closing - MINUTE), bar(closing, "106"), bar(FRIDAY.opens_at, "101")]
    assert counted(clean(rows, CALENDAR).findings) == {"gap": 1, "spike": 1}


def test_bars_when_no_two_agree_then_none_passes_until_two_do() -> None:
    judged = clean(minutes(["100", "150", "30", "500", "70", "70.2"]), CALENDAR)
    assert closes(judged) == ["100", "70", "70.2"]
    assert counted(judged.findings) == {"gap": 3, "spike": 3}


def test_bar_when_nothing_comes_after_a_far_one_then_it_is_not_let_through() -> None:
    judged = clean(minutes(["100", "100", "150"]), CALENDAR)
    assert closes(judged) == ["100", "100"]
    assert counted(judged.findings) == {"spike": 1}


def test_band_when_the_market_is_wild_then_it_is_wide() -> None:
    wild = [str(100 + 4 * (-1) ** turn + turn % 3) for turn in range(40)]
    start = minutes(["100", *["100"] * 3], OPEN)
    # Where it moves by some 8 % a minute, 8 % is nothing; where it stands still, 4 % are far.
    gate = BarGate(CALENDAR, known=minutes(wild))
    far = OPEN + 40 * MINUTE
    assert gate.take(bar(far, "104")).bars != []
    calm = BarGate(CALENDAR, known=start)
    assert calm.take(bar(OPEN + 4 * MINUTE, "104")).bars == []


def test_bar_when_it_is_outside_of_the_regular_session_then_it_is_left_out() -> None:
    rows = [bar(at) for at in (OPEN - MINUTE, OPEN, FRIDAY.closes_at - MINUTE, FRIDAY.closes_at, LONG_AGO)]
    judged = clean(rows, CALENDAR)
    assert [row.starts_at for row in judged.bars] == [OPEN, FRIDAY.closes_at - MINUTE]
    assert counted(judged.findings)["session"] == 3


def test_bar_when_it_is_no_whole_minute_then_it_is_malformed() -> None:
    judged = clean(
        [bar(OPEN).model_copy(update={"ends_at": OPEN + 5 * MINUTE}), bar(OPEN + timedelta(seconds=1))], CALENDAR
    )
    assert (judged.bars, counted(judged.findings)) == ([], {"malformed": 2})


def test_row_when_it_could_not_be_read_then_it_is_found_with_its_text() -> None:
    row = Unread("SPY", "iex", "open must be a number", "{'o': 'NaN'}", OPEN)
    judged = clean([row, bar(OPEN)], CALENDAR)
    assert judged.findings == [Finding("SPY", "iex", "malformed", OPEN, "open must be a number: {'o': 'NaN'}")]
    assert len(judged.bars) == 1


def test_minutes_when_some_are_missing_then_the_gap_says_how_many_of_the_session() -> None:
    # The last minute of a half day, and the first two of the session after it.
    rows = [bar(FRIDAY.closes_at - 2 * MINUTE), bar(MONDAY.opens_at + 2 * MINUTE)]
    (gap,) = clean(rows, CALENDAR).findings
    assert (gap.kind, gap.count, gap.at) == ("gap", 3, FRIDAY.closes_at - MINUTE)
    (gap,) = clean([bar(THURSDAY.closes_at - MINUTE), bar(FRIDAY.opens_at + MINUTE)], CALENDAR).findings
    assert (gap.count, gap.at) == (1, FRIDAY.opens_at)


def test_minute_when_told_again_then_once_is_enough() -> None:
    rows = minutes(["100", "100", "100"])
    for judged in (
        clean([rows[0], rows[0], rows[0], *rows[1:]], CALENDAR),
        streamed([rows[0], rows[0], rows[0], *rows[1:]]),
    ):
        assert (judged.bars, counted(judged.findings)) == (rows, {"duplicate": 2})


def test_minute_when_rows_of_a_file_differ_then_what_most_say_counts_and_else_the_larger_volume() -> None:
    odd, early, last = bar(OPEN, "100.1", volume="9"), bar(OPEN, volume="0"), bar(OPEN, volume="7")
    assert clean([odd, last, last], CALENDAR).bars == [last]
    for rows in ([early, last], [last, early]):
        assert clean(rows, CALENDAR).bars == [last]


def test_minute_when_a_stream_corrects_it_then_the_last_word_is_let_through() -> None:
    first, corrected = bar(OPEN), bar(OPEN, "100.1")
    judged = streamed([first, bar(OPEN + MINUTE), corrected])
    assert judged.bars == [first, bar(OPEN + MINUTE), corrected]
    assert counted(judged.findings) == {"duplicate": 1}
    assert counted(streamed([first, bar(OPEN, "150")]).findings) == {"spike": 1}


def test_minute_when_it_comes_late_then_it_fills_its_place() -> None:
    first, late, last = minutes(["100", "100.1", "100.2"])
    judged = streamed([first, last, late])
    assert judged.bars == [first, last, late]
    assert counted(judged.findings) == {"disorder": 1, "gap": 1}
    assert counted(streamed([first, last, bar(late.starts_at, "50")]).findings) == {"disorder": 1, "gap": 1, "spike": 1}


def test_minute_when_we_asked_for_what_was_streamed_then_nothing_is_found() -> None:
    gate = BarGate(CALENDAR)
    rows = minutes(["100", "100.1"])
    for row in rows:
        assert gate.take(row, polled=True).bars == [row]
    for row in rows:
        assert gate.take(row) == Judged()
        assert gate.take(row, polled=True) == Judged()


@pytest.mark.parametrize(
    ("opened", "found"), [("50", "split"), ("33.3", "split"), ("1000", "split"), ("66", "split"), ("58", "")]
)
def test_night_when_it_looks_like_a_split_and_none_is_on_record_then_it_is_told_and_the_new_level_confirmed(
    opened: str, found: str
) -> None:
    rows = [bar(THURSDAY.closes_at - MINUTE), *minutes([opened, opened], FRIDAY.opens_at)]
    judged = clean(rows, CALENDAR)
    assert judged.bars == rows
    assert [finding.kind for finding in judged.findings] == ([found] if found else [])


def test_night_when_the_split_is_on_record_then_its_prices_pass_at_once() -> None:
    rows = [bar(THURSDAY.closes_at - MINUTE), bar(FRIDAY.opens_at, "50.5")]
    assert clean(rows, CALENDAR, actions=[CorporateAction("split", FRIDAY.date, Decimal(2))]) == Judged(rows, [])


def test_night_when_the_split_is_on_record_and_prices_do_not_show_it_then_it_is_told() -> None:
    rows = [bar(THURSDAY.closes_at - MINUTE), bar(FRIDAY.opens_at, "101")]
    judged = clean(rows, CALENDAR, actions=[CorporateAction("split", FRIDAY.date, Decimal(2))])
    assert [finding.kind for finding in judged.findings] == ["split"]


def test_rows_when_they_are_of_two_symbols_then_they_are_refused() -> None:
    with pytest.raises(BadInput, match="MIXED_SYMBOLS"):
        clean([bar(OPEN), bar(OPEN).model_copy(update={"symbol": "IWM"})], CALENDAR)


_prices = st.one_of(
    st.just(""),
    st.integers(9_900, 10_100).map(lambda cents: f"{cents / 100:.2f}"),
    st.sampled_from(["50", "150", "104"]),
)


@given(st.lists(_prices, max_size=40), st.randoms(use_true_random=False))
def test_bars_when_shuffled_and_repeated_then_the_good_ones_are_those_that_a_stream_lets_through(
    prices: list[str], chance: random.Random
) -> None:
    rows = minutes(prices, FRIDAY.closes_at - 20 * MINUTE)
    in_order = clean(rows, CALENDAR)
    assert streamed(rows) == in_order
    mixed = [*rows, *chance.choices(rows, k=len(rows))] if rows else []
    chance.shuffle(mixed)
    again = clean(mixed, CALENDAR)
    assert again.bars == in_order.bars
    assert counted(again.findings).get("duplicate", 0) >= len(rows) - sum(
        row.starts_at >= FRIDAY.closes_at for row in rows
    )
    starts = [row.starts_at for row in again.bars]
    assert starts == sorted(set(starts))
