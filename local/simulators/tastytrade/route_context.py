"""What every route needs of a request: the simulator, the grant behind the token, the account of the path."""

from __future__ import annotations

from starlette.requests import Request

from local.simulators.tastytrade import refusals
from local.simulators.tastytrade.account import TastyAccount
from local.simulators.tastytrade.logins import Login
from local.simulators.tastytrade.simulator import Simulator


def simulator_of(request: Request) -> Simulator:
    simulator: Simulator = request.app.state.simulator
    return simulator


def login_of(request: Request) -> Login:
    """The grant of the request's access token. Raises Refusal 401."""
    login = simulator_of(request).tokens.login_of(request.headers.get("authorization"))
    if login is None:
        raise refusals.bad_token()
    return login


def account_of_path(request: Request, *, to_trade: bool = False) -> TastyAccount:
    """The account in the path. Raises Refusal 401, or 403 where the grant does not open it."""
    login = login_of(request)
    if to_trade and login.reads_only:
        raise refusals.not_permitted()
    return simulator_of(request).tasty_account(login, request.path_params["number"])


def smaller_pages(request: Request) -> int | None:
    """How many rows a page may have while a fault makes pages small."""
    fault = simulator_of(request).faults.take("small_pages")
    return None if fault is None else fault.numbers["rows"]
