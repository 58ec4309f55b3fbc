"""Alpaca's trading API behind the Broker protocol. The SDK is used for transport and signing; JSON is parsed here."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from functions.brokers import alpaca_account, alpaca_activities, alpaca_markets, alpaca_requests
from functions.brokers.alpaca_client import AlpacaClient
from functions.brokers.alpaca_orders import AlpacaOrders
from functions.brokers.alpaca_trade_stream import followed_trade_updates
from functions.brokers.credentials import KeyPair
from functions.brokers.errors import BadResponse, NotConnected, NotSent, OutcomeUnknown, Rejected, Unsupported
from functions.brokers.holdings import AccountRules, AccountSnapshot, BrokerActivity, BrokerPosition
from functions.brokers.markets import MarketClock
from functions.brokers.orders import (
    BrokerFill,
    BrokerOrder,
    CancelOutcome,
    OrderChange,
    OrderPreview,
    OrderRequest,
    TradeUpdate,
)
from functions.brokers.protocol import Connected, Quarantined
from functions.brokers.reading import mapping, optional_words, rows
from functions.core.errors import AgentTraderError, Misconfigured
from functions.core.settings import Settings

if TYPE_CHECKING:
    from functions.brokers.guard import Guard

_NOT_FOUND, _UNPROCESSABLE = 404, 422
_DUPLICATE_CLIENT_ORDER_ID = "40010001"
# `after` is exclusive and the ids are only ordered to the millisecond: a little overlap loses nothing.
_OVERLAP = timedelta(seconds=1)
# An exercise and its delivery may be listed on two days: what explains a row is read with it.
_EXPLAINED_WITHIN = timedelta(days=4)
# Expiries and assignments are listed as late as the next day, under the day they belong to.
_LATE = timedelta(days=2)

_LIVE_HOST = "api.alpaca.markets"
_PAPER_HOST = "paper-api.alpaca.markets"


class AlpacaBroker:
    """One Alpaca account. The SDK is synchronous, so each call runs in a worker thread.

    `guard` keeps the calls within the rate that Alpaca allows and off a broker that is down; None for neither.
    """

    name = "alpaca"
    capabilities = alpaca_requests.CAPABILITIES

    def __init__(self, keys: KeyPair, configuration: Settings, *, is_paper: bool, guard: Guard | None = None) -> None:
        from alpaca.trading.client import TradingClient

        self._keys = keys
        self._settings = configuration
        self._is_paper = is_paper
        _require_endpoint(configuration, is_paper=is_paper)
        self._client = AlpacaClient(
            TradingClient(
                keys.key.get_secret_value(),
                keys.secret.get_secret_value(),
                paper=is_paper,
                raw_data=True,
                url_override=configuration.alpaca_trading_url,
            ),
            configuration.broker_timeout,
            guard,
        )
        self._orders = AlpacaOrders(self._client)

    async def account(self) -> AccountSnapshot:
        return alpaca_account.account(await self._client.read("/account"))

    async def rules(self) -> AccountRules:
        return alpaca_account.rules(await self._client.read("/account"))

    async def positions(self) -> list[BrokerPosition]:
        answer = await self._client.read("/positions")
        return [alpaca_account.position(row) for row in rows(answer)]

    async def open_orders(self) -> list[BrokerOrder | Quarantined]:
        return await self._orders.open()

    async def find_order(self, client_order_id: str) -> BrokerOrder | None:
        return await self._orders.find(client_order_id)

    async def find_orders(self, client_order_id: str) -> list[BrokerOrder]:
        """One at most: Alpaca takes a client order id once."""
        found = await self.find_order(client_order_id)
        return [] if found is None else [found]

    async def order(self, broker_order_id: str) -> BrokerOrder | None:
        return await self._orders.order(broker_order_id)

    async def preview(self, order: OrderRequest) -> OrderPreview:
        raise Unsupported("UNSUPPORTED_PREVIEW", f"Alpaca has no dry run; {order.client_order_id} was not sent")

    async def submit(self, order: OrderRequest) -> BrokerOrder:
        body = alpaca_requests.order_body(order)
        return await self._write_order("POST", "/orders", body, order.client_order_id)

    async def replace(self, broker_order_id: str, change: OrderChange) -> BrokerOrder:
        body = alpaca_requests.change_body(change)
        return await self._write_order("PATCH", f"/orders/{broker_order_id}", body, change.client_order_id)

    async def cancel(self, broker_order_id: str) -> None:
        try:
            await self._client.write("DELETE", f"/orders/{broker_order_id}", urgent=True)
        except Rejected as error:
            # 404 and 422: the order is over, or its cancel is under way; the next sync says which.
            if error.numbers.get("http_status") not in (_NOT_FOUND, _UNPROCESSABLE):
                raise

    async def cancel_all(self, symbol: str | None = None) -> list[CancelOutcome]:
        if symbol is not None:
            return [await self._cancel_one(one) for one in await self._orders.open_ids(symbol)]
        answer = await self._client.write("DELETE", "/orders", urgent=True)
        return [_cancel_outcome(row) for row in (rows(answer) if answer is not None else [])]

    async def close_position(self, symbol: str, client_order_id: str, quantity: Decimal | None = None) -> BrokerOrder:
        try:
            row = await self._client.read(f"/positions/{symbol}", urgent=True)
        except Rejected as error:
            if error.numbers.get("http_status") != _NOT_FOUND:
                raise
            # It may be flat because this very close went through and its answer was lost.
            found = await self._closed_before(client_order_id)
            if found is None:
                raise Rejected("NO_POSITION", f"there is no position in {symbol} to close") from error
            return found
        except NotConnected as error:
            raise NotSent(error.code, f"{error.text}; nothing was sent") from error
        held = alpaca_account.position(row).quantity
        body = alpaca_requests.closing_body(symbol, client_order_id, held, quantity)
        return await self._write_order("POST", "/orders", body, client_order_id, urgent=True)

    async def exercise(self, symbol: str) -> None:
        await self._client.write("POST", f"/positions/{symbol}/exercise", urgent=True)

    async def do_not_exercise(self, symbol: str) -> None:
        await self._client.write("POST", f"/positions/{symbol}/do-not-exercise", urgent=True)

    async def fills(self, since: datetime) -> list[BrokerFill | Quarantined]:
        found = await self._client.executions(since - _OVERLAP)
        return await self._orders.with_legs(found)

    async def activities(self, since: datetime) -> list[BrokerActivity | Quarantined]:
        """Rows are dated by the exchange's day and listed late, so those of a few days before `since` come again."""
        listed = await self._client.other_activities(since - _LATE - _EXPLAINED_WITHIN)
        found = alpaca_activities.activities(listed)
        first = since - _LATE
        return [row for row in found if isinstance(row, Quarantined) or row.occurred_at >= first]

    async def clock(self) -> MarketClock:
        return alpaca_markets.clock(await self._client.read("/clock"))

    async def trade_updates(self) -> AsyncGenerator[Connected | TradeUpdate | Quarantined, None]:
        messages = followed_trade_updates(
            self._keys, self._orders, url=self._settings.alpaca_trade_stream_url, is_paper=self._is_paper
        )
        async with contextlib.aclosing(messages):
            async for message in messages:
                yield message

    async def aclose(self) -> None:
        self._client.close()

    async def _write_order(
        self, method: str, path: str, body: dict[str, Any], client_order_id: str, *, urgent: bool = False
    ) -> BrokerOrder:
        try:
            return self._orders.read(await self._client.write(method, path, body, urgent=urgent))
        except BadResponse as error:
            raise OutcomeUnknown(
                "UNREADABLE_ANSWER", f"Alpaca's answer cannot be read, the order may be live: {error.text}"
            ) from error
        except Rejected as error:
            # The code is also that of a missing field, hence the second look.
            if error.code != _DUPLICATE_CLIENT_ORDER_ID or "client_order_id" not in error.text:
                raise
        return await self._sent_before(client_order_id)

    async def _closed_before(self, client_order_id: str) -> BrokerOrder | None:
        try:
            return await self._orders.find(client_order_id, urgent=True)
        except NotConnected as error:
            raise NotSent(error.code, f"{error.text}; nothing was sent") from error

    async def _sent_before(self, client_order_id: str) -> BrokerOrder:
        """The id is unique per account, so this order was taken before: ours, from an answer that was lost."""
        try:
            found = await self.find_order(client_order_id)
        except AgentTraderError as error:
            raise OutcomeUnknown("SENT_BEFORE", f"Alpaca has the order, and does not show it: {error.text}") from error
        if found is None:
            raise OutcomeUnknown("SENT_BEFORE", "Alpaca says that it has the order, and does not find it")
        return found

    async def _cancel_one(self, broker_order_id: str) -> CancelOutcome:
        try:
            await self._client.write("DELETE", f"/orders/{broker_order_id}", urgent=True)
        except AgentTraderError as error:
            return CancelOutcome(broker_order_id=broker_order_id, accepted=False, reason=str(error))
        return CancelOutcome(broker_order_id=broker_order_id, accepted=True)


