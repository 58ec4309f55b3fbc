"""What every route needs of a request: the simulator, the account behind the key, the query."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request

from local.simulators.alpaca import refusals
from local.simulators.alpaca.simulator import Simulator
from local.simulators.venue.desk import OrderDesk

KEY_HEADER = "apca-api-key-id"
SECRET_HEADER = "apca-api-secret-key"  # noqa: S105 - the header's name, not a secret


def simulator_of(request: Request) -> Simulator:
    simulator: Simulator = request.app.state.simulator
    return simulator


def desk_of(request: Request) -> OrderDesk:
    """The desk of the request's key. Raises Refusal 401 or 403."""
    headers = request.headers
    return simulator_of(request).trading_desk(headers.get(KEY_HEADER), headers.get(SECRET_HEADER))


def account_of(simulator: Simulator, headers: Headers) -> str | None:
    """The account whose key a request carries; None where it carries none that trades."""
    desk = simulator.desk_of(headers.get(KEY_HEADER), headers.get(SECRET_HEADER))
    return None if desk is None else desk.account_id


def require_data_key(request: Request) -> Simulator:
    """Raises Refusal 401."""
    simulator = simulator_of(request)
    if not simulator.may_read_data(request.headers.get(KEY_HEADER), request.headers.get(SECRET_HEADER)):
        raise refusals.unauthorized()
    return simulator
