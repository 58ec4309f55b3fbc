"""What sending an order costs: our adapter, the SDK as it comes, and the bare HTTP request."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest
from pydantic import SecretStr

from benchmarks.measuring import Result, measure
from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.credentials import KeyPair
from functions.brokers.orders import OrderRequest
from functions.core.settings import Settings
from local.stack import HOST, Stack

# Far from the market and at once over: every order meets the same, empty book.
_PRICE = "1.00"
_INTO_THE_SESSION = 4


def orders(stack: Stack, settings: Settings, *, rounds: int, seconds: float) -> Result:
    """Submits orders that the simulator accepts and cancels at once."""
    advance = requests.post(f"{stack.url('alpaca')}/control/advance", json={"minutes": _INTO_THE_SESSION}, timeout=30)
    advance.raise_for_status()
    with asyncio.Runner() as runner:
        return measure(
            "submit an order",
            "limit order at Alpaca's simulator, immediate or cancel, over a kept connection",
            {
                "our adapter": _adapter(stack, settings, runner),
                "alpaca-py": _sdk(stack),
                "HTTP POST": _http(stack),
            },
            rounds=rounds,
            seconds=seconds,
        )


def _adapter(stack: Stack, settings: Settings, runner: asyncio.Runner) -> Callable[[int], object]:
    keys = KeyPair(key=SecretStr(stack.secrets.broker_key), secret=SecretStr(stack.secrets.broker_secret))
    broker = AlpacaBroker(keys, settings, is_paper=True)

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


def _sdk(stack: Stack) -> Callable[[int], object]:
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


def _http(stack: Stack) -> Callable[[int], object]:
    connection = http.client.HTTPConnection(HOST, stack.port("alpaca"), timeout=10)
    headers = {
        "APCA-API-KEY-ID": stack.secrets.broker_key,
        "APCA-API-SECRET-KEY": stack.secrets.broker_secret,
        "Content-Type": "application/json",
    }

    def submit(number: int) -> object:
        body = {"symbol": "SPY", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "ioc"}
        body |= {"limit_price": _PRICE, "client_order_id": f"http-{number}"}
        connection.request("POST", "/v2/orders", json.dumps(body), headers)
        answer = connection.getresponse()
        read: dict[str, Any] = json.loads(answer.read())
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"the simulator answered {answer.status}: {read}")
        return read

    return submit
