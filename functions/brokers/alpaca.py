"""Alpaca's trading API behind the Broker protocol. The SDK is used for transport and signing; JSON is parsed here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from functions.brokers import alpaca_wire as wire
from functions.brokers import reading
from functions.brokers.alpaca_client import bound, read, write
from functions.brokers.alpaca_streams import follow, refusal
from functions.brokers.capabilities import Capabilities
from functions.brokers.credentials import KeyPair
from functions.brokers.errors import BadResponse, OutcomeUnknown, Rejected, Unsupported
from functions.brokers.holdings import AccountSnapshot, BrokerPosition
from functions.brokers.markets import MarketClock
from functions.brokers.orders import BrokerFill, BrokerOrder, OrderChange, OrderRequest, TradeUpdate
from functions.brokers.protocol import Connected, Quarantined
from functions.core.errors import AgentTraderError, Misconfigured
from functions.core.money import text
from functions.core.settings import Settings

if TYPE_CHECKING:
    from alpaca.trading.client import TradingClient

_NOT_FOUND = 404
_DUPLICATE_CLIENT_ORDER_ID = "40010001"
_PAGE = 100
_MOST_ORDERS = 500

_LIVE_HOST = "api.alpaca.markets"
_PAPER_HOST = "paper-api.alpaca.markets"


class AlpacaBroker:
    """One Alpaca account. The SDK is synchronous, so each call runs in a worker thread."""

    name = "alpaca"
    capabilities = Capabilities(
        broker="alpaca",
        order_types=frozenset({"market", "limit", "stop", "stop_limit", "trailing_stop"}),
        times_in_force=frozenset({"day", "gtc", "ioc", "fok", "opg", "cls"}),
        order_classes=frozenset({"simple"}),
        asset_kinds=frozenset({"stock"}),
        most_legs=0,
        notional=True,
        fractional=True,
        replaces_quantity=True,
        preview=False,
        exercise=False,
        do_not_exercise=False,
        fills_named_by="cumulative_quantity",
        deduplicates=True,
    )

    def __init__(self, keys: KeyPair, configuration: Settings, *, is_paper: bool) -> None:
        from alpaca.trading.client import TradingClient

        self._keys = keys
        self._settings = configuration
        self._is_paper = is_paper
        _require_endpoint(configuration, is_paper=is_paper)
        self._client: TradingClient = TradingClient(
            keys.key.get_secret_value(),
            keys.secret.get_secret_value(),
            paper=is_paper,
            raw_data=True,
            url_override=configuration.alpaca_trading_url,
        )
        bound(self._client, configuration.broker_timeout)

    async def account(self) -> AccountSnapshot:
        return wire.account(await read(lambda: self._client.get("/account")))

    async def positions(self) -> list[BrokerPosition]:
        rows = await read(lambda: self._client.get("/positions"))
        return [wire.position(row) for row in reading.rows(rows)]

    async def open_orders(self) -> list[BrokerOrder]:
        rows = await read(
            lambda: self._client.get("/orders", {"status": "open", "limit": _MOST_ORDERS, "direction": "asc"})
        )
        return [wire.order(row) for row in reading.rows(rows)]

    async def find_order(self, client_order_id: str) -> BrokerOrder | None:
        return await _found(lambda: self._client.get_order_by_client_id(client_order_id))

    async def order(self, broker_order_id: str) -> BrokerOrder | None:
        return await _found(lambda: self._client.get(f"/orders/{broker_order_id}"))

    async def submit(self, order: OrderRequest) -> BrokerOrder:
        body = self._body(order)
        return await self._write_order(lambda: self._client.post("/orders", body), order.client_order_id)

    async def replace(self, broker_order_id: str, change: OrderChange) -> BrokerOrder:
        body = _change(change)
        return await self._write_order(
            lambda: self._client.patch(f"/orders/{broker_order_id}", body), change.client_order_id
        )

    async def _write_order(self, call: Callable[[], Any], client_order_id: str) -> BrokerOrder:
        try:
            return wire.order(await write(call))
        except BadResponse as error:
            raise OutcomeUnknown(
                "UNREADABLE_ANSWER", f"Alpaca's answer cannot be read, the order may be live: {error.text}"
            ) from error
        except Rejected as error:
            # The code is also that of a missing field, hence the second look.
            if error.code != _DUPLICATE_CLIENT_ORDER_ID or "client_order_id" not in error.text:
                raise
        return await self._sent_before(client_order_id)

    async def _sent_before(self, client_order_id: str) -> BrokerOrder:
        """The id is unique per account, so this order was taken before: ours, from an answer that was lost."""
        try:
            found = await self.find_order(client_order_id)
        except AgentTraderError as error:
            raise OutcomeUnknown("SENT_BEFORE", f"Alpaca has the order, and does not show it: {error.text}") from error
        if found is None:
            raise OutcomeUnknown("SENT_BEFORE", "Alpaca says that it has the order, and does not find it")
        return found

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
            answer = await read(lambda page=page: self._client.get("/account/activities/FILL", page))  # type: ignore[misc]
            rows = reading.rows(answer)
            found.extend(wire.activity_fill(row) for row in rows)
            if len(rows) < _PAGE:
                return found
            token = reading.words(rows[-1], "id")

    async def clock(self) -> MarketClock:
        return wire.clock(await read(lambda: self._client.get("/clock")))

    async def trade_updates(self) -> AsyncGenerator[Connected | TradeUpdate | Quarantined, None]:
        from alpaca.trading.stream import TradingStream

        arrived: asyncio.Queue[Connected | TradeUpdate | Quarantined | AgentTraderError] = asyncio.Queue()

        class Stream(TradingStream):
            # The SDK connects again by itself and says nothing: whoever listens must know, to look what was missed.
            async def _dispatch(self, msg: dict[str, Any]) -> None:
                if msg.get("stream") == "listening":
                    arrived.put_nowait(Connected())
                await super()._dispatch(msg)

            async def _auth(self) -> None:
                try:
                    await super()._auth()  # type: ignore[no-untyped-call]
                except ValueError as error:
                    refused = refusal(error)
                    if refused is not None:
                        arrived.put_nowait(refused)
                    raise

        async def heard(message: dict[str, Any]) -> None:
            # The SDK logs and drops what its handler raises, so nothing is raised here.
            data = message.get("data")
            try:
                arrived.put_nowait(wire.trade_update(data))
            except BadResponse as error:
                arrived.put_nowait(Quarantined(error.text, repr(data)[:2000]))

        stream = Stream(
            self._keys.key.get_secret_value(),
            self._keys.secret.get_secret_value(),
            paper=self._is_paper,
            raw_data=True,
            url_override=self._settings.alpaca_trade_stream_url,  # type: ignore[arg-type] # None is its own default
        )
        stream.subscribe_trade_updates(heard)
        async with contextlib.aclosing(follow(stream, arrived)) as messages:
            async for message in messages:
                yield message

    def _body(self, order: OrderRequest) -> dict[str, Any]:
        self.capabilities.require(order)
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


def _require_endpoint(configuration: Settings, *, is_paper: bool) -> None:
    """A paper account never speaks to the live address, nor a live one to the paper address.

    Raises Misconfigured WRONG_ENDPOINT.
    """
    forbidden = _LIVE_HOST if is_paper else _PAPER_HOST
    for url in (configuration.alpaca_trading_url, configuration.alpaca_trade_stream_url):
        if url is not None and (urlsplit(url).hostname or "").rstrip(".") == forbidden:
            kind = "paper" if is_paper else "live"
            raise Misconfigured("WRONG_ENDPOINT", f"a {kind} account must not reach {forbidden}; see the settings")


def _change(change: OrderChange) -> dict[str, Any]:
    if change.quantity != change.quantity.to_integral_value():
        raise Unsupported("UNSUPPORTED_QUANTITY", f"Alpaca replaces whole shares only, was {text(change.quantity)}")
    numbers = {
        "qty": change.quantity,
        "limit_price": change.limit_price,
        "stop_price": change.stop_price,
        # One field for both kinds of trail: it means what the order has.
        "trail": change.trail_price if change.trail_price is not None else change.trail_percent,
    }
    body: dict[str, Any] = {"client_order_id": change.client_order_id}
    if change.time_in_force is not None:
        body["time_in_force"] = change.time_in_force
    return body | {name: text(value) for name, value in numbers.items() if value is not None}


async def _found(call: Callable[[], Any]) -> BrokerOrder | None:
    try:
        return wire.order(await read(call))
    except Rejected as error:
        if error.numbers.get("http_status") == _NOT_FOUND:
            return None
        raise
