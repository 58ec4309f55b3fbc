"""The faults that Alpaca's wire adds to those of every venue."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import HTMLResponse, JSONResponse, Response

from local.simulators.venue.faults import DESK, REQUESTS, STREAMS, FaultKind, RequestFault

DEFAULT_PATH = "/v2/orders"
STRANGE_STATUS = "pending_settlement"


def _timeout() -> Response:
    return JSONResponse({"code": 50410000, "message": "timeout"}, status_code=504)


def _too_many() -> Response:
    return JSONResponse({"code": 42910000, "message": "rate limit exceeded"}, status_code=429)


def _too_many_with_headers() -> Response:
    headers = {"Retry-After": "1", "X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "0"}
    return JSONResponse({"code": 42910000, "message": "rate limit exceeded"}, status_code=429, headers=headers)


def _broken() -> Response:
    return HTMLResponse("<html><body><h1>500 Internal Server Error</h1></body></html>", status_code=500)


def _forbidden() -> Response:
    body = {"code": 40310000, "message": "insufficient buying power", "buying_power": "0", "cost_basis": "500"}
    return JSONResponse(body, status_code=403)


def _unprocessable() -> Response:
    return JSONResponse({"code": 42210000, "message": "invalid order"}, status_code=422)


TABLE: Mapping[str, FaultKind] = {
    **REQUESTS,
    **DESK,
    **STREAMS,
    "error_504_after_accept": FaultKind(
        "the request is carried out, the answer is a 504", RequestFault(carried_out=True, ends=_timeout)
    ),
    "error_500_html": FaultKind(
        "the request is carried out, the answer is a 500 in HTML", RequestFault(carried_out=True, ends=_broken)
    ),
    "reject_429": FaultKind(
        "the request is refused with 429, nothing is done", RequestFault(carried_out=False, ends=_too_many)
    ),
    "reject_429_with_headers": FaultKind(
        "the same, with Retry-After and X-RateLimit headers",
        RequestFault(carried_out=False, ends=_too_many_with_headers),
    ),
    "reject_403": FaultKind(
        "the request is refused with 403, nothing is done", RequestFault(carried_out=False, ends=_forbidden)
    ),
    "reject_422": FaultKind(
        "the request is refused with 422, nothing is done", RequestFault(carried_out=False, ends=_unprocessable)
    ),
    "new_enum_value": FaultKind("an order is shown with a status that no client knows"),
    "missing_pdt_fields": FaultKind("the account is shown without its pattern-day-trader fields"),
    "null_portfolio_values": FaultKind("the portfolio history has nulls among its values"),
    "optrd_price_mismatch": FaultKind("deliveries are listed with a price that does not fit their amount; -1 for all"),
    "drop_data_stream": FaultKind(
        "market data streams are closed now, and so many attempts to connect are refused", least=0
    ),
    "mute_data": FaultKind("so many market data messages are not sent; -1 for all"),
    "string_time": FaultKind("so many market data messages carry their time as text, which the SDK cannot read"),
    "connection_limit": FaultKind("so many sign-ins to market data are answered with 406, connection limit exceeded"),
}
