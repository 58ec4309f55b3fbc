"""A simulator on a real port, in a thread of the test process, and the SDK's sessions pointed at it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import requests
from tastytrade import Account, Session
from tastytrade.order import InstrumentType, Leg, LimitOrder, MarketOrder, OrderAction, OrderTimeInForce

from local.process.listening import listen
from local.simulators.tastytrade.app import build
from local.simulators.tastytrade.logins import AccountRow
from local.simulators.tastytrade.simulator import Simulator
from local.simulators.venue.server import server
from local.tape.sessions import MarketCalendar
from local.tape.spec import DEFAULT, open_tape

ALICE = "5WT00001"
BOB = "5WT00002"
ACCOUNTS = (
    {
        "account_number": ALICE,
        "refresh_token": "alice",
        "client_secret": "alice-secret",
        "cash": "100000",
        "options_level": 4,
    },
    {
        "account_number": BOB,
        "refresh_token": "bob",
        "client_secret": "bob-secret",
        "cash": "10000",
        "multiplier": 1,
        "shorting": False,
    },
    {"account_number": ALICE, "refresh_token": "reader", "client_secret": "reader-secret", "data_only": True},
)
NUMBERS = {"alice": ALICE, "bob": BOB, "reader": ALICE}
WITHIN_SECONDS = 20.0


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

    def fault(self, switch: str, count: int = 1, **more: str | int) -> None:
        self.post("/control/faults", {"switch": switch, "count": count, **more})

    def book(self, number: str = ALICE) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/control/book")["accounts"][number]
        return found

    def token(self, name: str = "alice") -> str:
        """An access token, for raw calls."""
        body = {"grant_type": "refresh_token", "refresh_token": name, "client_secret": f"{name}-secret"}
        return str(self.post("/oauth/token", body)["access_token"])

    def raw(self, method: str, path: str, body: Any = None, name: str = "alice") -> requests.Response:
        """A call without the SDK, whose answer is not checked."""
        headers = {"Authorization": f"Bearer {self.token(name)}"}
        return self._session.request(method, self.url + path, json=body, headers=headers, timeout=WITHIN_SECONDS)

    @asynccontextmanager
    async def session(self, name: str = "alice", **more: Any) -> AsyncIterator[Session]:
        """The SDK's session, pointed here."""
        session = Session(f"{name}-secret", name, **{"timeout": WITHIN_SECONDS, **more})
        session._client.base_url = self.url
        async with session:
            yield session

    @asynccontextmanager
    async def account(self, name: str = "alice", **more: Any) -> AsyncIterator[tuple[Session, Account]]:
        """The SDK's session and its account."""
        async with self.session(name, **more) as session:
            yield session, await Account.get(session, NUMBERS[name])


def start(calendar: MarketCalendar) -> tuple[Running, Callable[[], None]]:
    """A running simulator, and what stops it."""
    simulator = Simulator(
        open_tape(DEFAULT, seed=7, calendar=calendar), calendar, [AccountRow.read(row) for row in ACCOUNTS]
    )
    listening = listen(0, "simulator")
    serving = server(build(simulator, tape=DEFAULT, seed=7), dated=False)
    thread = threading.Thread(target=lambda: serving.run(sockets=[listening]), daemon=True)
    thread.start()
    # The socket queues what comes before the server accepts, so there is nothing to wait for.
    listening.listen()

    def stop() -> None:
        serving.should_exit = True
        thread.join(WITHIN_SECONDS)
        listening.close()

    return Running(listening.getsockname()[1], simulator), stop


def share(quantity: int | Decimal | None, action: OrderAction = OrderAction.BUY_TO_OPEN, symbol: str = "SPY") -> Leg:
    return Leg(instrument_type=InstrumentType.EQUITY, symbol=symbol, action=action, quantity=quantity)


def market(
    quantity: int | Decimal, action: OrderAction = OrderAction.BUY_TO_OPEN, name: str | None = None
) -> MarketOrder:
    return MarketOrder(time_in_force=OrderTimeInForce.DAY, legs=[share(quantity, action)], external_identifier=name)


def limit(
    quantity: int | Decimal,
    price: str,
    action: OrderAction = OrderAction.BUY_TO_OPEN,
    name: str | None = None,
    tif: OrderTimeInForce = OrderTimeInForce.DAY,
) -> LimitOrder:
    """`price` as the SDK has it: negative pays."""
    return LimitOrder(time_in_force=tif, legs=[share(quantity, action)], price=Decimal(price), external_identifier=name)
