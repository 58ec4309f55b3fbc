"""Data REST for stocks: history in pages, the latest of everything, snapshots. Nothing of the future is answered."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.alpaca import data_wire, refusals
from local.simulators.alpaca.refusals import Refusal
from local.simulators.alpaca.route_context import require_data_key
from local.simulators.alpaca.simulator import Simulator
from local.simulators.alpaca.timeframes import Timeframe, midnight
from local.simulators.alpaca.wire import NEW_YORK, moment
from local.simulators.venue.bars import grouped
from local.simulators.venue.clock import instant
from local.tape.model import Bar, DailyBar

_MOST_ROWS = 10_000
_DEFAULT_ROWS = 1000
Row = tuple[datetime, dict[str, Any]]
Rows = Callable[[str, datetime, datetime], list[Row]]


async def bars(request: Request) -> Response:
    simulator = require_data_key(request)
    timeframe = Timeframe.read(request.query_params.get("timeframe"))

    def rows(symbol: str, start: datetime, end: datetime) -> list[Row]:
        if timeframe.width is None:
            return [
                (midnight(bar.day), data_wire.bar(bar))
                for bar in _daily(simulator, symbol)
                if start <= midnight(bar.day) <= end
            ]
        minutes = simulator.prices.minutes(symbol, start, end)
        return [(bar.starts_at, data_wire.bar(bar)) for bar in grouped(minutes, timeframe.width)]

    return _history(request, simulator, "bars", rows)


async def quotes(request: Request) -> Response:
    simulator = require_data_key(request)

    def rows(symbol: str, start: datetime, end: datetime) -> list[Row]:
        return [(quote.at, data_wire.quote(quote)) for quote in simulator.prices.quotes(symbol, start, end)]

    return _history(request, simulator, "quotes", rows)


async def trades(request: Request) -> Response:
    simulator = require_data_key(request)

    def rows(symbol: str, start: datetime, end: datetime) -> list[Row]:
        return [(trade.at, data_wire.trade(trade)) for trade in simulator.prices.prints(symbol, start, end)]

    return _history(request, simulator, "trades", rows)


async def latest_bars(request: Request) -> Response:
    simulator = require_data_key(request)
    return _latest(request, "bars", lambda symbol: _minute_bar(simulator, symbol))


async def latest_quotes(request: Request) -> Response:
    simulator = require_data_key(request)
    return _latest(request, "quotes", lambda symbol: _latest_quote(simulator, symbol))


async def latest_trades(request: Request) -> Response:
    simulator = require_data_key(request)
    return _latest(request, "trades", lambda symbol: _latest_trade(simulator, symbol))


async def snapshots(request: Request) -> Response:
    simulator = require_data_key(request)
    found = {symbol: _snapshot(simulator, symbol) for symbol in _symbols(request)}
    return JSONResponse({symbol: snapshot for symbol, snapshot in found.items() if snapshot})


def _history(request: Request, simulator: Simulator, name: str, rows: Rows) -> Response:
    """One page over all symbols, symbol by symbol, each in time order."""
    query = request.query_params
    start, end = _window(simulator, query.get("start"), query.get("end"))
    descending = query.get("sort", "asc") == "desc"
    limit = _limit(query.get("limit"))
    found: dict[str, list[dict[str, Any]]] = {}
    left, token = limit, _read_token(query.get("page_token"))
    for symbol in sorted(_symbols(request)):
        if token is not None and symbol < token[0]:
            continue
        page = sorted(rows(symbol, start, end), key=lambda row: row[0], reverse=descending)
        if token is not None and symbol == token[0]:
            page = page[token[1] :]
        offset = token[1] if token is not None and symbol == token[0] else 0
        if page[:left]:
            found[symbol] = [{"t": instant(at), **row} for at, row in page[:left]]
        if len(page) > left:
            return JSONResponse({name: found, "next_page_token": _write_token(symbol, offset + left)})
        left -= len(page)
    return JSONResponse({name: found, "next_page_token": None})


def _latest(request: Request, name: str, find: Callable[[str], dict[str, Any] | None]) -> Response:
    found = {symbol: find(symbol) for symbol in _symbols(request)}
    return JSONResponse({name: {symbol: row for symbol, row in found.items() if row is not None}})


def _snapshot(simulator: Simulator, symbol: str) -> dict[str, Any]:
    """Only what is known is in it."""
    days = _daily(simulator, symbol)
    today = simulator.now().astimezone(NEW_YORK).date()
    before = [bar for bar in days if bar.day < today]
    parts = {
        "latestTrade": _latest_trade(simulator, symbol),
        "latestQuote": _latest_quote(simulator, symbol),
        "minuteBar": _minute_bar(simulator, symbol),
        "dailyBar": _day_row(days[-1]) if days else None,
        "prevDailyBar": _day_row(before[-1]) if before and before[-1] is not days[-1] else None,
    }
    if days and days[-1].day < today and len(before) > 1:
        parts["prevDailyBar"] = _day_row(before[-2])
    return {name: part for name, part in parts.items() if part is not None}


def _daily(simulator: Simulator, symbol: str) -> list[DailyBar]:
    """Daily bars up to now; the session that is on is there as far as it has come."""
    days = simulator.prices.days(symbol)
    if simulator.is_open:
        today = simulator.prices.today(symbol, simulator.session)
        if today is not None:
            days.append(today)
    return days


def _latest_quote(simulator: Simulator, symbol: str) -> dict[str, Any] | None:
    quote = simulator.prices.quote(symbol)
    return None if quote is None else {"t": instant(quote.at), **data_wire.quote(quote)}


def _latest_trade(simulator: Simulator, symbol: str) -> dict[str, Any] | None:
    trade = simulator.prices.trade(symbol)
    return None if trade is None else {"t": instant(trade.at), **data_wire.trade(trade)}


def _minute_bar(simulator: Simulator, symbol: str) -> dict[str, Any] | None:
    bar: Bar | None = simulator.prices.last_bar(symbol)
    return None if bar is None else {"t": instant(bar.starts_at), **data_wire.bar(bar)}


def _day_row(bar: DailyBar) -> dict[str, Any]:
    return {"t": instant(midnight(bar.day)), **data_wire.bar(bar)}


def _symbols(request: Request) -> list[str]:
    symbols = [symbol.strip() for symbol in request.query_params.get("symbols", "").split(",") if symbol.strip()]
    if not symbols:
        raise refusals.bad_data_request("symbols is required")
    return list(dict.fromkeys(symbols))


def _window(simulator: Simulator, start: str | None, end: str | None) -> tuple[datetime, datetime]:
    """From the start of the New York day to now, where the query does not say."""
    now = simulator.now()
    today = datetime.combine(now.astimezone(NEW_YORK).date(), time.min, NEW_YORK).astimezone(UTC)
    try:
        first = today if start is None else moment(start, "start")
        last = now if end is None else min(now, moment(end, "end", day_end=True))
    except Refusal as refusal:
        raise refusals.bad_data_request(str(refusal.body["message"])) from None
    return first, last


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_ROWS
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_ROWS:
        raise refusals.bad_data_request(f"invalid limit: expected 1 to {_MOST_ROWS}, was {text!r}")
    return int(text)


def _write_token(symbol: str, offset: int) -> str:
    return base64.urlsafe_b64encode(f"{symbol}|{offset}".encode()).decode()


def _read_token(token: str | None) -> tuple[str, int] | None:
    if not token:
        return None
    try:
        symbol, offset = base64.urlsafe_b64decode(token).decode().split("|")
        return symbol, int(offset)
    except (binascii.Error, ValueError):
        raise refusals.bad_data_request("invalid page_token") from None


routes = [
    Route("/v2/stocks/bars", bars, methods=["GET"]),
    Route("/v2/stocks/quotes", quotes, methods=["GET"]),
    Route("/v2/stocks/trades", trades, methods=["GET"]),
    Route("/v2/stocks/bars/latest", latest_bars, methods=["GET"]),
    Route("/v2/stocks/quotes/latest", latest_quotes, methods=["GET"]),
    Route("/v2/stocks/trades/latest", latest_trades, methods=["GET"]),
    Route("/v2/stocks/snapshots", snapshots, methods=["GET"]),
]
