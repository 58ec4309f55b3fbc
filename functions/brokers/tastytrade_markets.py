"""tastytrade's instruments, chains, quotes, market hours and dxFeed's events as our shapes, read row by row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import ValidationError

from functions.brokers.errors import BadResponse
from functions.brokers.markets import Listing, MarketClock, OptionContract, OptionQuote, TradePrint
from functions.brokers.reading import (
    mapping,
    number,
    optional,
    optional_count,
    optional_words,
    positive,
    rows,
    words,
)
from functions.brokers.tastytrade_symbols import heard, inside
from functions.brokers.tastytrade_wire import instant
from functions.core.errors import BadInput
from functions.core.events import BarData, QuoteData
from functions.core.instruments import OptionSymbol, Terms, TickTable, instrument
from functions.core.market_calendar import REGULAR_CLOSE, REGULAR_OPEN, Session

FEED: Final = "dxfeed"
_QUOTED: Final = ("bidPrice", "askPrice", "bidSize", "askSize")
_HALF_DAY_CLOSE: Final = dt.time(13, 0)
_STATES: Final = {"Open": True, "Closed": False, "Pre-market": False, "Extended": False}
_FRACTION: Final = Decimal("0.00001")
_WHOLE: Final = Decimal(1)
_MINUTE: Final = timedelta(minutes=1)
_SATURDAY: Final = 5
_TOLD: Final[Mapping[str, Literal["new", "corrected", "canceled"]]] = {
    "NEW": "new",
    "CORRECTION": "corrected",
    "CANCEL": "canceled",
}


def clock(answer: object, now: datetime) -> MarketClock:
    """Whether the regular session of shares is open, of the current sessions' first row. Raises BadResponse."""
    row = mapping(answer)
    state = words(row, "state")
    if state not in _STATES:
        raise BadResponse(f"unknown market state {state!r}", row)
    return MarketClock(now=now, is_open=_STATES[state])


def calendar(answer: object, start: date, end: date) -> list[Session]:
    """The sessions from `start` to `end`, of the holidays and half days. Raises BadResponse.

    A year that the lists do not mention is not known, and has no session here: none is invented.
    """
    row = mapping(answer)
    closed, halves = _days(row, "market-holidays"), _days(row, "market-half-days")
    years = {day.year for day in closed}
    days = (start + timedelta(days=count) for count in range((end - start).days + 1))
    return [
        Session.in_new_york(day, REGULAR_OPEN, _HALF_DAY_CLOSE if day in halves else REGULAR_CLOSE)
        for day in days
        if day.year in years and day.weekday() < _SATURDAY and day not in closed
    ]


def _days(row: Mapping[str, Any], field: str) -> set[date]:
    try:
        return {date.fromisoformat(str(value)) for value in rows(row.get(field))}
    except ValueError:
        raise BadResponse(f"{field} must be days, was {row.get(field)!r}", row) from None


def ticks(answer: object) -> TickTable:
    """Steps as `[{"threshold": "3.0", "value": "0.01"}, {"value": "0.05"}]`: a value holds below its threshold.

    Raises BadResponse.
    """
    below: list[tuple[Decimal, Decimal]] = []
    above: Decimal | None = None
    for entry in rows(answer):
        row = mapping(entry)
        threshold = optional(row, "threshold")
        if threshold is None:
            above = positive(row, "value")
        else:
            below.append((threshold, positive(row, "value")))
    below.sort()
    if above is None:
        raise BadResponse("expected a tick without threshold for all higher prices", answer)
    starts = [Decimal(0), *(threshold for threshold, _ in below)]
    steps = [*(value for _, value in below), above]
    try:
        return TickTable(tuple(zip(starts, steps, strict=True)))
    except BadInput as error:
        raise BadResponse(error.text, answer) from None


def share_listing(answer: object) -> Listing:
    """A share. Raises BadResponse."""
    row = mapping(answer)
    symbol = inside(row.get("symbol"))
    terms = Terms(Decimal(1), ticks(row["tick-sizes"])) if row.get("tick-sizes") else None
    lendability = optional_words(row, "lendability")
    return Listing(
        instrument=instrument(symbol, terms),
        name=optional_words(row, "description") or symbol,
        tradable=row.get("active") is not False and row.get("is-closing-only") is not True,
        lot=_FRACTION if row.get("is-fractional-quantity-eligible") is True else _WHOLE,
        shortable=None if lendability is None else lendability == "Easy To Borrow",
    )


