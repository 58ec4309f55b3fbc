"""What sending an order costs at each broker: our adapter, the bare HTTP request, and the SDK as it comes.

Our adapter is measured as the execute function uses it, with its rate budget and its breaker in the hot store.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest
from pydantic import SecretStr
from tastytrade import Account, Session
from tastytrade.order import InstrumentType, Leg, LimitOrder, OrderAction, OrderTimeInForce

from benchmarks.measuring import Result, measure
from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.credentials import KeyPair, TastytradeLogin
from functions.brokers.guard import guard_of
from functions.brokers.orders import OrderRequest
from functions.brokers.protocol import Broker
from functions.brokers.tastytrade import TastytradeBroker
from functions.core.hotstore import HotStore
from functions.core.settings import Settings
from local.stack import HOST, Stack
from local.supervisor.broker_keys import TASTYTRADE_ACCOUNT

# Far from the market and at once over: every order meets the same, empty book.
_PRICE: Final = "1.00"
_INTO_THE_SESSION: Final = 4
_NOTE: Final = "limit order at the simulator, immediate or cancel, over a kept connection; the SDK is the floor"

Call = Callable[[int], object]


def alpaca_orders(stack: Stack, settings: Settings, hot: HotStore, *, rounds: int, seconds: float) -> Result:
    """Submits orders that the simulator accepts and cancels at once; `settings` must hold no call back."""
    open_the_market(stack, "alpaca")
    secrets = stack.secrets
    guard = guard_of(hot, settings, "alpaca", secrets.broker_key, is_paper=True)
    keys = KeyPair(key=SecretStr(secrets.broker_key), secret=SecretStr(secrets.broker_secret))
    with asyncio.Runner() as runner:
        ours = _adapter(AlpacaBroker(keys, settings, is_paper=True, guard=guard), runner)
        headers = {"APCA-API-KEY-ID": secrets.broker_key, "APCA-API-SECRET-KEY": secrets.broker_secret}
        contestants = {
            "our adapter": ours,
            "HTTP POST": http_post(stack.port("alpaca"), "/v2/orders", headers, alpaca_body),
            "alpaca-py": _alpaca_sdk(stack),
        }
        return measure("submit an order at Alpaca", _NOTE, contestants, rounds=rounds, seconds=seconds)


def tastytrade_orders(stack: Stack, settings: Settings, hot: HotStore, *, rounds: int, seconds: float) -> Result:
    """The same at tastytrade."""
    open_the_market(stack, "tastytrade")
    secrets = stack.secrets
    login = TastytradeLogin(
        client_secret=SecretStr(secrets.tastytrade_secret), refresh_token=SecretStr(secrets.tastytrade_trading_grant)
    )
    guard = guard_of(hot, settings, "tastytrade", secrets.tastytrade_trading_grant, is_paper=True)
    broker = TastytradeBroker(login, settings, account_number=TASTYTRADE_ACCOUNT, is_paper=True, guard=guard)
    with asyncio.Runner() as runner:
        sdk, token = _tastytrade_sdk(stack, runner)
        path = f"/accounts/{TASTYTRADE_ACCOUNT}/orders"
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "agenttrader-benchmarks/1"}
        contestants = {
            "our adapter": _adapter(broker, runner),
            "HTTP POST": http_post(stack.port("tastytrade"), path, headers, _tastytrade_body),
            "tastytrade": sdk,
        }
        result = measure("submit an order at tastytrade", _NOTE, contestants, rounds=rounds, seconds=seconds)
        runner.run(broker.aclose())
        return result


def open_the_market(stack: Stack, broker: str) -> None:
    """Some minutes into the simulator's session."""
    url = f"{stack.url(broker)}/control/advance"
    requests.post(url, json={"minutes": _INTO_THE_SESSION}, timeout=30).raise_for_status()


def _adapter(broker: Broker, runner: asyncio.Runner) -> Call:
    def submit(number: int) -> object:
        order = OrderRequest(
            client_order_id=f"adapter-{number}",
            symbol="SPY",
            side="buy",
            order_type="limit",
            time_in_force="ioc",
            position_intent="buy_to_open",
            quantity=Decimal(1),
            limit_price=Decimal(_PRICE),
        )
        return runner.run(broker.submit(order))

    return submit


def _alpaca_sdk(stack: Stack) -> Call:
    client = TradingClient(
        stack.secrets.broker_key, stack.secrets.broker_secret, raw_data=True, url_override=stack.url("alpaca")
    )

    def submit(number: int) -> object:
        return client.submit_order(
            LimitOrderRequest(
                symbol="SPY",
                qty=1,
                side=OrderSide.BUY,
                time_in_force=TimeInForce.IOC,
                limit_price=float(_PRICE),
                client_order_id=f"sdk-{number}",
            )
        )

    return submit


def _tastytrade_sdk(stack: Stack, runner: asyncio.Runner) -> tuple[Call, str]:
    """The SDK's call, and the access token that it got."""
    secrets = stack.secrets
    session = Session(secrets.tastytrade_secret, secrets.tastytrade_trading_grant, is_test=True)
    session._client.base_url = stack.url("tastytrade")  # noqa: SLF001 - it takes no address
    runner.run(session.refresh(force=True))
    account = runner.run(Account.get(session, TASTYTRADE_ACCOUNT))

    def submit(number: int) -> object:
        leg = Leg(
            instrument_type=InstrumentType.EQUITY, symbol="SPY", action=OrderAction.BUY_TO_OPEN, quantity=Decimal(1)
        )
        order = LimitOrder(
            time_in_force=OrderTimeInForce.IOC,
            legs=[leg],
            price=-Decimal(_PRICE),
            external_identifier=f"sdk-{number}",
        )
        return runner.run(account.place_order(session, order, dry_run=False))

    return submit, session.session_token


def alpaca_body(number: int) -> dict[str, Any]:
    """An order that the simulator accepts and cancels at once."""
    body = {"symbol": "SPY", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "ioc"}
    return body | {"limit_price": _PRICE, "client_order_id": f"http-{number}"}


def _tastytrade_body(number: int) -> dict[str, Any]:
    leg = {"instrument-type": "Equity", "symbol": "SPY", "action": "Buy to Open", "quantity": "1"}
    body = {"time-in-force": "IOC", "order-type": "Limit", "price": _PRICE, "price-effect": "Debit", "legs": [leg]}
    return body | {"external-identifier": f"http-{number}"}


def http_post(port: int, path: str, headers: dict[str, str], body: Callable[[int], dict[str, Any]]) -> Call:
    """The bare request, over a kept connection."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)

    def submit(number: int) -> object:
        connection.request("POST", path, json.dumps(body(number)), headers | {"Content-Type": "application/json"})
        answer = connection.getresponse()
        read: dict[str, Any] = json.loads(answer.read())
        if answer.status not in (http.HTTPStatus.OK, http.HTTPStatus.CREATED):
            raise RuntimeError(f"the simulator answered {answer.status}: {read}")
        return read

    return submit
