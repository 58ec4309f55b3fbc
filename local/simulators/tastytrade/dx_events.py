"""Market events as dxFeed's models have them: one mapping of field to value for each event.

Times are milliseconds since 1970, prices and sizes JSON numbers, what is not known is "NaN" as dxFeed writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from functions.backtest.market import Print, Quote
from local.simulators.tastytrade.symbols import streamer
from local.simulators.tastytrade.wire import millis
from local.simulators.venue.option_market import RATE, OptionView
from local.tape.model import Bar, DailyBar

NAN: Final = "NaN"
SNAPSHOT_BEGIN: Final = 0x4
SNAPSHOT_END: Final = 0x8
REMOVE: Final = 0x2
_EXCHANGE: Final = "Q"
_EPOCH: Final = date(1970, 1, 1)

Event = dict[str, Any]

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "Quote": (
        *("eventSymbol", "eventTime", "sequence", "timeNanoPart", "bidTime", "bidExchangeCode", "askTime"),
        *("askExchangeCode", "bidPrice", "askPrice", "bidSize", "askSize"),
    ),
    "Trade": (
        *("eventSymbol", "eventTime", "time", "timeNanoPart", "sequence", "exchangeCode", "dayId", "tickDirection"),
        *("extendedTradingHours", "price", "change", "size", "dayVolume", "dayTurnover"),
    ),
    "Candle": (
        *("eventSymbol", "eventTime", "eventFlags", "index", "time", "sequence", "count", "volume", "vwap"),
        *("bidVolume", "askVolume", "impVolatility", "openInterest", "open", "high", "low", "close"),
    ),
    "Summary": (
        *("eventSymbol", "eventTime", "dayId", "dayClosePriceType", "prevDayId", "prevDayClosePriceType"),
        *("openInterest", "dayOpenPrice", "dayHighPrice", "dayLowPrice", "dayClosePrice", "prevDayClosePrice"),
        "prevDayVolume",
    ),
    "TimeAndSale": (
        *("eventSymbol", "eventTime", "eventFlags", "index", "time", "timeNanoPart", "sequence", "exchangeCode"),
        *("price", "size", "bidPrice", "askPrice", "tradeThroughExempt", "aggressorSide", "spreadLeg"),
        *("extendedTradingHours", "validTick", "type", "buyer", "seller", "exchangeSaleConditions"),
    ),
    "Profile": (
        *("eventSymbol", "eventTime", "description", "shortSaleRestriction", "tradingStatus", "haltStartTime"),
        *("haltEndTime", "exDividendDayId", "statusReason", "high52WeekPrice", "low52WeekPrice", "beta", "shares"),
        *("highLimitPrice", "lowLimitPrice", "earningsPerShare", "exDividendAmount", "dividendFrequency"),
        "freeFloat",
    ),
    "Greeks": (
        *("eventSymbol", "eventTime", "eventFlags", "index", "time", "sequence", "price", "volatility", "delta"),
        *("gamma", "theta", "rho", "vega"),
    ),
    "TheoPrice": (
        *("eventSymbol", "eventTime", "eventFlags", "index", "time", "sequence", "price", "underlyingPrice"),
        *("delta", "gamma", "dividend", "interest"),
    ),
    "Underlying": (
        *("eventSymbol", "eventTime", "eventFlags", "index", "time", "sequence", "volatility", "frontVolatility"),
        *("backVolatility", "callVolume", "putVolume", "optionVolume", "putCallRatio"),
    ),
}
"""Every event type, with its fields where a client names none."""

_NUMBERS: Final = frozenset(
    {"bidPrice", "askPrice", "bidSize", "askSize", "price", "size", "open", "high", "low", "close", "volume", "delta"}
)


def number(value: Decimal | None) -> float | str:
    """The shortest text of the float is the Decimal's own."""
    return NAN if value is None else float(value)


def compact(events: Sequence[Event], fields: Sequence[str]) -> list[Any]:
    """The values of several events one after another, in the order of the fields; NaN for what an event lacks."""
    return [event.get(field, NAN) for event in events for field in fields]


def without_numbers(event: Event) -> Event:
    """The event as dxFeed sends it where it knows no price."""
    return {field: NAN if field in _NUMBERS else value for field, value in event.items()}


