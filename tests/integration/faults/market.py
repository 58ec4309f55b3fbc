"""What the fault scripts ask of a broker: a fresh account for each script, faults, hands on the market, its book.

The book is what the simulator itself has, read beside the adapter: the ledger is held against it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol

import requests

from functions.brokers import alpaca_requests
from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.orders import OrderRequest
from functions.brokers.protocol import Broker, MarketData
from functions.core.instruments import OptionRight, OptionSymbol
from functions.core.settings import Settings
from local.simulators.alpaca.faults import TABLE
from local.simulators.venue.desk_order import FINAL
from local.simulators.venue.venue import Venue
from tests.contract.alpaca_simulator.running import ALICE
from tests.contract.brokers.venue import AlpacaVenue, keys
from tests.integration.faults.matrix import AT_HOME, Cell, Where, cells

_WITHIN_SECONDS = 20.0
_AT_ONCE = 60
TAPE: Final = "sp500:SPY:2018-02-05:2018-02-23"
"""Long enough for every night of a script."""


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
    cells: Mapping[Cell, Mapping[str, Any]]
    """The faults that a script may switch on, by the step that they strike, each with what is said besides."""
    replaces_quantity: bool
    simulator: Venue

    def now(self) -> datetime: ...

    def settings(self) -> Settings: ...

    def begin(self) -> str:
        """The same moment of the same session with fresh books, no fault on; returns the account's number.

        SPY is traded, and the account has 100 000 dollars.
        """
        ...

    def broker(self) -> Broker: ...

    def market_data(self) -> MarketData: ...

    def change_account(self, **changes: Any) -> None:
        """What the account may do: its options level, for one. It stays so."""
        ...

    def fault(self, switch: str, count: int, more: Mapping[str, Any]) -> None: ...

    def clear_faults(self) -> None: ...

    def move(self, minutes: int = 1) -> None: ...

    def by_hand(self, order: OrderRequest) -> None:
        """An order placed on the broker's own page."""
        ...

    def cancel_by_hand(self, order: str) -> None: ...

    def assign(self, symbol: str) -> None:
        """The clearing house assigns every short contract."""
        ...

    def exercise_by_hand(self, symbol: str) -> None:
        """On the broker's own page; where it has none for this, nothing."""
        ...

    def book(self) -> Book: ...


def price(market: Market) -> Decimal:
    """About what SPY costs now, dollars."""
    found = market.simulator.prices.mark("SPY")
    assert found is not None
    return found


def contract(market: Market, right: OptionRight, expiry: int, strikes_away: int) -> str:
    """A contract on SPY near the money, of one of the next expiries."""
    day = market.simulator.options.expiries()[expiry]
    return str(OptionSymbol("SPY", day, right, Decimal(int(price(market)) + strikes_away)))


def option_market(market: Market, symbol: str) -> tuple[Decimal, Decimal] | None:
    """Bid and ask of a contract, per share; None where it does not trade."""
    view = market.simulator.options.view(symbol)
    return None if view is None else (view.bid, view.ask)


def night(market: Market) -> None:
    """Past the close of the next expiry, and into the session that follows."""
    player = market.simulator
    expiry = player.options.expiries()[0]
    while player.session.day <= expiry and not player.done:
        market.move(_AT_ONCE)


def post(known: Callable[[], requests.Response]) -> None:
    """The page, too, meets the faults that are on: its user sees an error."""
    with contextlib.suppress(requests.RequestException):
        known()


