"""Alpaca's trading API behind the Broker protocol. The SDK is used for transport and signing; JSON is parsed here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from functions.brokers import alpaca_wire as wire
from functions.brokers.alpaca_client import bound, read, write
from functions.brokers.credentials import KeyPair
from functions.brokers.errors import BadResponse, Rejected, Unsupported
from functions.brokers.protocol import (
    AccountSnapshot,
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    Capabilities,
    Connected,
    MarketClock,
    OrderRequest,
    Quarantined,
    TradeUpdate,
)
from functions.core.money import text
from functions.core.settings import Settings

if TYPE_CHECKING:
    from alpaca.trading.client import TradingClient

_NOT_FOUND = 404
_DUPLICATE_CLIENT_ORDER_ID = "40010001"
_PAGE = 100
_MOST_ORDERS = 500


class AlpacaBroker:
    """One Alpaca account. The SDK is synchronous, so each call runs in a worker thread."""

    name = "alpaca"
    capabilities = Capabilities(
        order_types=frozenset({"market", "limit", "stop", "stop_limit", "trailing_stop"}),
        times_in_force=frozenset({"day", "gtc", "ioc", "fok", "opg", "cls"}),
        notional=True,
    )

    def __init__(self, keys: KeyPair, configuration: Settings, *, is_paper: bool) -> None:
        from alpaca.trading.client import TradingClient

        self._keys = keys
        self._settings = configuration
        self._is_paper = is_paper
        self._client: TradingClient = TradingClient(
            keys.key.get_secret_value(),
            keys.secret.get_secret_value(),
            paper=is_paper,
            raw_data=True,
            url_override=configuration.alpaca_trading_url,
        )
        bound(self._client, configuration.broker_timeout)

    async def account(self) -> AccountSnapshot:
        return wire.account(await read(lambda: _mapping(self._client.get("/account"))))

    async def positions(self) -> list[BrokerPosition]:
        rows = await read(lambda: self._client.get("/positions"))
        return [wire.position(row) for row in rows]

    async def open_orders(self) -> list[BrokerOrder]:
        rows = await read(
            lambda: self._client.get("/orders", {"status": "open", "limit": _MOST_ORDERS, "direction": "asc"})
        )
        return [wire.order(row) for row in rows]

    async def find_order(self, client_order_id: str) -> BrokerOrder | None:
        try:
            row = await read(lambda: _mapping(self._client.get_order_by_client_id(client_order_id)))
        except Rejected as error:
            if error.numbers.get("http_status") == _NOT_FOUND:
                return None
            raise
        return wire.order(row)

    async def submit(self, order: OrderRequest) -> BrokerOrder:
        body = self._body(order)
        try:
            row = await write(lambda: self._client.post("/orders", body))
        except Rejected as error:
            # The id is unique per account, so this order was taken before: ours, from an answer that was lost.
            if error.code == _DUPLICATE_CLIENT_ORDER_ID:
                found = await self.find_order(order.client_order_id)
                if found is not None:
                    return found
            raise
        return wire.order(_mapping(row))

    async def cancel(self, broker_order_id: str) -> None:
        try:
            await write(lambda: self._client.delete(f"/orders/{broker_order_id}"))
        except Rejected as error:
            # 404 and 422: the order is over, or its cancel is under way; the next sync says which.
            if error.numbers.get("http_status") not in (_NOT_FOUND, 422):
                raise

    async def fills(self, since: datetime) -> list[BrokerFill]:
        found: list[BrokerFill] = []
        token: str | None = None
        while True:
            # `after` is exclusive and the ids are only ordered to the millisecond: a little overlap loses nothing.
            query = {"after": (since - timedelta(seconds=1)).isoformat(), "direction": "asc", "page_size": _PAGE}
            if token:
                query["page_token"] = token
            page = query
            rows = await read(lambda page=page: self._client.get("/account/activities/FILL", page))  # type: ignore[misc]
            found.extend(wire.activity_fill(row) for row in rows)
            if len(rows) < _PAGE:
                return found
            token = wire.words(rows[-1], "id")

    async def clock(self) -> MarketClock:
        row = await read(lambda: _mapping(self._client.get("/clock")))
        return MarketClock(now=wire.moment(row.get("timestamp"), "timestamp"), is_open=bool(row.get("is_open")))

    async def trade_updates(self) -> AsyncIterator[Connected | TradeUpdate | Quarantined]:
        from alpaca.trading.stream import TradingStream

        arrived: asyncio.Queue[Connected | TradeUpdate | Quarantined] = asyncio.Queue()

        class Stream(TradingStream):
            # The SDK reconnects by itself and says nothing: whoever listens must know, to look what was missed.
            async def _start_ws(self) -> None:
                await super()._start_ws()  # type: ignore[no-untyped-call]
                arrived.put_nowait(Connected())

        async def heard(message: Mapping[str, Any]) -> None:
            # The SDK logs and drops what its handler raises, so nothing is raised here.
            data = message.get("data") or {}
            try:
                arrived.put_nowait(wire.trade_update(data))
            except (BadResponse, KeyError, AttributeError, TypeError) as error:
                arrived.put_nowait(Quarantined(str(error), repr(data)[:2000]))

        stream = Stream(
            self._keys.key.get_secret_value(),
            self._keys.secret.get_secret_value(),
            paper=self._is_paper,
            raw_data=True,
            url_override=self._settings.alpaca_trade_stream_url,  # type: ignore[arg-type] # None is its own default
        )
        stream.subscribe_trade_updates(heard)
        # run() would start a loop of its own.
        running = asyncio.create_task(stream._run_forever())  # type: ignore[no-untyped-call] # noqa: SLF001
        try:
            while True:
                yield await arrived.get()
        finally:
            running.cancel()
            await stream.close()

    def _body(self, order: OrderRequest) -> dict[str, Any]:
        if order.order_type not in self.capabilities.order_types:
            raise Unsupported("UNSUPPORTED_ORDER_TYPE", f"Alpaca has no {order.order_type} order")
        if order.time_in_force not in self.capabilities.times_in_force:
            raise Unsupported("UNSUPPORTED_TIME_IN_FORCE", f"Alpaca has no time in force {order.time_in_force}")
        # The SDK's request models make floats of prices; the API takes text, which is exact.
        body: dict[str, Any] = {
            "symbol": order.symbol,
            "side": order.side,
            "type": order.order_type,
            "time_in_force": order.time_in_force,
            "client_order_id": order.client_order_id,
        }
        numbers = {
            "qty": order.quantity,
            "notional": order.notional,
            "limit_price": order.limit_price,
            "stop_price": order.stop_price,
            "trail_price": order.trail_price,
            "trail_percent": order.trail_percent,
        }
        return body | {name: text(value) for name, value in numbers.items() if value is not None}


def _mapping(row: Any) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise BadResponse(f"expected an object, was {type(row).__name__}", row)
    return row
