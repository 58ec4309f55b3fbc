"""Adjusting for splits and dividends: by hand, and against the factor files of real shares."""

from __future__ import annotations

import csv
import gzip
import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from functions.core.errors import Refused
from functions.core.history.adjusting import Adjusted, CorporateAction, adjusted_bars
from functions.core.history.bars import Bar
from functions.core.market_calendar import EXCHANGE_TIME_ZONE

DATA = Path(os.environ.get("AGENTTRADER_DATA", "/nowhere")) / "daily"
FRIDAY, MONDAY = date(2020, 8, 28), date(2020, 8, 31)
FOUR_FOR_ONE = CorporateAction("split", MONDAY, ratio=Decimal(4))


def day_bar(day: date, close: str, **prices: str) -> Bar:
    start = datetime(day.year, day.month, day.day, 9, 30, tzinfo=EXCHANGE_TIME_ZONE).astimezone(UTC)
    first, high, low = (Decimal(prices.get(name, close)) for name in ("open", "high", "low"))
    return Bar(start, start + timedelta(hours=6.5), first, high, low, Decimal(close), Decimal(100), "test")


def closes(bars: list[Bar]) -> list[Decimal]:
    return [bar.close for bar in bars]


def test_split_when_adjusted_then_all_before_the_ex_date_is_in_new_shares_and_nothing_after() -> None:
    bars = [day_bar(FRIDAY, "499.23", high="505.77"), day_bar(MONDAY, "129.04")]
    before, after = adjusted_bars(bars, [FOUR_FOR_ONE], "splits")
    assert (before.close, before.high, before.volume) == (Decimal("124.8075"), Decimal("126.4425"), Decimal(400))
    assert after == bars[1]
    assert adjusted_bars(bars, [FOUR_FOR_ONE], "none") == bars


@pytest.mark.parametrize(("ratio", "close"), [("3", "33.3333333333"), ("0.1", "1000"), ("1.5", "66.6666666667")])
def test_split_when_the_quotient_has_no_end_then_it_is_rounded_as_the_ledger_does(ratio: str, close: str) -> None:
    split = CorporateAction("split", MONDAY, ratio=Decimal(ratio))
    assert closes(adjusted_bars([day_bar(FRIDAY, "100")], [split], "splits")) == [Decimal(close)]


def test_dividend_when_adjusted_then_it_is_held_against_the_last_close_before_it() -> None:
    bars = [day_bar(FRIDAY - timedelta(days=1), "50"), day_bar(FRIDAY, "100"), day_bar(MONDAY, "99")]
    paid = CorporateAction("cash_dividend", MONDAY, amount=Decimal(2))
    assert closes(adjusted_bars(bars, [paid], "all")) == [Decimal(49), Decimal(98), Decimal(99)]
    assert adjusted_bars(bars, [paid], "splits") == bars


def test_dividends_and_a_split_when_on_one_date_then_the_dividends_are_of_new_shares() -> None:
    paid = [CorporateAction("cash_dividend", MONDAY, amount=Decimal(1), special=special) for special in (False, True)]
    bars = [day_bar(FRIDAY, "400"), day_bar(MONDAY, "98")]
    assert closes(adjusted_bars(bars, [FOUR_FOR_ONE, *paid], "all")) == [Decimal(98), Decimal(98)]


def test_actions_when_several_then_their_factors_multiply() -> None:
    later = CorporateAction("split", MONDAY + timedelta(days=7), ratio=Decimal(2))
    bars = [day_bar(FRIDAY, "800"), day_bar(MONDAY, "200"), day_bar(later.ex_date, "100")]
    assert closes(adjusted_bars(bars, [later, FOUR_FOR_ONE], "splits")) == [Decimal(100)] * 3


@pytest.mark.parametrize(("last", "amount"), [(FRIDAY - timedelta(days=20), "1"), (FRIDAY, "100")])
def test_dividend_when_no_close_says_what_it_was_worth_then_it_is_refused_and_not_guessed(
    last: date, amount: str
) -> None:
    paid = CorporateAction("cash_dividend", MONDAY, amount=Decimal(amount))
    bars = [day_bar(last, "100"), day_bar(MONDAY, "99")]
    with pytest.raises(Refused, match="NO_REFERENCE_PRICE"):
        adjusted_bars(bars, [paid], "all")
    assert adjusted_bars(bars, [paid], "splits") == bars


def test_action_when_no_bar_is_before_it_then_nothing_changes() -> None:
    assert adjusted_bars([], [FOUR_FOR_ONE], "all") == []
    assert adjusted_bars([day_bar(MONDAY, "129.04")], [FOUR_FOR_ONE], "all") == [day_bar(MONDAY, "129.04")]


@pytest.mark.skipif(not DATA.is_dir(), reason="AGENTTRADER_DATA names no folder with daily files")
@pytest.mark.parametrize(("symbol", "splits"), [("SPY", 0), ("IWM", 1)])
@pytest.mark.parametrize("adjusted", ["splits", "all"])
def test_real_share_when_adjusted_over_twenty_years_then_every_close_is_the_factor_files(
    symbol: str, splits: int, adjusted: Adjusted
) -> None:
    bars = _daily(symbol)
    days = [bar.starts_at.astimezone(EXCHANGE_TIME_ZONE).date() for bar in bars]
    factors = _factors(symbol)
    actions = list(_actions(factors, days))
    assert sum(action.kind == "split" for action in actions) == splits
    assert sum(action.kind == "cash_dividend" for action in actions) > 70
    found = adjusted_bars(bars, actions, adjusted)
    row = 0
    for bar, day, made in zip(bars, days, found, strict=True):
        while day > factors[row][0]:
            row += 1
        _, price, split, _ = factors[row]
        expected = bar.close * split * (price if adjusted == "all" else 1)
        # The file's reference prices are rounded to cents, and its factors to seven digits.
        assert abs(made.close / expected - 1) < (Decimal("2e-6") if adjusted == "all" else Decimal("1e-12")), day
        assert made.volume == bar.volume / split


def _daily(symbol: str) -> list[Bar]:
    with gzip.open(DATA / f"{symbol}.csv.gz", "rt") as file:
        return [
            day_bar(date.fromisoformat(row["date"]), row["close"], **{n: row[n] for n in ("open", "high", "low")})
            for row in csv.DictReader(file)
        ]


def _factors(symbol: str) -> list[tuple[date, Decimal, Decimal, Decimal]]:
    """Until which day, price factor, split factor, close of that day."""
    with (DATA / f"{symbol}.factors.csv").open() as file:
        return [
            (
                datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date(),
                Decimal(price),
                Decimal(split),
                Decimal(close),
            )
            for day, price, split, close in csv.reader(file)
        ]


def _actions(factors: list[tuple[date, Decimal, Decimal, Decimal]], days: list[date]) -> list[CorporateAction]:
    """What makes each row's factors of the next one's: effective on the first session after its day."""
    found = []
    for (day, price, split, close), (_, next_price, next_split, _) in pairwise(factors):
        ex_date = next((later for later in days if later > day), None)
        if ex_date is None:
            continue
        if split != next_split:
            found.append(CorporateAction("split", ex_date, ratio=next_split / split))
        if price != next_price:
            found.append(CorporateAction("cash_dividend", ex_date, amount=close * (1 - price / next_price)))
    return found
