"""Market data by request, the market's times, and the token of the market data stream."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.simulators.tastytrade import market_view, refusals, symbols
from local.simulators.tastytrade.envelope import listed, single
from local.simulators.tastytrade.route_context import login_of, simulator_of
from local.simulators.tastytrade.simulator import Simulator
from local.simulators.tastytrade.wire import NEW_YORK, instant
from local.tape.model import Session

_MOST_SYMBOLS: Final = 100
_FULL_DAY_MINUTES: Final = 390
_SATURDAY: Final = 5
_EXTENDED: Final = timedelta(hours=4)
_BEFORE: Final = timedelta(hours=1, minutes=15)
_TOKEN_LIFE: Final = timedelta(hours=24)
_COLLECTION: Final = "Equity"


async def quote_token(request: Request) -> Response:
    """A token of the market data stream, and where that is."""
    login, simulator = login_of(request), simulator_of(request)
    now = datetime.now(UTC)
    return single(
        request,
        {
            "token": simulator.tokens.quote_token(login),
            "dxlink-url": f"ws://{request.headers.get('host', '127.0.0.1')}/realtime",
            "level": "api",
            "issued-at": instant(now),
            "expires-at": instant(now + _TOKEN_LIFE),
        },
    )


async def by_type(request: Request) -> Response:
    """The latest of up to 100 symbols; what is not listed here has no row."""
    login_of(request)
    simulator, query = simulator_of(request), request.query_params
    wanted = [
        (kind, symbol)
        for name, kind in (("equity", "Equity"), ("equity-option", "Equity Option"))
        for given in (*query.getlist(name), *query.getlist(f"{name}[]"))
        for symbol in given.split(",")
    ]
    if len(wanted) > _MOST_SYMBOLS:
        raise refusals.invalid(f"at most {_MOST_SYMBOLS} symbols at once, was {len(wanted)}")
    rows = [market_view.market_data(simulator, symbols.canonical(symbol), kind) for kind, symbol in wanted]
    return listed(request, [row for row in rows if row is not None])


async def one(request: Request) -> Response:
    login_of(request)
    kind, symbol = request.path_params["kind"], request.path_params["symbol"]
    row = market_view.market_data(simulator_of(request), symbols.canonical(symbol), kind)
    if row is None:
        raise refusals.not_found(f"market data of {symbol}")
    return single(request, row)


async def metrics(request: Request) -> Response:
    login_of(request)
    simulator = simulator_of(request)
    wanted = request.query_params.get("symbols", "").split(",")
    return listed(
        request,
        [market_view.metrics(simulator, symbol) for symbol in wanted if symbol in simulator.prices.symbols],
    )


async def sessions(request: Request) -> Response:
    """The present, next and previous session of each collection; only shares are traded here."""
    login_of(request)
    simulator = simulator_of(request)
    wanted = request.query_params.getlist("instrument-collections[]") or [_COLLECTION]
    return listed(request, [_current(simulator) for name in wanted if name == _COLLECTION])


async def current_session(request: Request) -> Response:
    login_of(request)
    return single(request, _current(simulator_of(request)))


async def holidays(request: Request) -> Response:
    """Of last, this and next year of the tape."""
    login_of(request)
    simulator = simulator_of(request)
    year = simulator.now().astimezone(NEW_YORK).year
    first, last = date(year - 1, 1, 1), date(year + 1, 12, 31)
    found = {session.day: session for session in simulator.calendar.between(first, last)}
    days = (first + timedelta(days=count) for count in range((last - first).days + 1))
    return single(
        request,
        {
            "market-half-days": [
                day.isoformat() for day, session in sorted(found.items()) if session.minutes < _FULL_DAY_MINUTES
            ],
            "market-holidays": [day.isoformat() for day in days if day.weekday() < _SATURDAY and day not in found],
        },
    )


def _current(simulator: Simulator) -> dict[str, Any]:
    """The session of today, or the next one where today has none."""
    now = simulator.now()
    session = simulator.calendar.next_close(now - _EXTENDED)
    before = simulator.calendar.before(session.day, 1)
    after = simulator.calendar.next_open(session.closes_at)
    state = "Open" if simulator.is_open else _closed_state(now, session)
    return {
        "instrument-collection": _COLLECTION,
        "state": state,
        **_times(session),
        "next-session": _snapshot(after),
        "previous-session": _snapshot(before[0]) if before else None,
    }


def _closed_state(now: datetime, session: Session) -> str:
    if session.opens_at - _BEFORE <= now < session.opens_at:
        return "Pre-market"
    return "Extended" if session.closes_at <= now < session.closes_at + _EXTENDED else "Closed"


def _times(session: Session) -> dict[str, str]:
    return {
        "start-at": instant(session.opens_at - _BEFORE),
        "open-at": instant(session.opens_at),
        "close-at": instant(session.closes_at),
        "close-at-ext": instant(session.closes_at + _EXTENDED),
    }


def _snapshot(session: Session) -> dict[str, Any]:
    return {"instrument-collection": _COLLECTION, "session-date": session.day.isoformat(), **_times(session)}


async def public_configuration(request: Request) -> Response:
    return single(request, {"risk-free-rate": "0.02"})


routes = [
    Route("/api-quote-tokens", quote_token, methods=["GET"]),
    Route("/market-data/by-type", by_type, methods=["GET"]),
    Route("/market-data/{kind}/{symbol:path}", one, methods=["GET"]),
    Route("/market-metrics", metrics, methods=["GET"]),
    Route("/market-time/sessions/current", sessions, methods=["GET"]),
    Route("/market-time/equities/sessions/current", current_session, methods=["GET"]),
    Route("/market-time/equities/holidays", holidays, methods=["GET"]),
    Route("/margin-requirements-public-configuration", public_configuration, methods=["GET"]),
]