def _cancel_outcome(answer: object) -> CancelOutcome:
    """A row of the answer to a cancel-all; one that cannot be read is no accepted cancel."""
    try:
        row = mapping(answer)
        body = row.get("body")
        reason = optional_words(mapping(body), "message") if isinstance(body, dict) else None
        order_id = optional_words(row, "id") or ""
    except BadResponse as error:
        return CancelOutcome(broker_order_id="", accepted=False, reason=str(error))
    accepted = row.get("status") in (200, "200")
    return CancelOutcome(
        broker_order_id=order_id,
        accepted=accepted,
        reason=None if accepted else reason or f"Alpaca answered {row.get('status')!r}",
    )


def _require_endpoint(configuration: Settings, *, is_paper: bool) -> None:
    """A paper account never speaks to the live address, nor a live one to the paper address.

    Raises Misconfigured WRONG_ENDPOINT.
    """
    forbidden = _LIVE_HOST if is_paper else _PAPER_HOST
    for url in (configuration.alpaca_trading_url, configuration.alpaca_trade_stream_url):
        if url is not None and (urlsplit(url).hostname or "").rstrip(".") == forbidden:
            kind = "paper" if is_paper else "live"
            raise Misconfigured("WRONG_ENDPOINT", f"a {kind} account must not reach {forbidden}; see the settings")
