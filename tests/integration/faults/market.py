"""What the fault scripts ask of a broker: a fresh account for each script, faults, hands on the market, its book.

The book is what the simulator itself has, read beside the adapter: the ledger is held against it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import requests

from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.protocol import Broker
from functions.core.settings import Settings
from local.simulators.venue.desk_order import FINAL
from tests.contract.alpaca_simulator.running import ALICE
from tests.contract.brokers.venue import AlpacaVenue, keys

_WITHIN_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class BookOrder:
    """An order as the broker itself has it."""

    order: str
    client_order_id: str
    filled: Decimal
    is_open: bool


@dataclass(frozen=True, slots=True)
class Book:
    """All that one account has at the broker; fills are (order, symbol, quantity, price)."""

    orders: Sequence[BookOrder]
    fills: Sequence[tuple[str, str, Decimal, Decimal]]
    positions: Mapping[str, Decimal]


class Market(Protocol):
    """One broker's simulator with a market that stands still until it is moved."""

    name: str
    url: str
    switches: Mapping[str, Mapping[str, Any]]
    """The faults that a script may switch on, each with what is said besides."""
    replaces_quantity: bool

    def now(self) -> datetime: ...

    def settings(self) -> Settings: ...

    def begin(self) -> str:
        """The same moment of the same session with fresh books, no fault on; returns the account's number.

        SPY is traded, and the account has 100 000 dollars.
        """
        ...

    def broker(self) -> Broker: ...

    def fault(self, switch: str, count: int, more: Mapping[str, Any]) -> None: ...

    def clear_faults(self) -> None: ...

    def move(self) -> None:
        """One minute of the session."""
        ...

    def by_hand(self, side: str, quantity: int, price: Decimal | None) -> None:
        """An order placed on the broker's own page."""
        ...

    def cancel_by_hand(self, order: str) -> None: ...

    def price(self) -> Decimal:
        """About what SPY costs now, dollars."""
        ...

    def book(self) -> Book: ...


_POST, _ALL = {"method": "POST"}, ("GET", "POST", "DELETE", "PATCH")
_ALPACA: Mapping[str, Mapping[str, Any]] = {
    **{
        f"{switch} {method}": {"switch": switch, "method": method, "path": path}
        for switch in ("timeout_after_accept", "reset_before_accept", "reset_after_accept", "error_504_after_accept")
        for method, path in (("POST", "/v2/orders"), ("DELETE", "/v2/orders"), ("PATCH", "/v2/orders"))
    },
    **{
        f"{switch} {method}": {"switch": switch, "method": method, "path": "/v2"}
        for switch in ("reset_before_accept", "reject_429", "error_500_html")
        for method in _ALL
    },
    "reject_403": {**_POST, "path": "/v2/orders"},
    "reject_422": {**_POST, "path": "/v2/orders"},
    "reject_429_with_headers": {**_POST, "path": "/v2/orders"},
    "partial_fills": {"least": 2, "most": 5},
    "stuck_cancel": {},
    "cancel_fill_race": {},
    "replace_fill_race": {},
    "replace_rejected": {},
    "fill_before_response": {},
    "duplicate_stream_event": {},
    "out_of_order_stream_event": {},
    "drop_stream": {},
    "new_enum_value": {},
}


class AlpacaMarket:
    """Alpaca's adapter on its simulator."""

    name = "alpaca"
    replaces_quantity = True

    def __init__(self, venue: AlpacaVenue) -> None:
        self._venue = venue
        self._running = venue.simulator
        self.url = self._running.url
        self._session = requests.Session()
        known = self._running.simulator.faults.table()
        self.switches: Mapping[str, Mapping[str, Any]] = {
            name: said for name, said in _ALPACA.items() if said.get("switch", name) in known
        }

    def now(self) -> datetime:
        return self._running.simulator.now()

    def settings(self) -> Settings:
        # Some faults are an answer that never comes: a test waits for each of those.
        return self._venue.settings(broker_timeout=0.4, poll_interval=60, watch_interval=0.02, heartbeat_interval=60)

    def begin(self) -> str:
        self.clear_faults()
        self._venue.begin()
        self._venue.open()
        return ALICE

    def broker(self) -> Broker:
        return AlpacaBroker(keys("alice"), self.settings(), is_paper=True)

    def fault(self, switch: str, count: int, more: Mapping[str, Any]) -> None:
        self._running.post("/control/faults", {"switch": switch, "count": count, "account_id": ALICE, **more})

    def clear_faults(self) -> None:
        self._session.delete(f"{self._running.url}/control/faults", timeout=_WITHIN_SECONDS).raise_for_status()

    def move(self) -> None:
        self._venue.move(1)

    def by_hand(self, side: str, quantity: int, price: Decimal | None) -> None:
        order: dict[str, Any] = {"symbol": "SPY", "qty": str(quantity), "side": side, "time_in_force": "day"}
        self._ask("POST", "/v2/orders", order | ({"type": "market"} if price is None else _limit(price)))

    def cancel_by_hand(self, order: str) -> None:
        self._ask("DELETE", f"/v2/orders/{order}", None)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> None:
        headers = {"APCA-API-KEY-ID": "alice", "APCA-API-SECRET-KEY": "alice-secret"}
        # The page, too, meets the faults that are on: its user sees an error.
        with contextlib.suppress(requests.RequestException):
            self._session.request(method, self._running.url + path, json=body, headers=headers, timeout=1)

    def price(self) -> Decimal:
        found = self._running.simulator.prices.mark("SPY")
        assert found is not None
        return found

    def book(self) -> Book:
        return read_book(self._running.get("/control/book")["accounts"][ALICE])


def read_book(found: Mapping[str, Any]) -> Book:
    """The book of one account as every simulator's control port tells it."""
    return Book(
        [
            BookOrder(row["id"], row["client_order_id"] or "", Decimal(row["filled_qty"]), row["status"] not in FINAL)
            for row in found["orders"]
        ],
        [(row["order_id"], row["symbol"], Decimal(row["qty"]), Decimal(row["price"])) for row in found["fills"]],
        {row["symbol"]: Decimal(row["qty"]) for row in found["positions"] if Decimal(row["qty"])},
    )


def _limit(price: Decimal) -> dict[str, str]:
    return {"type": "limit", "limit_price": str(price)}
