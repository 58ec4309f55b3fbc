"""What the contract asks of a place to trade: a broker's adapter, and the hands on the market behind it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

import requests
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.alpaca_market_data import AlpacaMarketData
from functions.brokers.credentials import KeyPair
from functions.brokers.orders import OrderRequest
from functions.brokers.protocol import Broker, MarketData
from functions.core.settings import Settings
from local.process.listening import listen
from local.simulators.alpaca.app import build
from local.simulators.alpaca.simulator import Simulator
from local.simulators.venue.account_settings import AccountSettings
from local.simulators.venue.server import server
from local.tape.sessions import MarketCalendar
from local.tape.spec import DEFAULT, open_tape
from tests.contract.alpaca_simulator.running import ACCOUNTS, ALICE, BOB, CAROL, WITHIN_SECONDS, Running

NOWHERE, NOWHERE_SOCKET = "http://127.0.0.1:9", "ws://127.0.0.1:9"
WHALE = "55555555-5555-4555-8555-555555555555"
_WHALE = {"account_id": WHALE, "key": "whale", "secret": "whale-secret", "cash": "1000000000"}
_IDS = {"alice": ALICE, "bob": BOB, "carol": CAROL, "whale": WHALE}


class Venue(Protocol):
    """One broker with a market that stands still until it is moved."""

    name: str
    replaces_with: str
    """The HTTP method by which the broker replaces an order."""

    def broker(self, name: str = "alice", **settings: Any) -> Broker:
        """The adapter of one of the accounts: alice and bob have 100 000 dollars, carol has 10 000 and cannot short,
        the whale has a thousand million."""
        ...

    def stranger(self) -> Broker:
        """Alice's account with a secret that is not hers."""
        ...

    def unreachable(self) -> Broker:
        """An adapter of a broker where nobody listens."""
        ...

    def market_data(self, **settings: Any) -> MarketData: ...

    def begin(self) -> None:
        """A fresh tape with fresh books, before the first open; nothing was sent."""
        ...

    def open(self) -> None:
        """Moves the market into its first session; SPY trades between 250 and 280 dollars."""
        ...

    def move(self, minutes: int = 1) -> None: ...

    def orders(self, name: str = "alice") -> list[dict[str, Any]]:
        """The orders as the broker itself has them, oldest first; each has its `client_order_id`."""
        ...

    def book(self, name: str = "alice") -> dict[str, Any]:
        """All that the broker itself has of an account, in the simulators' one shape."""
        ...

    def books(self, kind: str, amount: str, symbol: str | None = None) -> None:
        """The broker books a dividend, interest, deposit, withdrawal or fee for alice."""
        ...

    def fault(self, switch: str, count: int = 1, **more: Any) -> None:
        """Switches a fault on, of requests that place orders unless more is said."""
        ...

    def heal(self) -> None:
        """Switches every fault off."""
        ...

    def submits(self) -> int:
        """How many requests to place an order reached the broker."""
        ...

    def changes(self) -> int:
        """How many requests to replace an order reached the broker."""
        ...