def option_listing(answer: object, share: object) -> Listing:
    """An option, with the steps that its underlying's row gives for options. Raises BadResponse."""
    row, underlying = mapping(answer), mapping(share)
    symbol = inside(row.get("symbol"))
    if not underlying.get("option-tick-sizes"):
        raise BadResponse("expected the steps of the underlying's options", underlying)
    multiplier = positive(row, "shares-per-contract")
    return Listing(
        instrument=instrument(symbol, Terms(multiplier, ticks(underlying["option-tick-sizes"]))),
        name=symbol,
        tradable=row.get("active") is not False and row.get("is-closing-only") is not True,
        lot=_WHOLE,
    )


def chain(answer: object, expiry: date | None, until: date | None = None) -> list[object]:
    """The strikes of a nested chain, each as (chain, expiration, strike) that `contract` reads. Raises BadResponse."""
    root = mapping(answer)
    found: list[object] = []
    for expiration in rows(root.get("expirations")):
        row = mapping(expiration)
        day = words(row, "expiration-date")
        # ISO dates are in the order of their letters.
        if (expiry is None or day == expiry.isoformat()) and (until is None or day <= until.isoformat()):
            found.extend((root, row, strike) for strike in rows(row.get("strikes")))
    return found


def contract(right: str, answer: object) -> OptionContract:
    """The call or the put of one strike of a chain. Raises BadResponse."""
    if not isinstance(answer, tuple):
        raise BadResponse("expected a strike of a chain", answer)
    root, expiration, strike = (mapping(part) for part in answer)
    symbol = inside(strike.get(right))
    try:
        option = OptionSymbol.parse(symbol)
    except BadInput as error:
        raise BadResponse(error.text, strike) from None
    told = words(expiration, "expiration-date"), positive(strike, "strike-price"), right
    if told != (option.expiry.isoformat(), option.strike, option.right):
        raise BadResponse(f"the symbol {symbol} contradicts its place in the chain", strike)
    return OptionContract(
        symbol=symbol,
        underlying=inside(root.get("underlying-symbol")),
        expiry=option.expiry,
        right=option.right,
        strike=option.strike,
        multiplier=positive(root, "shares-per-contract"),
        ticks=ticks(root["tick-sizes"]) if root.get("tick-sizes") else None,
    )


def has_quote(answer: object) -> bool:
    """Whether a row of market data has a bid and an ask: an index has none, a share none before its first."""
    row = mapping(answer)
    return bool(row.get("bid")) and bool(row.get("ask"))


def quote(answer: object) -> QuoteData:
    """A share's best bid and ask, of the market data list. Raises BadResponse."""
    row = mapping(answer)
    symbol = inside(row.get("symbol"))
    return _quote(row, symbol, ("bid", "ask", "bid-size", "ask-size"), instant(row.get("updated-at"), "updated-at"))


def option_quote(answer: object) -> OptionQuote:
    """An option's latest, of the market data list; what is missing stays missing. Raises BadResponse."""
    row = mapping(answer)
    return OptionQuote(
        symbol=inside(row.get("symbol")),
        quoted_at=instant(row.get("updated-at"), "updated-at"),
        bid=optional(row, "bid"),
        ask=optional(row, "ask"),
        bid_size=optional(row, "bid-size"),
        ask_size=optional(row, "ask-size"),
        last=optional(row, "last"),
        implied_volatility=optional(row, "volatility"),
        delta=optional(row, "delta"),
        gamma=optional(row, "gamma"),
        theta=optional(row, "theta"),
        vega=optional(row, "vega"),
        rho=optional(row, "rho"),
        open_interest=optional_count(row, "open-interest"),
        feed=FEED,
    )


