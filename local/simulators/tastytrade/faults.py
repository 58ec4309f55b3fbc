"""The faults that tastytrade's wire adds to those of every venue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from local.simulators.venue.faults import DESK, REQUESTS, STREAMS, FaultKind, RequestFault

DEFAULT_PATH: Final = "/accounts"


def _bad_gateway() -> Response:
    page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
    return HTMLResponse(page, status_code=502)


def _too_many() -> Response:
    return PlainTextResponse("Too many requests", status_code=429)


def _no_token() -> Response:
    return JSONResponse(
        {"error": {"code": "token_invalid", "message": "This token is invalid or has expired"}}, status_code=401
    )


def _no_version() -> Response:
    error = {"code": 406, "message": "Requested API version is not supported."}
    return JSONResponse({"error": error}, status_code=406)


def _no_data() -> Response:
    return JSONResponse({"data": {}, "context": DEFAULT_PATH}, status_code=201)


TABLE: Final[Mapping[str, FaultKind]] = {
    **REQUESTS,
    **DESK,
    **STREAMS,
    # --- requests ---
    "error_502_html": FaultKind(
        "the answer is a web page of a gateway, nothing is done", RequestFault(carried_out=False, ends=_bad_gateway)
    ),
    "error_502_after_accept": FaultKind(
        "the request is carried out, the answer is a web page of a gateway",
        RequestFault(carried_out=True, ends=_bad_gateway),
    ),
    "reject_429": FaultKind(
        "the request is refused with 429 in plain text, nothing is done",
        RequestFault(carried_out=False, ends=_too_many),
    ),
    "reject_401": FaultKind(
        "the token is refused although it is good, nothing is done", RequestFault(carried_out=False, ends=_no_token)
    ),
    "reject_406": FaultKind(
        "the API version is refused, nothing is done", RequestFault(carried_out=False, ends=_no_version)
    ),
    "empty_data": FaultKind(
        "the request is carried out, the answer is a 201 without data", RequestFault(carried_out=True, ends=_no_data)
    ),
    "expire_tokens": FaultKind("every access token that is out ends now", least=0),
    "short_tokens": FaultKind("the next access tokens live so many seconds", takes={"seconds": (1, 900)}),
    "small_pages": FaultKind("lists come in pages of so many rows", takes={"rows": (1, 250)}),
    # --- orders ---
    "answer_without_key": FaultKind("an order is taken, its 201 lacks a key that the SDK's models demand"),
    "cancel_lost_race": FaultKind("a cancel is refused with 422, because the order fills in the same moment"),
    "position_lag": FaultKind("the position ledger shows, so many times, what was before the last fill"),
    "status_dead": FaultKind("an order message has the status Dead, which no model knows"),
    "order_without_key": FaultKind("an order message lacks a key that the SDK's models demand"),
    "filled_without_fills": FaultKind("the message of a filled order has no fills; asking again shows them"),
    # --- the account streamer ---
    "malformed_frame": FaultKind("half a message is sent before an order message"),
    "impatient_stream": FaultKind(
        "the next streams to connect are closed after so many milliseconds without a heartbeat",
        takes={"milliseconds": (1, 60_000)},
    ),
    # --- DXLink ---
    "mute_data": FaultKind("so many market data frames are not sent; -1 for all"),
    "mute_candles": FaultKind("so many frames of candles are not sent, their trades are; -1 for all"),
    "refuse_candles": FaultKind("so many subscriptions to candles are refused; -1 for all"),
    "dxlink_nan": FaultKind("so many market data events have NaN for their prices and sizes"),
    "dxlink_error": FaultKind("every market data stream is told of an error now", least=0),
    "dxlink_token_expiry": FaultKind("every market data stream loses its authorization now", least=0),
    "dxlink_batches": FaultKind("frames carry so many events of a kind", takes={"events": (2, 500)}),
    "drop_data_stream": FaultKind("market data streams are closed now, and so many are refused", least=0),
}