def index_of(at: datetime, sequence: int = 0) -> int:
    """The index of an event in time: seconds in the upper half, milliseconds and sequence in the lower."""
    moment = millis(at)
    return (moment // 1000 << 32) | (moment % 1000 << 22) | sequence


def day_id(day: date) -> int:
    """Days since 1970."""
    return (day - _EPOCH).days


def quote(quote: Quote) -> Event:
    at = millis(quote.at)
    return {
        "eventSymbol": streamer(quote.symbol),
        "eventTime": at,
        "sequence": 0,
        "timeNanoPart": 0,
        "bidTime": at,
        "bidExchangeCode": _EXCHANGE,
        "askTime": at,
        "askExchangeCode": _EXCHANGE,
        "bidPrice": number(quote.bid),
        "askPrice": number(quote.ask),
        "bidSize": number(quote.bid_size),
        "askSize": number(quote.ask_size),
    }


def trade(trade: Print, day: date, before: Decimal | None, today: DailyBar | None) -> Event:
    """`before` is the close of the session before, `today` the day so far."""
    at = millis(trade.at)
    return {
        "eventSymbol": streamer(trade.symbol),
        "eventTime": at,
        "time": at,
        "timeNanoPart": 0,
        "sequence": 0,
        "exchangeCode": _EXCHANGE,
        "dayId": day_id(day),
        "tickDirection": "UNDEFINED",
        "extendedTradingHours": False,
        "price": number(trade.price),
        "change": number(None if before is None else trade.price - before),
        "size": int(trade.size),
        "dayVolume": NAN if today is None else today.volume,
        "dayTurnover": NAN,
    }


def time_and_sale(trade: Print, standing: Quote | None) -> Event:
    at = millis(trade.at)
    return {
        "eventSymbol": streamer(trade.symbol),
        "eventTime": at,
        "eventFlags": 0,
        "index": index_of(trade.at),
        "time": at,
        "timeNanoPart": 0,
        "sequence": 0,
        "exchangeCode": _EXCHANGE,
        "price": number(trade.price),
        "size": int(trade.size),
        "bidPrice": number(None if standing is None else standing.bid),
        "askPrice": number(None if standing is None else standing.ask),
        "tradeThroughExempt": "0",
        "aggressorSide": "UNDEFINED",
        "spreadLeg": False,
        "extendedTradingHours": False,
        "validTick": True,
        "type": "NEW",
        "buyer": NAN,
        "seller": NAN,
        "exchangeSaleConditions": "@",
    }


def candle(symbol: str, bar: Bar, *, flags: int = 0, at: datetime | None = None) -> Event:
    """`symbol` is the one subscribed to, with its attributes; `at` when it is told."""
    return {
        "eventSymbol": symbol,
        "eventTime": millis(bar.ends_at if at is None else at),
        "eventFlags": flags,
        "index": index_of(bar.starts_at),
        "time": millis(bar.starts_at),
        "sequence": 0,
        "count": 0 if bar.trades is None else bar.trades,
        "volume": bar.volume,
        "vwap": number(bar.vwap),
        "bidVolume": NAN,
        "askVolume": NAN,
        "impVolatility": NAN,
        "openInterest": NAN,
        "open": number(bar.open),
        "high": number(bar.high),
        "low": number(bar.low),
        "close": number(bar.close),
    }


def removed_candle(symbol: str, starts_at: datetime, *, flags: int = REMOVE) -> Event:
    """A candle that is taken back, and the end of every snapshot."""
    at = millis(starts_at)
    named = {"eventSymbol": symbol, "eventTime": at, "eventFlags": flags, "index": index_of(starts_at), "time": at}
    return {**named, "sequence": 0, "count": 0}


def summary(symbol: str, day: date, at: datetime, today: DailyBar | None, before: DailyBar | None) -> Event:
    return {
        "eventSymbol": streamer(symbol),
        "eventTime": millis(at),
        "dayId": day_id(day),
        "dayClosePriceType": "REGULAR",
        "prevDayId": day_id(before.day) if before is not None else 0,
        "prevDayClosePriceType": "FINAL",
        "openInterest": 0,
        "dayOpenPrice": number(None if today is None else today.open),
        "dayHighPrice": number(None if today is None else today.high),
        "dayLowPrice": number(None if today is None else today.low),
        "dayClosePrice": NAN,
        "prevDayClosePrice": number(None if before is None else before.close),
        "prevDayVolume": NAN if before is None else before.volume,
    }


def profile(symbol: str, at: datetime, *, halted: bool = False) -> Event:
    return {
        "eventSymbol": streamer(symbol),
        "eventTime": millis(at),
        "description": symbol,
        "shortSaleRestriction": "INACTIVE",
        "tradingStatus": "HALTED" if halted else "ACTIVE",
        "haltStartTime": 0,
        "haltEndTime": 0,
        "exDividendDayId": 0,
    }


def greeks(view: OptionView) -> Event:
    model = view.model
    return {
        **_indexed(_name(view), view.at),
        "price": number(view.mark),
        "volatility": view.volatility,
        "delta": model.delta,
        "gamma": model.gamma,
        "theta": model.theta,
        "rho": model.rho,
        "vega": model.vega,
    }


def theo_price(view: OptionView, spot: Decimal) -> Event:
    return {
        **_indexed(_name(view), view.at),
        "price": view.model.price,
        "underlyingPrice": number(spot),
        "delta": view.model.delta,
        "gamma": view.model.gamma,
        "dividend": 0.0,
        "interest": RATE,
    }


def underlying(symbol: str, at: datetime, volatility: float) -> Event:
    """Of an underlying: the volatility of its options. Nobody but our accounts trades them, so there is no volume."""
    return {
        **_indexed(streamer(symbol), at),
        "volatility": volatility,
        "frontVolatility": volatility,
        "backVolatility": volatility,
        "callVolume": 0,
        "putVolume": 0,
        "optionVolume": 0,
        "putCallRatio": 0.0,
    }


def _name(view: OptionView) -> str:
    return streamer(str(view.option))


def _indexed(name: str, at: datetime) -> Event:
    moment = millis(at)
    named = {"eventSymbol": name, "eventTime": moment, "eventFlags": 0, "index": index_of(at), "time": moment}
    return {**named, "sequence": 0}
