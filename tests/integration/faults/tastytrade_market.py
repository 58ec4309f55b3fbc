"""tastytrade's adapter on its simulator, for the fault scripts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import requests

from functions.brokers import tastytrade_requests
from functions.brokers.orders import OrderRequest
from functions.brokers.protocol import Broker, MarketData
from functions.brokers.tastytrade import TastytradeBroker
from functions.brokers.tastytrade_market_data import TastytradeMarketData
from functions.core.settings import Settings
from local.simulators.tastytrade.faults import TABLE
from local.simulators.venue.venue import Venue
from tests.contract.brokers.tastytrade_login import login, tastytrade_settings
from tests.contract.tastytrade_simulator.running import ALICE, Running
from tests.integration.faults.market import TAPE, Book, change_account, post, read_book
from tests.integration.faults.matrix import AT_HOME, Cell, Where, cells

_ORDERS = f"/accounts/{ALICE}/orders"
_ACCOUNT = f"/accounts/{ALICE}"
_WHERE: Final[Where] = {
    "submit": ("POST", _ORDERS),
    "replace": ("PUT", _ORDERS),
    "cancel": ("DELETE", _ORDERS),
    "look up": ("GET", _ORDERS),
    "clock": ("GET", "/market-time"),
    # Executions are told with their orders, and older ones are found by the account's transactions.
    "fill list": ("GET", f"{_ACCOUNT}/transactions"),
    "order list": ("GET", f"{_ORDERS}/live"),
    "account": ("GET", f"{_ACCOUNT}/balances"),
    "positions": ("GET", f"{_ACCOUNT}/positions"),
}
TASTYTRADE: Final[Mapping[Cell, Mapping[str, Any]]] = cells(
    TABLE,
    _WHERE,
    {
        **AT_HOME,
        Cell("expire_tokens", "submit"): {},
        Cell("short_tokens", "submit"): {"seconds": 1},
        Cell("small_pages", "fill list"): {"rows": 2},
        Cell("answer_without_key", "submit"): {},
        Cell("cancel_lost_race", "cancel"): {},
        Cell("position_lag", "positions"): {},
        Cell("status_dead", "stream"): {},
        Cell("order_without_key", "stream"): {},
        Cell("filled_without_fills", "stream"): {},
        Cell("malformed_frame", "stream"): {},
        Cell("impatient_stream", "stream"): {"milliseconds": 200},
    },
)
_MARKET_DATA = (
    *("mute_data", "mute_candles", "refuse_candles", "dxlink_nan", "dxlink_error", "dxlink_token_expiry"),
    *("dxlink_batches", "drop_data_stream"),
)
UNREACHED: Final[Mapping[str, str]] = dict.fromkeys(_MARKET_DATA, "market data, no order")
"""The contract tests have these."""


class TastytradeMarket:
    """tastytrade's adapter on its simulator."""

    name = "tastytrade"
    cells: Mapping[Cell, Mapping[str, Any]] = TASTYTRADE
    replaces_quantity = False

    def __init__(self, running: Running) -> None:
        self._running, self.url = running, running.url
        self._session = requests.Session()
        self.simulator: Venue = running.simulator

    def now(self) -> datetime:
        return self.simulator.now()

    def settings(self) -> Settings:
        # Some faults are an answer that never comes: a test waits for each of those.
        times = {"broker_timeout": 0.4, "poll_interval": 60, "watch_interval": 0.02, "heartbeat_interval": 60}
        return tastytrade_settings(self._running.url, self._running.socket_url, **times)

    def begin(self) -> str:
        self.clear_faults()
        self._running.post("/control/load", {"tape": TAPE, "seed": 7})
        self._running.advance(4)
        return ALICE

    def broker(self) -> Broker:
        return TastytradeBroker(login("alice"), self.settings(), account_number=ALICE, is_paper=True)

    def market_data(self) -> MarketData:
        settings = tastytrade_settings(self._running.url, self._running.socket_url)
        return TastytradeMarketData(login("alice"), settings, is_paper=True)

    def change_account(self, **changes: Any) -> None:
        change_account(self._running.url, ALICE, changes)

    def fault(self, switch: str, count: int, more: Mapping[str, Any]) -> None:
        self._running.fault(switch, count, **more)

    def clear_faults(self) -> None:
        self._session.delete(f"{self._running.url}/control/faults", timeout=20).raise_for_status()

    def move(self, minutes: int = 1) -> None:
        self._running.advance(minutes)

    def by_hand(self, order: OrderRequest) -> None:
        if tastytrade_requests.is_complex(order):
            self._ask("POST", f"{_ACCOUNT}/complex-orders", tastytrade_requests.complex_body(order))
        else:
            self._ask("POST", _ORDERS, tastytrade_requests.body(order))

    def cancel_by_hand(self, order: str) -> None:
        self._ask("DELETE", f"{_ORDERS}/{order}", None)

    def assign(self, symbol: str) -> None:
        self._running.post("/control/assign", {"account_id": ALICE, "symbol": symbol})

    def exercise_by_hand(self, symbol: str) -> None:
        """tastytrade's desk is called for that."""

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> None:
        post(
            lambda: self._session.request(
                method,
                self._running.url + path,
                json=body,
                headers={"Authorization": f"Bearer {self._running.token()}"},
                timeout=1,
            )
        )

    def book(self) -> Book:
        return read_book(self._running.book())
