"""Market data and metrics as the REST API writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from functions.core.money import rounded, text
from local.simulators.tastytrade import symbols
from local.simulators.tastytrade.simulator import Simulator
from local.simulators.tastytrade.wire import NEW_YORK, instant, millis


def market_data(simulator: Simulator, symbol: str, kind: str) -> dict[str, Any] | None:
    """The latest of a symbol; None where it is not listed. What is not known is left out."""
    if kind == "Equity Option":
        return _option_data(simulator, symbol)
    if symbol not in simulator.prices.symbols or kind != "Equity":
        return None
    prices, now = simulator.prices, simulator.now()
    day = now.astimezone(NEW_YORK).date()
    standing, last, today = prices.quote(symbol), prices.trade(symbol), prices.today(symbol, simulator.session)
    before = [one for one in prices.days(symbol) if one.day < day]
    mid = None if standing is None else (standing.bid + standing.ask) / 2
    shown: dict[str, Any] = {
        "symbol": symbols.outside(symbol),
        "instrument-type": kind,
        "updated-at": instant(now if standing is None else standing.at),
        "bid": _price(None if standing is None else standing.bid),
        "bid-size": "0" if standing is None else text(standing.bid_size),
        "ask": _price(None if standing is None else standing.ask),
        "ask-size": "0" if standing is None else text(standing.ask_size),
        "mid": _price(mid),
        "mark": _price(mid if mid is not None else prices.mark(symbol)),
        "last": _price(None if last is None else last.price),
        "last-trade-time": None if last is None else millis(last.at),
        "open": _price(None if today is None else today.open),
        "day-high-price": _price(None if today is None else today.high),
        "day-low-price": _price(None if today is None else today.low),
        "volume": None if today is None else text(Decimal(today.volume)),
        "close-price-type": "Unknown",
        "summary-date": day.isoformat(),
        "prev-close": _price(before[-1].close if before else None),
        "prev-close-date": (before[-1].day if before else day).isoformat(),
        "prev-close-price-type": "Final",
        "is-trading-halted": False,
        "halt-start-time": -1,
        "halt-end-time": -1,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _option_data(simulator: Simulator, symbol: str) -> dict[str, Any] | None:
    """Of an option: its quote, volatility and greeks; it never traded on the tape, so there is no last."""
    view, now = simulator.options.view(symbol), simulator.now()
    if view is None:
        return None
    day = now.astimezone(NEW_YORK).date().isoformat()
    model = view.model
    return {
        "symbol": symbols.outside(symbol),
        "instrument-type": "Equity Option",
        "updated-at": instant(view.at),
        "bid": _price(view.bid),
        "bid-size": text(view.bid_size),
        "ask": _price(view.ask),
        "ask-size": text(view.ask_size),
        "mid": _price(view.mark),
        "mark": _price(view.mark),
        "volatility": f"{view.volatility:.6f}",
        "delta": f"{model.delta:.6f}",
        "gamma": f"{model.gamma:.6f}",
        "theta": f"{model.theta:.6f}",
        "vega": f"{model.vega:.6f}",
        "rho": f"{model.rho:.6f}",
        "theo-price": f"{model.price:.6f}",
        "open-interest": str(simulator.options.open_interest(view.option)),
        "close-price-type": "Unknown",
        "summary-date": day,
        "prev-close-date": day,
        "prev-close-price-type": "Unknown",
        "is-trading-halted": False,
        "halt-start-time": -1,
        "halt-end-time": -1,
    }


def metrics(simulator: Simulator, symbol: str) -> dict[str, Any]:
    """A few of the many: enough for the SDK's model, made from nothing that the tape does not say."""
    return {
        "symbol": symbols.outside(symbol),
        "market-cap": "0",
        "beta": "1.0",
        "liquidity-rating": 4,
        "listed-market": "ARCA",
        "lendability": "Easy To Borrow",
        "borrow-rate": "0.0",
        "updated-at": instant(simulator.now()),
    }


def _price(value: Decimal | None) -> str | None:
    return None if value is None else text(rounded(value, 4))
