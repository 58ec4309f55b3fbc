"""Which quote of a contract is a market at a moment, and what is wrong with one that is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from functions.brokers.markets import OptionQuote
from functions.ingest.quality.findings import Finding, FindingKind

# Two clocks are never quite equal; beyond this a time is wrong.
_AHEAD_AT_MOST = timedelta(seconds=5)
_KINDS: Mapping[str, FindingKind] = {
    "UNREADABLE": "malformed",
    "NOT_A_NUMBER": "malformed",
    "OLD": "stale",
    "LATER": "stale",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """The end of a bar, when the feed was asked, and how much later or older than the bar a quote may be. Times UTC."""

    bar_at: datetime
    asked_at: datetime
    later_at_most: timedelta
    older_at_most: timedelta


def no_market(quote: OptionQuote, asked_at: datetime) -> str | None:
    """Why the quote is no market at all, heard at this moment, as a code; None where it is one.

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
    # It would be the newest for ever.
    return "FUTURE" if quote.quoted_at > asked_at + _AHEAD_AT_MOST else None


def unusable(quote: OptionQuote, moment: Moment) -> str | None:
    """Why the quote is no market at the moment of a bar, as a code; None where it is one."""
    reason = no_market(quote, moment.asked_at)
    if reason is not None:
        return reason
    if quote.quoted_at > moment.bar_at + moment.later_at_most:
        return "LATER"
    # A late feed's newest quote is as old as the feed is late.
    if quote.quoted_at < moment.bar_at - moment.older_at_most - timedelta(seconds=quote.delay_seconds):
        return "OLD"
    return None


def finding(
    symbol: str, feed: str, at: datetime, reason: str, count: int = 1, what: str = "quotes of the option chain"
) -> Finding:
    """What is counted of quotes that were dropped for this reason."""
    return Finding(symbol, feed, _KINDS.get(reason, "quote"), at, f"{what}: {reason}", count)
