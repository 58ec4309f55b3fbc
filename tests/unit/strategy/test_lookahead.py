"""Every way of peeking is caught, and what does not peek is let pass."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import ClassVar

import numpy as np
import pytest

from functions.core.errors import BadInput
from functions.strategy.bars import MISSING, Bars, IntArray
from functions.strategy.catalogue import build, kinds
from functions.strategy.indicators import earlier, window_sum
from functions.strategy.interface import Close, Columns, Intent, Mask, Moment, Open, Stay, Strategy
from functions.strategy.lookahead import Report, prove, sampled
from functions.strategy.made_bars import made_minutes
from functions.strategy.rolling import rolled_up

MINUTES = {symbol: made_minutes(symbol, 2).window(0, 60) for symbol in ("SPY", "QQQ")}


class Honest(Strategy):
    """Buys where the close is above the column, leaves elsewhere."""

    kind: ClassVar[str] = "honest"
    title: ClassVar[str] = "Honest"

    def warm_up(self) -> int:
        return 3

    def indicators(self, bars: Bars) -> Columns:
        return {"column": self.column(bars)}

    def column(self, bars: Bars) -> IntArray:
        return earlier(bars.close, 2)

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        rises = now.bar.close > now.values["column"]
        if rises and now.position.quantity == 0:
            return [Open(side="buy", quantity=Decimal(1), reason="it rises")]
        return [Stay("it rises")] if rises else [Close(reason="it does not rise")]


class NextClose(Honest):
    """Knows the next bar's close."""

    def column(self, bars: Bars) -> IntArray:
        return np.append(bars.close[1:], bars.close[-1:])


class WholeMean(Honest):
    """Compares with the mean of everything."""

    def column(self, bars: Bars) -> IntArray:
        return np.full(len(bars), int(bars.close.mean()), dtype=np.int64)


class CentredWindow(Honest):
    """The sum of the bar and its neighbours on both sides, which is missing where there is none yet."""

    optional = frozenset({"column"})

    def column(self, bars: Bars) -> IntArray:
        sums = window_sum(bars.close, 3)
        return np.append(sums[1:], MISSING)

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        return [Stay("never trades, and peeks all the same")]


class HighOfTheDay(Honest):
    """The high of the session, of which half is still to come."""

    def column(self, bars: Bars) -> IntArray:
        return np.full(len(bars), int(bars.high.max()), dtype=np.int64)


class LongMemory(Honest):
    """Sums up everything since the beginning, and declares a warm-up of three bars."""

    def column(self, bars: Bars) -> IntArray:
        return np.cumsum(bars.close)


class KeptAside(Honest):
    """Keeps the bars it was given and looks up the next one when it decides; its columns are honest."""

    kept: Bars

    def column(self, bars: Bars) -> IntArray:
        self.kept = bars
        return earlier(bars.close, 2)

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        later = int(self.kept.close[-1])
        return [Open(side="buy", quantity=Decimal(1), reason="I know")] if later > now.bar.close else [Stay("no")]


class SleepsThrough(Honest):
    def wake(self, columns: Columns) -> Mask:
        return np.zeros(len(columns["column"]), dtype=np.bool_)


class Fails(Honest):
    def on_bar(self, now: Moment) -> Iterable[Intent]:
        raise IndexError("beyond the end")


def report_on(kind: type[Strategy], most: int = 500) -> Report:
    return prove(lambda: kind(kind.Config(), ("SPY", "QQQ")), MINUTES, most)


def found(report: Report) -> set[tuple[str, str, str]]:
    return {(each.what, each.name, each.depends_on) for each in report.findings.values()}


def test_prove_when_nothing_peeks_then_all_is_well_and_it_says_what_was_checked() -> None:
    report = report_on(Honest)
    assert report.ok
    assert (report.bars, report.checked, report.columns) == (120, 120, {"column"})
    assert report.decisions["open"] > 0
    assert report.decisions["close"] > 0


@pytest.mark.parametrize("peeking", [NextClose, WholeMean, CentredWindow, HighOfTheDay])
@pytest.mark.parametrize("most", [500, 7])
def test_prove_when_a_column_looks_ahead_then_it_is_named(peeking: type[Strategy], most: int) -> None:
    report = report_on(peeking, most)
    assert ("column", "column", "later bars") in found(report)
    assert {each.symbol for each in report.findings.values()} == {"SPY", "QQQ"}