class Counted:
    """Counts what reaches the application, before any fault strikes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.seen: Counter[tuple[str, str]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            self.seen[scope.get("method", "WS"), scope["path"]] += 1
        await self._app(scope, receive, send)


class AlpacaVenue:
    """The Alpaca adapter on the simulator, over real sockets."""

    name = "alpaca"
    replaces_with = "PATCH"

    def __init__(self, running: Running, counted: Counted) -> None:
        self.simulator = running
        self._counted = counted

    def settings(self, **more: Any) -> Settings:
        return settings_for(self.simulator.url, self.simulator.socket_url, **more)

    def broker(self, name: str = "alice", **more: Any) -> AlpacaBroker:
        return AlpacaBroker(keys(name), self.settings(**more), is_paper=True)

    def stranger(self) -> AlpacaBroker:
        return AlpacaBroker(keys("alice", "stolen"), self.settings(), is_paper=True)

    def unreachable(self) -> AlpacaBroker:
        return AlpacaBroker(keys("alice"), settings_for(NOWHERE, NOWHERE_SOCKET), is_paper=True)

    def market_data(self, **more: Any) -> AlpacaMarketData:
        return AlpacaMarketData(keys("data"), self.settings(**more))

    def open(self) -> None:
        self.move(4)

    def move(self, minutes: int = 1) -> None:
        self.simulator.advance(minutes)

    def orders(self, name: str = "alice") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.book(name)["orders"]
        return found

    def book(self, name: str = "alice") -> dict[str, Any]:
        found: dict[str, Any] = self.simulator.get("/control/book")["accounts"][_IDS[name]]
        return found

    def books(self, kind: str, amount: str, symbol: str | None = None) -> None:
        row = {"account_id": ALICE, "kind": kind, "amount": amount, "symbol": symbol}
        self.simulator.post("/control/activities", row)

    def heal(self) -> None:
        heal(self.simulator.url)

    def sent(self, method: str, path: str) -> int:
        """How many such requests reached the broker."""
        return self._counted.seen[method, path]

    def fault(self, switch: str, count: int = 1, **more: Any) -> None:
        self.simulator.fault(switch, count, **more)

    def submits(self) -> int:
        return self.sent("POST", "/v2/orders")

    def changes(self) -> int:
        return sum(count for (method, _), count in self._counted.seen.items() if method == "PATCH")

    def begin(self) -> None:
        self.simulator.post("/control/load", {"tape": DEFAULT, "seed": 7})
        self._counted.seen.clear()


def heal(url: str) -> None:
    """Switches every fault of a simulator off."""
    answer = requests.delete(f"{url}/control/faults", timeout=WITHIN_SECONDS)
    assert answer.status_code < 300, answer.text


def keys(name: str, secret: str | None = None) -> KeyPair:
    return KeyPair(key=SecretStr(name), secret=SecretStr(secret or f"{name}-secret"))


def settings_for(url: str, socket_url: str, **more: Any) -> Settings:
    """Settings that point every Alpaca address at one server; timeouts are short, because some tests wait for them."""
    return Settings.model_validate(
        {
            "supabase_url": "http://127.0.0.1:1",
            "publishable_key": "nobody",
            "jwt_secret": "nothing",
            "alpaca_trading_url": url,
            "alpaca_data_url": url,
            "alpaca_trade_stream_url": f"{socket_url}/stream",
            "alpaca_data_stream_url": f"{socket_url}/v2/iex",
            "alpaca_option_stream_url": f"{socket_url}/v1beta1/indicative",
            "broker_timeout": 5,
            **more,
        }
    )


def start_alpaca(calendar: MarketCalendar) -> tuple[AlpacaVenue, Callable[[], None]]:
    """A running simulator, and what stops it."""
    accounts = [AccountSettings.read(row) for row in (*ACCOUNTS, _WHALE)]
    simulator = Simulator(open_tape(DEFAULT, seed=7, calendar=calendar), calendar, accounts)
    counted = Counted(build(simulator, tape=DEFAULT, seed=7))
    listening = listen(0, "simulator")
    serving = server(counted)
    thread = threading.Thread(target=lambda: serving.run(sockets=[listening]), daemon=True)
    thread.start()
    # The socket queues what comes before the server accepts, so there is nothing to wait for.
    listening.listen()

    def stop() -> None:
        serving.should_exit = True
        thread.join(WITHIN_SECONDS)
        listening.close()

    return AlpacaVenue(Running(listening.getsockname()[1], simulator), counted), stop


def order(client_order_id: str, quantity: str | None = "1", side: str = "buy", **more: Any) -> OrderRequest:
    """A market order of the day, unless `more` says otherwise."""
    values: dict[str, Any] = {
        "client_order_id": client_order_id,
        "symbol": "SPY",
        "side": side,
        "order_type": "market",
        "time_in_force": "day",
        "position_intent": f"{side}_to_open",
        "quantity": None if quantity is None else Decimal(quantity),
    }
    return OrderRequest(**(values | more))
