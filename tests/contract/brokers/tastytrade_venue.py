"""The tastytrade adapter on the simulator, over real sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from functions.brokers.tastytrade import TastytradeBroker
from functions.brokers.tastytrade_market_data import TastytradeMarketData
from functions.core.settings import Settings
from local.process.listening import listen
from local.simulators.tastytrade.app import build
from local.simulators.tastytrade.logins import AccountRow
from local.simulators.tastytrade.simulator import Simulator
from local.simulators.venue.server import server
from local.tape.sessions import MarketCalendar
from local.tape.spec import DEFAULT, open_tape
from tests.contract.brokers.tastytrade_login import login, tastytrade_settings
from tests.contract.brokers.venue import NOWHERE, NOWHERE_SOCKET, Counted, heal
from tests.contract.tastytrade_simulator.running import WITHIN_SECONDS, Running

NUMBERS = {"alice": "5WC00001", "bob": "5WC00002", "carol": "5WC00003", "whale": "5WC00004"}
_CASH = {"alice": "100000", "bob": "100000", "carol": "10000", "whale": "1000000000"}
_MORE: dict[str, dict[str, Any]] = {
    "carol": {"multiplier": 1, "shorting": False, "fees": {"per_share": "0.005", "sell_rate": "0.00002"}}
}
_ACCOUNTS = [
    {"account_number": number, "refresh_token": name, "client_secret": f"{name}-secret", "cash": _CASH[name]}
    | _MORE.get(name, {})
    for name, number in NUMBERS.items()
]


class TastytradeVenue:
    """tastytrade with a market that stands still until it is moved."""

    name = "tastytrade"
    replaces_with = "PUT"

    def __init__(self, running: Running, counted: Counted) -> None:
        self.simulator = running
        self._counted = counted

    def settings(self, **more: Any) -> Settings:
        return tastytrade_settings(self.simulator.url, self.simulator.socket_url, **more)

    def broker(self, name: str = "alice", **more: Any) -> TastytradeBroker:
        return TastytradeBroker(login(name), self.settings(**more), account_number=NUMBERS[name], is_paper=True)

    def stranger(self) -> TastytradeBroker:
        stolen = login("alice", "stolen")
        return TastytradeBroker(stolen, self.settings(), account_number=NUMBERS["alice"], is_paper=True)

    def unreachable(self) -> TastytradeBroker:
        settings = tastytrade_settings(NOWHERE, NOWHERE_SOCKET)
        return TastytradeBroker(login("alice"), settings, account_number=NUMBERS["alice"], is_paper=True)

    def market_data(self, **more: Any) -> TastytradeMarketData:
        return TastytradeMarketData(login("alice"), self.settings(**more), is_paper=True)

    def begin(self) -> None:
        self.simulator.post("/control/load", {"tape": DEFAULT, "seed": 7})
        self._counted.seen.clear()

    def open(self) -> None:
        self.move(4)

    def move(self, minutes: int = 1) -> None:
        self.simulator.advance(minutes)

    def orders(self, name: str = "alice") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.book(name)["orders"]
        return found

    def book(self, name: str = "alice") -> dict[str, Any]:
        return self.simulator.book(NUMBERS[name])

    def books(self, kind: str, amount: str, symbol: str | None = None) -> None:
        row = {"account_id": NUMBERS["alice"], "kind": kind, "amount": amount, "symbol": symbol}
        self.simulator.post("/control/activities", row)

    def heal(self) -> None:
        heal(self.simulator.url)

    def fault(self, switch: str, count: int = 1, **more: Any) -> None:
        self.simulator.fault(switch, count, **more)

    def sent(self, method: str, path: str) -> int:
        """How many such requests reached the broker."""
        return self._counted.seen[method, path]

    def submits(self) -> int:
        return sum(
            count
            for (method, path), count in self._counted.seen.items()
            if method == "POST" and path.endswith("orders")
        )

    def changes(self) -> int:
        return sum(count for (method, _), count in self._counted.seen.items() if method == "PUT")


def start_tastytrade(calendar: MarketCalendar) -> tuple[TastytradeVenue, Callable[[], None]]:
    """A running simulator, and what stops it."""
    accounts = [AccountRow.read(row) for row in _ACCOUNTS]
    simulator = Simulator(open_tape(DEFAULT, seed=7, calendar=calendar), calendar, accounts)
    counted = Counted(build(simulator, tape=DEFAULT, seed=7))
    listening = listen(0, "simulator")
    serving = server(counted, dated=False)
    thread = threading.Thread(target=lambda: serving.run(sockets=[listening]), daemon=True)
    thread.start()
    # The socket queues what comes before the server accepts, so there is nothing to wait for.
    listening.listen()

    def stop() -> None:
        serving.should_exit = True
        thread.join(WITHIN_SECONDS)
        listening.close()

    return TastytradeVenue(Running(listening.getsockname()[1], simulator), counted), stop