def test_prove_when_a_column_looks_ahead_then_the_decision_that_it_made_is_found_too() -> None:
    findings = [each for each in report_on(NextClose).findings.values() if each.what == "decision"]
    assert {each.name for each in findings} >= {"flat", "long"}
    assert all(each.with_all != each.without and each.times > 1 for each in findings)


def test_prove_when_a_column_looks_back_beyond_its_warm_up_then_that_is_said() -> None:
    assert ("column", "column", "bars before its warm-up") in found(report_on(LongMemory))
    assert ("column", "column", "later bars") not in found(report_on(LongMemory))


def test_prove_when_the_future_is_kept_aside_then_the_decision_gives_it_away() -> None:
    report = report_on(KeptAside)
    assert {what for what, _, _ in found(report)} == {"decision"}


def test_prove_when_it_sleeps_where_it_would_trade_then_that_is_found() -> None:
    assert found(report_on(SleepsThrough)) == {("decision", "flat", "bars it sleeps through")}


def test_prove_when_it_fails_then_that_is_a_finding_and_no_crash() -> None:
    report = report_on(Fails)
    assert ("decision", "flat", "nothing: it fails") in found(report)
    assert any("beyond the end" in each.with_all for each in report.findings.values())


def test_prove_when_there_are_too_few_bars_then_it_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        prove(lambda: Honest(Honest.Config(), ("SPY",)), {"SPY": MINUTES["SPY"].window(0, 2)})
    assert refused.value.code == "WRONG_BARS"


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_prove_when_the_kind_is_built_in_then_it_does_not_look_ahead(kind: str) -> None:
    symbols = ["SPY", "QQQ"]
    minutes = {symbol: made_minutes(symbol, 3) for symbol in symbols}
    report = prove(lambda: build(kind, {"timeframe": "5Min"}, symbols), minutes, 40)
    assert report.ok, list(report.findings.values())
    assert report.checked >= 40


def test_progress_when_told_then_it_ends_with_all() -> None:
    told: list[tuple[int, int]] = []
    prove(lambda: Honest(Honest.Config(), ("SPY",)), MINUTES, 10, lambda done, total: told.append((done, total)))
    assert told == [(done, 10) for done in range(1, 11)]


def test_sampled_when_more_than_allowed_then_first_and_last_are_among_them() -> None:
    assert list(sampled(5, 10)) == [0, 1, 2, 3, 4]
    assert list(sampled(101, 3)) == [0, 50, 100]


def test_made_minutes_when_made_twice_then_they_are_the_same_and_differ_by_symbol() -> None:
    again = made_minutes("SPY", 2)
    assert again.close.tolist() == made_minutes("SPY", 2).close.tolist()
    assert again.close.tolist() != made_minutes("QQQ", 2).close.tolist()
    assert len({int(each) for each in (again.closes_at - again.opens_at) // 60_000_000_000}) == 2
    assert 500 < len(again) < 600


def test_rolled_up_when_minutes_are_missing_then_the_period_still_ends_at_its_time() -> None:
    minutes = made_minutes("SPY", 2)
    hours = rolled_up(minutes, "1Hour")
    # A half day of four bars, the last of them half an hour long, and seven of the full day.
    lengths = ((hours.ends_at - hours.starts_at) // 60_000_000_000).tolist()
    assert lengths == [60, 60, 60, 30, *[60] * 6, 30]
    within = (minutes.starts_at >= hours.starts_at[1]) & (minutes.ends_at <= hours.ends_at[1])
    assert int(hours.high[1]) == int(minutes.high[within].max())
    assert int(hours.low[1]) == int(minutes.low[within].min())
    assert (int(hours.open[1]), int(hours.close[1])) == (minutes.open[within][0], minutes.close[within][-1])
    assert int(hours.volume[1]) == int(minutes.volume[within].sum())
    assert len(rolled_up(minutes, "1Day")) == 2


def test_rolled_up_when_a_period_has_not_ended_then_it_is_left_out() -> None:
    minutes = made_minutes("SPY", 2)
    # Up to the minute before the first quarter ends, and with it.
    before = minutes.until(int(minutes.opens_at[0]) + 14 * 60_000_000_000)
    assert len(rolled_up(before, "15Min")) == 0
    assert len(rolled_up(minutes.until(int(minutes.opens_at[0]) + 15 * 60_000_000_000), "15Min")) == 1
    assert len(rolled_up(minutes.window(0, 0), "15Min")) == 0
