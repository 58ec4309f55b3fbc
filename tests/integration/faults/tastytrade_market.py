"""tastytrade's adapter on its simulator, for the fault scripts."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import requests

from functions.brokers.protocol import Broker
from functions.brokers.tastytrade import TastytradeBroker
from functions.core.settings import Settings
from local.tape.spec import DEFAULT
from tests.contract.brokers.tastytrade_login import login, tastytrade_settings
from tests.contract.tastytrade_simulator.running import ALICE, Running
from tests.integration.faults.market import Book, read_book

_ORDERS = f"/accounts/{ALICE}/orders"
_SWITCHES: Mapping[str, Mapping[str, Any]] = {
    **{
        f"{switch} {method}": {"switch": switch, "method": method, "path": _ORDERS}
        for switch in ("timeout_after_accept", "reset_before_accept", "reset_after_accept", "error_502_after_accept")
        for method in ("POST", "DELETE", "PUT")
    },
    **{
        f"{switch} {method}": {"switch": switch, "method": method, "path": "/accounts"}
        for switch in ("reset_before_accept", "reject_429", "error_502_html", "reject_401")
        for method in ("GET", "POST", "DELETE", "PUT")
    },
    "empty_data POST": {"switch": "empty_data", "method": "POST", "path": _ORDERS},
    "answer_without_key": {},
    "cancel_lost_race": {},
    "partial_fills": {"least": 2, "most": 5},
    "stuck_cancel": {},
    "cancel_fill_race": {},
    "replace_fill_race": {},
    "replace_rejected": {},
    "out_of_order_stream_event": {},
    "fill_before_response": {},
    "position_lag": {},
    "status_dead": {},
    "order_without_key": {},
    "filled_without_fills": {},
    "duplicate_stream_event": {},
    "malformed_frame": {},
    "expire_tokens": {},
    "drop_stream": {},
    "small_pages": {"rows": 2},
}


class TastytradeMarket:
    """tastytrade's adapter on its simulator."""

    name = "tastytrade"
    replaces_quantity = False

    def __init__(self, running: Running) -> None:
        self._running, self.url = running, running.url
        self._session = requests.Session()
        known = self._running.simulator.faults.table()
        self.switches: Mapping[str, Mapping[str, Any]] = {
            name: said for name, said in _SWITCHES.items() if said.get("switch", name) in known
        }

    def now(self) -> datetime:
        return self._running.simulator.now()

    def settings(self) -> Settings:
        # Some faults are an answer that never comes: a test waits for each of those.
        times = {"broker_timeout": 0.4, "poll_interval": 60, "watch_interval": 0.02, "heartbeat_interval": 60}
        return tastytrade_settings(self._running.url, self._running.socket_url, **times)

    def begin(self) -> str:
        self.clear_faults()
        self._running.post("/control/load", {"tape": DEFAULT, "seed": 7})
        self._running.advance(4)
        return ALICE

    def broker(self) -> Broker:
        return TastytradeBroker(login("alice"), self.settings(), account_number=ALICE, is_paper=True)

    def fault(self, switch: str, count: int, more: Mapping[str, Any]) -> None:
        self._running.fault(switch, count, **more)

    def clear_faults(self) -> None:
        self._session.delete(f"{self._running.url}/control/faults", timeout=20).raise_for_status()

    def move(self) -> None:
        self._running.advance(1)

    def by_hand(self, side: str, quantity: int, price: Decimal | None) -> None:
        leg = {"instrument-type": "Equity", "symbol": "SPY", "quantity": quantity}
        leg["action"] = "Buy to Open" if side == "buy" else "Sell to Open"
        order: dict[str, Any] = {"time-in-force": "Day", "legs": [leg]}
        if price is None:
            order["order-type"] = "Market"
        else:
            effect = "Debit" if side == "buy" else "Credit"
            order |= {"order-type": "Limit", "price": str(price), "price-effect": effect}
        self._ask("POST", _ORDERS, order)

    def cancel_by_hand(self, order: str) -> None:
        self._ask("DELETE", f"{_ORDERS}/{order}", None)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> None:
        # The page, too, meets the faults that are on: its user sees an error.
        with contextlib.suppress(requests.RequestException):
            self._session.request(
                method,
                self._running.url + path,
                json=body,
                headers={"Authorization": f"Bearer {self._running.token()}"},
                timeout=1,
            )

    def price(self) -> Decimal:
        found = self._running.simulator.prices.mark("SPY")
        assert found is not None
        return found

    def book(self) -> Book:
        return read_book(self._running.book())