def streamed_quote(event: Mapping[str, Any], at: datetime) -> QuoteData:
    """A Quote event of dxFeed, heard `at` where it does not say when it was made. Raises BadResponse."""
    symbol = heard(event.get("eventSymbol"))
    quoted_at = event_time(event, "bidTime", "askTime") or at
    return _quote(event, symbol, ("bidPrice", "askPrice", "bidSize", "askSize"), quoted_at)


def streamed_option_quote(event: Mapping[str, Any], at: datetime) -> OptionQuote:
    """A Quote event of a contract; a side that nobody quotes stays missing. Raises BadResponse."""
    values = {field: None if event.get(field) in ("NaN", 0) else event.get(field) for field in _QUOTED}
    found = OptionQuote(
        symbol=heard(event.get("eventSymbol")),
        quoted_at=event_time(event, "bidTime", "askTime") or at,
        bid=optional(values, "bidPrice"),
        ask=optional(values, "askPrice"),
        bid_size=optional(values, "bidSize"),
        ask_size=optional(values, "askSize"),
        feed=FEED,
    )
    if any(price is not None and price < 0 for price in (found.bid, found.ask)):
        raise BadResponse(f"quote of {found.symbol}: expected no price below zero", event)
    if found.bid is not None and found.ask is not None and found.bid > found.ask:
        raise BadResponse(f"quote of {found.symbol}: expected bid <= ask, was {found.bid} and {found.ask}", event)
    return found


def candle(event: Mapping[str, Any]) -> BarData:
    """A one-minute Candle event of dxFeed. Raises BadResponse: a candle of a minute without trades is all NaN."""
    symbol = heard(event.get("eventSymbol"))
    starts_at = event_time(event, "time")
    if starts_at is None:
        raise BadResponse(f"candle of {symbol}: expected a time", event)
    try:
        return BarData(
            symbol=symbol,
            timeframe="1Min",
            starts_at=starts_at,
            ends_at=starts_at + _MINUTE,
            open=number(event, "open"),
            high=number(event, "high"),
            low=number(event, "low"),
            close=number(event, "close"),
            volume=number(event, "volume"),
            feed=FEED,
        )
    except OverflowError:
        raise BadResponse(f"candle of {symbol}: time must be a time", event) from None
    except ValidationError as error:
        raise BadResponse(f"candle of {symbol} at {starts_at}: {error.errors()[0]['msg']}", event) from None


def trade_print(event: Mapping[str, Any]) -> TradePrint:
    """A TimeAndSale event of dxFeed, whose `validTick` is its reading of the tapes' rules. Raises BadResponse."""
    symbol = heard(event.get("eventSymbol"))
    traded_at, told = event_time(event, "time"), _TOLD.get(str(event.get("type")))
    number, is_valid = event.get("index"), event.get("validTick")
    if traded_at is None or told is None or not isinstance(number, int) or not isinstance(is_valid, bool):
        text = f"trade of {symbol}: expected a time, an index, a type and whether it is valid"
        raise BadResponse(text, event, symbol=symbol)
    return TradePrint(
        symbol=symbol,
        traded_at=traded_at,
        number=number,
        price=positive(event, "price"),
        size=positive(event, "size"),
        conditions=str(event.get("exchangeSaleConditions") or "").replace("NaN", ""),
        sets_prices=is_valid,
        told=told,
        feed=FEED,
    )


def event_time(event: Mapping[str, Any], *fields: str) -> datetime | None:
    """The latest of the event's times, in milliseconds since 1970; None where it has none. Raises BadResponse."""
    found = []
    for field in fields:
        value = event.get(field)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value not in (None, 0, "NaN"):
            found.append(instant(value, field))
    return max(found, default=None)


def _quote(row: Mapping[str, Any], symbol: str, fields: tuple[str, str, str, str], quoted_at: datetime) -> QuoteData:
    bid, ask, bid_size, ask_size = fields
    try:
        return QuoteData(
            symbol=symbol,
            bid=number(row, bid),
            ask=number(row, ask),
            bid_size=number(row, bid_size),
            ask_size=number(row, ask_size),
            quoted_at=quoted_at,
            feed=FEED,
        )
    except ValidationError as error:
        raise BadResponse(
            f"quote of {symbol} at {quoted_at}: {error.errors()[0]['msg']}", row, symbol=symbol, no_market=True
        ) from None
