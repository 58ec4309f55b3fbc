"""Alpaca's clock, calendar, instruments and market data as our shapes, read tolerantly row by row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from functions.brokers.errors import BadResponse
from functions.brokers.markets import Listing, MarketClock, OptionContract, OptionQuote, OptionStyle
from functions.brokers.reading import (
    mapping,
    moment,
    number,
    optional,
    optional_count,
    optional_day,
    optional_words,
    positive,
    words,
)
from functions.core.errors import BadInput
from functions.core.events import BarData, QuoteData
from functions.core.instruments import OPTION_TICKS, Instrument, OptionSymbol, Terms, instrument
from functions.core.market_calendar import Session

_SMALLEST_FRACTION = Decimal("0.000000001")
# Indicative quotes are derived from the market and are none themselves; its trades are a quarter of an hour late.
_DELAYS: Mapping[str, int] = {"indicative": 900}


def clock(answer: object) -> MarketClock:
    """The market's clock. Raises BadResponse."""
    row = mapping(answer)
    is_open = row.get("is_open")
    if not isinstance(is_open, bool):
        raise BadResponse(f"is_open must be true or false, was {is_open!r}", row)
    return MarketClock(now=moment(row.get("timestamp"), "timestamp"), is_open=is_open)


def session(answer: object) -> Session:
    """A row of the calendar, which carries no zone: its times are the exchange's wall clock. Raises BadResponse."""
    row = mapping(answer)
    try:
        day = date.fromisoformat(words(row, "date"))
        opens, closes = (dt.time.fromisoformat(words(row, name)) for name in ("open", "close"))
        return Session.in_new_york(day, opens, closes)
    except (ValueError, OverflowError):
        raise BadResponse("a calendar row needs date, open and close", row) from None
    except BadResponse:
        raise
    except BadInput as error:
        raise BadResponse(error.text, row) from None


def stamp(value: object) -> datetime:
    """A data time: ISO text from REST, a msgpack timestamp from the stream. Raises BadResponse."""
    if not hasattr(value, "to_unix_nano"):
        return moment(value, "t")
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=value.to_unix_nano() // 1000)
    except OverflowError:
        raise BadResponse(f"t must be a time, was {value!r}", value) from None


def bar(symbol: str, answer: object, feed: str) -> BarData:
    """A completed one-minute bar. Raises BadResponse naming what is wrong with it."""
    row = mapping(answer)
    starts_at = stamp(row.get("t"))
    try:
        return BarData(
            symbol=symbol,
            timeframe="1Min",
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=1),
            open=number(row, "o"),
            high=number(row, "h"),
            low=number(row, "l"),
            close=number(row, "c"),
            volume=number(row, "v"),
            feed=feed,
        )
    except OverflowError:
        raise BadResponse(f"bar of {symbol}: t must be a time, was {starts_at}", row) from None
    except ValidationError as error:
        raise BadResponse(f"bar of {symbol} at {starts_at}: {error.errors()[0]['msg']}", row, symbol=symbol) from None


def quote(symbol: str, answer: object, feed: str) -> QuoteData:
    """The best bid and ask. Raises BadResponse naming what is wrong with them."""
    row = mapping(answer)
    quoted_at = stamp(row.get("t"))
    try:
        return QuoteData(
            symbol=symbol,
            bid=number(row, "bp"),
            ask=number(row, "ap"),
            bid_size=number(row, "bs"),
            ask_size=number(row, "as"),
            quoted_at=quoted_at,
            feed=feed,
        )
    except ValidationError as error:
        raise BadResponse(
            f"quote of {symbol} at {quoted_at}: {error.errors()[0]['msg']}", row, symbol=symbol, no_market=True
        ) from None


def listing(answer: object) -> Listing:
    """A share as Alpaca lists it; fractions go down to nine places. Raises BadResponse, also for what is no share."""
    row = mapping(answer)
    symbol, kind = words(row, "symbol"), row.get("class") or row.get("asset_class") or "us_equity"
    if kind != "us_equity":
        raise BadResponse(f"expected a share, was {kind!r}", row)
    return Listing(
        instrument=_instrument(symbol, row),
        name=optional_words(row, "name") or symbol,
        tradable=row.get("tradable") is True and row.get("status", "active") == "active",
        lot=_SMALLEST_FRACTION if row.get("fractionable") is True else Decimal(1),
        shortable=_flag(row, "shortable"),
        marginable=_flag(row, "marginable"),
    )


