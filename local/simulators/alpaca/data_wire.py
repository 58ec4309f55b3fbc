"""Quotes, trades and bars as the data API writes them; `t` is added by whoever sends, in the form its wire wants."""

from __future__ import annotations

from typing import Any

from functions.backtest.market import Print, Quote
from local.simulators.alpaca.wire import number
from local.simulators.venue.option_market import OptionView
from local.tape.model import Bar, DailyBar

_EXCHANGE = "V"
_TAPE = "B"
_OPTION_EXCHANGE = "C"


def quote(quote: Quote) -> dict[str, Any]:
    """Prices in dollars, sizes in shares."""
    return {
        "bx": _EXCHANGE,
        "bp": number(quote.bid),
        "bs": number(quote.bid_size),
        "ax": _EXCHANGE,
        "ap": number(quote.ask),
        "as": number(quote.ask_size),
        "c": ["R"],
        "z": _TAPE,
    }


def trade(trade: Print) -> dict[str, Any]:
    """The trade's id is its time in microseconds: a tape has one print per symbol and moment."""
    return {
        "i": int(trade.at.timestamp() * 1_000_000),
        "x": _EXCHANGE,
        "p": number(trade.price),
        "s": number(trade.size),
        "c": ["@"],
        "z": _TAPE,
    }


def bar(bar: Bar | DailyBar) -> dict[str, Any]:
    """Count and volume-weighted price are null where the tape does not know them."""
    vwap = bar.vwap if isinstance(bar, Bar) else None
    return {
        "o": number(bar.open),
        "h": number(bar.high),
        "l": number(bar.low),
        "c": number(bar.close),
        "v": bar.volume,
        "n": bar.trades if isinstance(bar, Bar) else None,
        "vw": None if vwap is None else number(vwap),
    }


def option_quote(view: OptionView) -> dict[str, Any]:
    """Prices in dollars per share, sizes in contracts."""
    return {
        "bx": _OPTION_EXCHANGE,
        "bp": number(view.bid),
        "bs": number(view.bid_size),
        "ax": _OPTION_EXCHANGE,
        "ap": number(view.ask),
        "as": number(view.ask_size),
        "c": "A",
    }


def greeks(view: OptionView) -> dict[str, float]:
    """Per share of the underlying; theta per day, vega and rho per percent."""
    model = view.model
    return {name: round(getattr(model, name), 4) for name in ("delta", "gamma", "rho", "theta", "vega")}
