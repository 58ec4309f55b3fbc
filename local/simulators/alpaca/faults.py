"""The faults that Alpaca's wire adds to those of every venue."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from local.simulators.venue.faults import DESK, REQUESTS, STREAMS, FaultKind, RequestFault

DEFAULT_PATH = "/v2/orders"


def _timeout() -> JSONResponse:
    return JSONResponse({"code": 50410000, "message": "timeout"}, status_code=504)


def _too_many() -> JSONResponse:
    return JSONResponse({"code": 42910000, "message": "rate limit exceeded"}, status_code=429)


TABLE: Mapping[str, FaultKind] = {
    **REQUESTS,
    **DESK,
    **STREAMS,
    "error_504_after_accept": FaultKind(
        "the request is carried out, the answer is a 504", RequestFault(carried_out=True, ends=_timeout)
    ),
    "reject_429": FaultKind(
        "the request is refused with 429, nothing is done", RequestFault(carried_out=False, ends=_too_many)
    ),
    "drop_data_stream": FaultKind(
        "market data streams are closed now, and so many attempts to connect are refused", least=0
    ),
    "mute_data": FaultKind("so many market data messages are not sent; -1 for all"),
}