def option_listing(answer: object) -> Listing:
    """An option contract as an instrument. Raises BadResponse."""
    row, found = mapping(answer), contract(answer)
    return Listing(
        instrument=_instrument(found.symbol, row, Terms(found.multiplier, OPTION_TICKS)),
        name=optional_words(row, "name") or found.symbol,
        tradable=found.tradable,
        lot=Decimal(1),
    )


def contract(answer: object) -> OptionContract:
    """A contract of a chain; its symbol says strike, right and expiry, and must agree with the row's own fields.

    `size` is the shares that it delivers; of an adjusted contract other than a hundred. Raises BadResponse.
    """
    row = mapping(answer)
    try:
        parts = OptionSymbol.parse(words(row, "symbol"))
    except BadResponse:
        raise
    except BadInput as error:
        raise BadResponse(error.text, row) from None
    size = optional(row, "size")
    found = OptionContract(
        symbol=str(parts),
        underlying=optional_words(row, "underlying_symbol") or parts.root,
        expiry=parts.expiry,
        right=parts.right,
        strike=parts.strike,
        multiplier=Decimal(100) if size is None else positive(row, "size"),
        tradable=row.get("tradable") is True and row.get("status", "active") == "active",
        style=_style(row),
        open_interest=optional_count(row, "open_interest"),
        open_interest_on=optional_day(row, "open_interest_date"),
        close_price=optional(row, "close_price"),
        close_on=optional_day(row, "close_price_date"),
    )
    said = {"strike_price": found.strike, "expiration_date": found.expiry.isoformat(), "type": found.right}
    for field, expected in said.items():
        if row.get(field) not in (None, "") and (
            number(row, field) != expected if isinstance(expected, Decimal) else row[field] != expected
        ):
            raise BadResponse(f"expected {field} {expected} of {found.symbol}, was {row[field]!r}", row)
    return found


def option_quote(symbol: str, answer: object, feed: str) -> OptionQuote:
    """A snapshot of an option: latest quote, latest trade, greeks where the feed has them. Raises BadResponse."""
    row = mapping(answer)
    latest = mapping(row.get("latestQuote"))
    trade, greeks = _part(row, "latestTrade"), _part(row, "greeks")
    found = OptionQuote(
        symbol=symbol,
        quoted_at=stamp(latest.get("t")),
        # No bid is told as zero: nobody bids. That is no price.
        bid=optional(latest, "bp") or None,
        ask=optional(latest, "ap") or None,
        bid_size=optional(latest, "bs"),
        ask_size=optional(latest, "as"),
        last=optional(trade, "p"),
        implied_volatility=optional(row, "impliedVolatility"),
        delta=optional(greeks, "delta"),
        gamma=optional(greeks, "gamma"),
        theta=optional(greeks, "theta"),
        vega=optional(greeks, "vega"),
        rho=optional(greeks, "rho"),
        feed=feed,
        delay_seconds=_DELAYS.get(feed, 0),
    )
    prices = [price for price in (found.bid, found.ask) if price is not None]
    if any(price < 0 for price in prices) or (len(prices) == 2 and prices[0] > prices[1]):
        raise BadResponse(f"quote of {symbol}: expected 0 <= bid <= ask, was {found.bid} and {found.ask}", row)
    return found


def _style(row: Mapping[str, Any]) -> OptionStyle | None:
    style = row.get("style")
    return style if style in ("american", "european") else None


def _part(row: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    return {} if row.get(field) is None else mapping(row[field])


def _flag(row: Mapping[str, Any], field: str) -> bool | None:
    value = row.get(field)
    return value if isinstance(value, bool) else None


def _instrument(symbol: str, row: Mapping[str, Any], terms: Terms | None = None) -> Instrument:
    try:
        return instrument(symbol, terms)
    except BadInput as error:
        raise BadResponse(error.text, row) from None