_WHERE: Final[Where] = {
    "submit": ("POST", "/v2/orders"),
    "replace": ("PATCH", "/v2/orders"),
    "cancel": ("DELETE", "/v2/orders"),
    "look up": ("GET", "/v2/orders:by_client_order_id"),
    "clock": ("GET", "/v2/clock"),
    "fill list": ("GET", "/v2/account/activities/FILL"),
    "order list": ("GET", "/v2/orders"),
    "positions": ("GET", "/v2/positions"),
}
ALPACA: Final[Mapping[Cell, Mapping[str, Any]]] = cells(
    TABLE,
    _WHERE,
    {
        **AT_HOME,
        Cell("new_enum_value", "submit"): {},
        Cell("new_enum_value", "order list"): {},
        Cell("missing_pdt_fields", "account"): {},
        Cell("optrd_price_mismatch", "close"): {},
    },
)
UNREACHED: Final[Mapping[str, str]] = {
    "null_portfolio_values": "nothing here asks for the portfolio history",
    **dict.fromkeys(("drop_data_stream", "mute_data", "string_time", "connection_limit"), "market data, no order"),
}
"""The contract tests have these."""


class AlpacaMarket:
    """Alpaca's adapter on its simulator."""

    name = "alpaca"
    cells: Mapping[Cell, Mapping[str, Any]] = ALPACA
    replaces_quantity = True

    def __init__(self, venue: AlpacaVenue) -> None:
        self._venue = venue
        self._running = venue.simulator
        self.url = self._running.url
        self._session = requests.Session()
        self.simulator: Venue = self._running.simulator

    def now(self) -> datetime:
        return self.simulator.now()

    def settings(self) -> Settings:
        # Some faults are an answer that never comes: a test waits for each of those.
        return self._venue.settings(broker_timeout=0.4, poll_interval=60, watch_interval=0.02, heartbeat_interval=60)

    def begin(self) -> str:
        self.clear_faults()
        self._running.post("/control/load", {"tape": TAPE, "seed": 7})
        self._venue.open()
        return ALICE

    def broker(self) -> Broker:
        return AlpacaBroker(keys("alice"), self.settings(), is_paper=True)

    def market_data(self) -> MarketData:
        return self._venue.market_data()

    def change_account(self, **changes: Any) -> None:
        change_account(self._running.url, ALICE, changes)

    def fault(self, switch: str, count: int, more: Mapping[str, Any]) -> None:
        # What a whole market meets is nobody's account's.
        account = {} if switch in ("halted_symbol", "half_day") else {"account_id": ALICE}
        self._running.post("/control/faults", {"switch": switch, "count": count, **account, **more})

    def clear_faults(self) -> None:
        self._session.delete(f"{self._running.url}/control/faults", timeout=_WITHIN_SECONDS).raise_for_status()

    def move(self, minutes: int = 1) -> None:
        self._venue.move(minutes)

    def by_hand(self, order: OrderRequest) -> None:
        self._ask("POST", "/v2/orders", alpaca_requests.order_body(order))

    def cancel_by_hand(self, order: str) -> None:
        self._ask("DELETE", f"/v2/orders/{order}", None)

    def assign(self, symbol: str) -> None:
        self._running.post("/control/assign", {"account_id": ALICE, "symbol": symbol})

    def exercise_by_hand(self, symbol: str) -> None:
        self._ask("POST", f"/v2/positions/{symbol}/exercise", None)

    def take_back(self, price: Decimal | None) -> None:
        """The exchange busts the newest execution; with a price it corrects it."""
        newest = self._running.get("/control/book")["accounts"][ALICE]["fills"][-1]["id"]
        said = {"account_id": ALICE, "execution_id": newest} | ({} if price is None else {"price": str(price)})
        self._running.post("/control/executions", said)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> None:
        headers = {"APCA-API-KEY-ID": "alice", "APCA-API-SECRET-KEY": "alice-secret"}
        post(lambda: self._session.request(method, self._running.url + path, json=body, headers=headers, timeout=1))

    def book(self) -> Book:
        return read_book(self._running.get("/control/book")["accounts"][ALICE])


def change_account(url: str, account: str, changes: Mapping[str, Any]) -> None:
    """As every simulator's control port takes it."""
    requests.patch(f"{url}/control/accounts/{account}", json=changes, timeout=_WITHIN_SECONDS).raise_for_status()


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
