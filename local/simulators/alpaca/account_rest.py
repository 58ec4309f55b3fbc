"""Trading REST: the account, its activities and history, and the market's clock, calendar and assets."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.core.money import text
from local.simulators.alpaca import account_view, activity_view, refusals
from local.simulators.alpaca.order_view import asset_id
from local.simulators.alpaca.route_context import desk_of, require_data_key, simulator_of
from local.simulators.alpaca.simulator import Simulator
from local.simulators.alpaca.wire import NEW_YORK, moment, number, whole
from local.simulators.venue.activity import Activity
from local.simulators.venue.desk import OrderDesk
from local.tape.model import Session

_MOST_ACTIVITIES = 100
_EPOCH_DAYS = (date(1999, 1, 1), date(2029, 12, 31))


async def get_account(request: Request) -> Response:
    simulator, desk = simulator_of(request), desk_of(request)
    without_pdt = simulator.faults.take("missing_pdt_fields", desk.account_id) is not None
    return JSONResponse(account_view.account(desk, simulator.started_at, without_pdt=without_pdt))


async def get_configurations(request: Request) -> Response:
    desk = desk_of(request)
    return JSONResponse(
        {
            "dtbp_check": "entry",
            "fractional_trading": True,
            "max_margin_multiplier": text(desk.ledger.settings.multiplier),
            "max_options_trading_level": None,
            "no_shorting": not desk.ledger.settings.shorting,
            "pdt_check": "entry",
            "ptp_no_exception_entry": False,
            "suspend_trade": False,
            "trade_confirm_email": "none",
        }
    )


async def get_activities(request: Request) -> Response:
    desk, query = desk_of(request), request.query_params
    named = request.path_params.get("activity_type") or query.get("activity_types")
    types = frozenset(name.strip() for name in named.split(",")) if named else None
    on, after, until = query.get("date"), query.get("after"), query.get("until")
    after_at = None if after is None else moment(after, "after")
    until_at = None if until is None else moment(until, "until", day_end=True)
    if on is not None:
        after_at = moment(on, "date") - timedelta(microseconds=1)
        until_at = moment(on, "date", day_end=True)
    direction = query.get("direction", "desc")
    if direction not in ("asc", "desc"):
        raise refusals.invalid(f"invalid direction: expected asc or desc, was {direction!r}")
    category = query.get("category")
    if category not in (None, "trade_activity", "non_trade_activity") or (category and types):
        raise refusals.invalid("category is trade_activity or non_trade_activity, and not with activity_types")
    simulator = simulator_of(request)
    shown = desk.ledger.shown(simulator.now())
    rows = activity_view.page(
        shown,
        [activity_view.row(desk, one, wrong_price=_is_mispriced(simulator, desk, one)) for one in shown],
        types=types,
        category=category,
        after=after_at,
        until=until_at,
        descending=direction == "desc",
        size=whole(query.get("page_size"), "page_size", default=_MOST_ACTIVITIES, most=_MOST_ACTIVITIES),
        token=query.get("page_token") or None,
    )
    return JSONResponse(rows)


def _is_mispriced(simulator: Simulator, desk: OrderDesk, activity: Activity) -> bool:
    is_delivery = activity.kind == "delivery"
    return is_delivery and simulator.faults.take("optrd_price_mismatch", desk.account_id) is not None


async def get_portfolio_history(request: Request) -> Response:
    desk = desk_of(request)
    base = desk.ledger.settings.cash
    closes = desk.ledger.closes
    simulator = simulator_of(request)
    calendar = simulator.calendar
    stamps = [calendar.between(day, day)[0].closes_at for day, _ in closes]
    gains = [equity - base for _, equity in closes]
    nulls = simulator.faults.take("null_portfolio_values", desk.account_id) is not None
    return JSONResponse(
        {
            "timestamp": [int(at.timestamp()) for at in stamps],
            "equity": [None if nulls else number(equity) for _, equity in closes],
            "profit_loss": [None if nulls else number(gain) for gain in gains],
            "profit_loss_pct": [number(gain / base) if base and not nulls else None for gain in gains],
            "base_value": number(base),
            "timeframe": "1D",
        }
    )


async def get_clock(request: Request) -> Response:
    require_data_key(request)
    simulator = simulator_of(request)
    now = simulator.now()
    return JSONResponse(
        {
            "timestamp": now.astimezone(NEW_YORK).isoformat(timespec="microseconds"),
            "is_open": simulator.is_open,
            "next_open": _eastern(simulator.calendar.next_open(now).opens_at),
            "next_close": _eastern(simulator.calendar.next_close(now).closes_at),
        }
    )


async def get_calendar(request: Request) -> Response:
    require_data_key(request)
    query = request.query_params
    try:
        start = date.fromisoformat(query["start"][:10]) if query.get("start") else _EPOCH_DAYS[0]
        end = date.fromisoformat(query["end"][:10]) if query.get("end") else _EPOCH_DAYS[1]
    except ValueError as error:
        raise refusals.invalid(f"invalid start or end: {error}") from None
    sessions = simulator_of(request).calendar.between(start, end)
    return JSONResponse([_calendar_row(session) for session in sessions])


async def list_assets(request: Request) -> Response:
    require_data_key(request)
    query = request.query_params
    if query.get("status", "active") != "active" or query.get("asset_class", "us_equity") != "us_equity":
        return JSONResponse([])
    return JSONResponse([_asset(symbol) for symbol in simulator_of(request).prices.symbols])


async def get_asset(request: Request) -> Response:
    require_data_key(request)
    name = request.path_params["symbol"]
    for symbol in simulator_of(request).prices.symbols:
        if name in (symbol, asset_id(symbol)):
            return JSONResponse(_asset(symbol))
    raise refusals.not_found(f"asset not found for {name}")


def _eastern(at: datetime) -> str:
    return at.astimezone(NEW_YORK).isoformat(timespec="seconds")


def _calendar_row(session: Session) -> dict[str, Any]:
    opens, closes = session.opens_at.astimezone(NEW_YORK), session.closes_at.astimezone(NEW_YORK)
    late = time(20) if closes.time() == time(16) else time(17)
    return {
        "date": session.day.isoformat(),
        "open": f"{opens:%H:%M}",
        "close": f"{closes:%H:%M}",
        "session_open": "0400",
        "session_close": f"{late:%H%M}",
    }


def _asset(symbol: str) -> dict[str, Any]:
    return {
        "id": asset_id(symbol),
        "class": "us_equity",
        "exchange": "ARCA",
        "symbol": symbol,
        "name": symbol,
        "status": "active",
        "tradable": True,
        "marginable": True,
        "shortable": True,
        "easy_to_borrow": True,
        "fractionable": True,
        "maintenance_margin_requirement": 30,
        "attributes": [],
    }


routes = [
    Route("/v2/account", get_account, methods=["GET"]),
    Route("/v2/account/configurations", get_configurations, methods=["GET"]),
    Route("/v2/account/activities", get_activities, methods=["GET"]),
    Route("/v2/account/activities/{activity_type}", get_activities, methods=["GET"]),
    Route("/v2/account/portfolio/history", get_portfolio_history, methods=["GET"]),
    Route("/v2/clock", get_clock, methods=["GET"]),
    Route("/v2/calendar", get_calendar, methods=["GET"]),
    Route("/v2/assets", list_assets, methods=["GET"]),
    Route("/v2/assets/{symbol}", get_asset, methods=["GET"]),
]
