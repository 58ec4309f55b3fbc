"""Which quote of a contract is a market at a moment, and what is wrong with one that is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from functions.brokers.markets import OptionQuote

# Two clocks are never quite equal; beyond this a time is wrong.
_AHEAD_AT_MOST = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Moment:
    """The end of a bar, when the feed was asked, and how much later or older than the bar a quote may be. Times UTC."""

    bar_at: datetime
    asked_at: datetime
    later_at_most: timedelta
    older_at_most: timedelta


def unusable(quote: OptionQuote, moment: Moment) -> str | None:
    """Why the quote is no market at the moment, as a code; None where it is one.

    An ask is needed; without a bid nobody bids, which is a market for a buyer.
    """
    numbers = (quote.bid, quote.ask, quote.bid_size, quote.ask_size, quote.implied_volatility, quote.delta)
    if any(
        number is not None and not number.is_finite() for number in (*numbers, quote.gamma, quote.theta, quote.vega)
    ):
        return "NOT_A_NUMBER"
    if quote.ask is None or quote.ask == 0:
        return "NO_ASK"
    if min(quote.ask, *(each or Decimal(0) for each in (quote.bid, quote.bid_size, quote.ask_size))) < 0:
        return "NEGATIVE"
    if (quote.bid or Decimal(0)) > quote.ask:
        return "CROSSED"
    if (quote.implied_volatility or Decimal(0)) < 0 or abs(quote.delta or Decimal(0)) > 1:
        return "IMPOSSIBLE_GREEKS"
    if quote.quoted_at > moment.asked_at + _AHEAD_AT_MOST:
        return "FUTURE"
    if quote.quoted_at > moment.bar_at + moment.later_at_most:
        return "LATER"
    # A late feed's newest quote is as old as the feed is late.
    if quote.quoted_at < moment.bar_at - moment.older_at_most - timedelta(seconds=quote.delay_seconds):
        return "OLD"
    return None
