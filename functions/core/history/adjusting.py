"""Prices of before in today's unit: adjusted for splits, and for dividends where that is asked for.

The method is CRSP's (Center for Research in Security Prices, "Stock and Indices Data Descriptions Guide", cumulative
factors to adjust price and shares), which the factor files of QuantConnect's LEAN follow too: before a split's
ex-date prices are divided by its ratio and volumes multiplied by it; before a dividend's ex-date prices are multiplied
by 1 - amount / close, with the last close before that date, unadjusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Context, Decimal, localcontext
from typing import Literal

from functions.core.errors import Refused
from functions.core.history.bars import Bar
from functions.core.market_calendar import exchange_date
from functions.core.money import rounded

Adjusted = Literal["none", "splits", "all"]
# A close that is older than the longest time without a session says nothing of the day before.
_OLDEST_REFERENCE = timedelta(days=10)
_CONTEXT = Context(prec=50)
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """`ratio` of a split is new shares for each old one; `amount` of a dividend is dollars for each share."""

    kind: Literal["split", "cash_dividend"]
    ex_date: date
    ratio: Decimal | None = None
    amount: Decimal | None = None
    special: bool = False


def adjusted_bars(bars: Sequence[Bar], actions: Sequence[CorporateAction], adjusted: Adjusted) -> list[Bar]:
    """The bars, oldest first as they came, in the unit of the last action given.

    Raises Refused NO_REFERENCE_PRICE where a dividend has no close within ten days before its ex-date to be held
    against: its factor would be a guess.
    """
    if adjusted == "none" or not actions:
        return list(bars)
    days = [exchange_date(bar.starts_at) for bar in bars]
    dates = sorted({action.ex_date for action in actions})
    done: list[Bar] = []
    price = volume = _ONE
    with localcontext(_CONTEXT):
        for bar, day in zip(reversed(bars), reversed(days), strict=True):
            while dates and day < dates[-1]:
                ex_date = dates.pop()
                of_the_day = [action for action in actions if action.ex_date == ex_date]
                ratio, factor = _factors(ex_date, of_the_day, bar, day, adjusted)
                price, volume = price * factor / ratio, volume * ratio
            done.append(bar if price == volume == 1 else _scaled(bar, price, volume))
    done.reverse()
    return done


def _factors(
    ex_date: date, actions: Sequence[CorporateAction], before: Bar, day: date, adjusted: Adjusted
) -> tuple[Decimal, Decimal]:
    """Of one ex-date, with the last bar before it: the splits' ratio, and what dividends multiply prices with."""
    ratio = _ONE
    for action in actions:
        if action.ratio is not None:
            ratio *= action.ratio
    paid = sum((action.amount for action in actions if action.amount is not None), Decimal(0))
    if adjusted != "all" or not paid:
        return ratio, _ONE
    # Where both are on one date, the dividend is of a new share and the close of an old one.
    close = before.close / ratio
    if ex_date - day > _OLDEST_REFERENCE or paid >= close:
        text = f"the dividend of {ex_date} needs a close of the days before it above its amount; backfill those days"
        raise Refused("NO_REFERENCE_PRICE", text, ex_date=ex_date, last_bar=day, close=close, amount=paid)
    return ratio, 1 - paid / close


def _scaled(bar: Bar, price: Decimal, volume: Decimal) -> Bar:
    return replace(
        bar,
        open=rounded(bar.open * price),
        high=rounded(bar.high * price),
        low=rounded(bar.low * price),
        close=rounded(bar.close * price),
        volume=rounded(bar.volume * volume),
    )
