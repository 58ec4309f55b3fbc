"""A simulator on a real port, in a thread of the test process, and the SDK's clients pointed at it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import requests
from alpaca.data.enums import DataFeed
from alpaca.data.historical import OptionHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.live import StockDataStream
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest
from alpaca.trading.stream import TradingStream

from local.process.listening import listen
from local.simulators.alpaca.app import build
from local.simulators.alpaca.simulator import Simulator
from local.simulators.venue.account_settings import AccountSettings
from local.simulators.venue.server import server
from local.tape.sessions import MarketCalendar
from local.tape.spec import DEFAULT, open_tape

ALICE = "11111111-1111-4111-8111-111111111111"
BOB = "22222222-2222-4222-8222-222222222222"
CAROL = "44444444-4444-4444-8444-444444444444"
ACCOUNTS = (
    {"account_id": ALICE, "key": "alice", "secret": "alice-secret", "cash": "100000"},
    {"account_id": BOB, "key": "bob", "secret": "bob-secret", "cash": "100000"},
    {
        "account_id": CAROL,
        "key": "carol",
        "secret": "carol-secret",
        "cash": "10000",
        "multiplier": 1,
        "shorting": False,
        "fees": {"per_share": "0.005", "sell_rate": "0.00002"},
    },
    {"account_id": "33333333-3333-4333-8333-333333333333", "key": "data", "secret": "data-secret", "data_only": True},
)
WITHIN_SECONDS = 20.0
_Made = TypeVar("_Made")


class Running:
    """Speaks to the simulator as the conductor does."""

    def __init__(self, port: int, simulator: Simulator) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.socket_url = f"ws://127.0.0.1:{port}"
        self.simulator = simulator
        self._session = requests.Session()

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._session.post(self.url + path, json=body, timeout=WITHIN_SECONDS)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        answer = self._session.get(self.url + path, timeout=WITHIN_SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance(self, minutes: int = 1) -> Any:
        return self.post("/control/advance", {"minutes": minutes})

    def advance_to_close(self) -> Any:
        """From within a session of full length, its close included."""
        state = self.advance(390 - self.get("/control/state")["minute_index"])
        assert state["event"] == "close"
        return state

    def fault(self, switch: str, count: int = 1, **more: str) -> None:
        self.post("/control/faults", {"switch": switch, "count": count, **more})

    def trading(self, name: str = "alice", secret: str | None = None) -> TradingClient:
        """A client that answers raw JSON and never retries by itself."""
        client = TradingClient(name, secret or f"{name}-secret", paper=True, raw_data=True, url_override=self.url)
        client._retry = 0
        return client

    def typed(self, name: str = "alice") -> TradingClient:
        """A client that reads every answer into the SDK's own models."""
        return TradingClient(name, f"{name}-secret", paper=True, url_override=self.url)

    def history(self) -> StockHistoricalDataClient:
        return StockHistoricalDataClient("data", "data-secret", raw_data=True, url_override=self.url)

    def options(self) -> OptionHistoricalDataClient:
        return OptionHistoricalDataClient("data", "data-secret", raw_data=True, url_override=self.url)

    def trade_stream(self, name: str = "alice") -> TradingStream:
        return TradingStream(
            name, f"{name}-secret", paper=True, raw_data=True, url_override=f"{self.socket_url}/stream"
        )

    def data_stream(self) -> StockDataStream:
        return StockDataStream(
            "data", "data-secret", feed=DataFeed.IEX, raw_data=True, url_override=f"{self.socket_url}/v2/iex"
        )


def start(calendar: MarketCalendar) -> tuple[Running, Callable[[], None]]:
    """A running simulator, and what stops it."""
    simulator = Simulator(
        open_tape(DEFAULT, seed=7, calendar=calendar), calendar, [AccountSettings.read(row) for row in ACCOUNTS]
    )
    listening = listen(0, "simulator")
    serving = server(build(simulator, tape=DEFAULT, seed=7))
    thread = threading.Thread(target=lambda: serving.run(sockets=[listening]), daemon=True)
    thread.start()
    # The socket queues what comes before the server accepts, so there is nothing to wait for.
    listening.listen()

    def stop() -> None:
        serving.should_exit = True
        thread.join(WITHIN_SECONDS)
        listening.close()

    return Running(listening.getsockname()[1], simulator), stop


def market(quantity: float, side: OrderSide = OrderSide.BUY, client_order_id: str | None = None) -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol="SPY", qty=quantity, side=side, time_in_force=TimeInForce.DAY, client_order_id=client_order_id
    )


def limit(
    quantity: float,
    price: float,
    side: OrderSide = OrderSide.BUY,
    tif: TimeInForce = TimeInForce.DAY,
    client_order_id: str | None = None,
) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol="SPY", qty=quantity, side=side, time_in_force=tif, limit_price=price, client_order_id=client_order_id
    )


def raw(answer: object) -> dict[str, Any]:
    """A raw answer of the SDK, whose signatures promise models as well."""
    assert isinstance(answer, dict)
    return answer


def raws(answer: object) -> list[dict[str, Any]]:
    """A raw list of the SDK."""
    assert isinstance(answer, list)
    return [raw(one) for one in answer]


class Heard:
    """Collects what a stream says, and waits for it."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    async def take(self, message: Any) -> None:
        self.messages.append(message)
        self._more.set()

    async def until(self, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Returns the messages as soon as they are enough; fails when they do not come."""
        async with asyncio.timeout(WITHIN_SECONDS):
            while not enough(self.messages):
                self._more.clear()
                await self._more.wait()
        return self.messages


async def beside(stream: TradingStream | StockDataStream, body: Callable[[], Awaitable[_Made]]) -> _Made:
    """Runs a stream of the SDK beside `body`, and ends it after."""
    # The SDK's own way to run inside a loop that is there already.
    task = asyncio.create_task(stream._run_forever())
    try:
        return await body()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stream.close()


async def in_thread(call: Callable[[], _Made]) -> _Made:
    return await asyncio.to_thread(call)
