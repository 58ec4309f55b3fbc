"""tastytrade's API behind the Broker protocol. The SDK signs in and carries the requests; JSON is parsed here."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from functions.brokers import tastytrade_account as holdings_wire
from functions.brokers import tastytrade_markets as markets_wire
from functions.brokers import tastytrade_requests as requests
from functions.brokers import tastytrade_wire as wire
from functions.brokers.capabilities import Capabilities
from functions.brokers.credentials import TastytradeLogin
from functions.brokers.errors import BadResponse, NotConnected, NotSent, OutcomeUnknown, Rejected, Unsupported
from functions.brokers.holdings import AccountRules, AccountSnapshot, BrokerActivity, BrokerPosition
from functions.brokers.markets import MarketClock
from functions.brokers.orders import (
    FINAL_STATES,
    BrokerFill,
    BrokerOrder,
    CancelOutcome,
    OrderChange,
    OrderPreview,
    OrderRequest,
    TradeUpdate,
)
from functions.brokers.protocol import Connected, Quarantined
from functions.brokers.reading import mapping
from functions.brokers.row_by_row import quarantined
from functions.brokers.tastytrade_client import Answer, TastytradeClient, items
from functions.brokers.tastytrade_orders import TastytradeOrders, first_day
from functions.brokers.tastytrade_stream import News, account_messages
from functions.core.errors import AgentTraderError
from functions.core.settings import Settings

if TYPE_CHECKING:
    from functions.brokers.access_tokens import AccessTokens
    from functions.brokers.guard import Guard


class TastytradeBroker:
    """One tastytrade account. A paper one lives in tastytrade's certification environment.

    `guard` keeps the calls within a rate and off a broker that is down; None for neither. `tokens` is where the login's
    access tokens are shared with other processes.
    """

    name = "tastytrade"
    capabilities = Capabilities(
        broker="tastytrade",
        order_types=frozenset({"market", "limit", "stop", "stop_limit"}),
        times_in_force=frozenset({"day", "gtc", "ioc"}),
        order_classes=frozenset({"simple", "multi_leg", "bracket", "oco", "oto"}),
        asset_kinds=frozenset({"stock", "option"}),
        most_legs=4,
        notional=True,
        fractional=True,
        replaces_quantity=False,
        preview=True,
        extended_hours=False,
        exercise=False,
        do_not_exercise=False,
        fills_named_by="execution_id",
        deduplicates=False,
    )

    def __init__(
        self,
        login: TastytradeLogin,
        configuration: Settings,
        *,
        account_number: str,
        is_paper: bool,
        guard: Guard | None = None,
        tokens: AccessTokens | None = None,
    ) -> None:
        """Raises Misconfigured WRONG_ENDPOINT."""
        self._client = TastytradeClient(login, configuration, is_paper=is_paper, guard=guard, tokens=tokens)
        self._is_paper = is_paper
        self._number = account_number
        self._path = f"/accounts/{account_number}"
        self._orders = TastytradeOrders(self._client, self._path)

    async def account(self) -> AccountSnapshot:
        return holdings_wire.account((await self._client.read(f"{self._path}/balances/USD")).data)

    async def rules(self) -> AccountRules:
        listed = items(await self._client.read("/customers/me/accounts"))
        mine = next(
            (row for row in map(mapping, listed) if _account_of(row).get("account-number") == self._number), None
        )
        if mine is None:
            raise Rejected("WRONG_ACCOUNT", f"the login has no account {self._number}; link the one that it has")
        status = await self._client.read(f"{self._path}/trading-status")
        reads_only = mine.get("authority-level") == "read-only"
        return holdings_wire.rules(status.data, _account_of(mine), is_paper=self._is_paper, reads_only=reads_only)

    async def positions(self) -> list[BrokerPosition]:
        return await self._positions(urgent=False)

    async def _positions(self, *, urgent: bool) -> list[BrokerPosition]:
        rows = items(await self._client.read(f"{self._path}/positions", {"include-marks": "true"}, urgent=urgent))
        return [found for row in rows if (found := holdings_wire.position(row)) is not None]

    async def open_orders(self) -> list[BrokerOrder | Quarantined]:
        return await self._orders.open()

    async def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """The first where there are several, as `find_orders` has them."""
        return next(iter(await self._orders.find(client_order_id)), None)

    async def find_orders(self, client_order_id: str) -> list[BrokerOrder]:
        return await self._orders.find(client_order_id)

    async def order(self, broker_order_id: str) -> BrokerOrder | None:
        return await self._orders.order(broker_order_id)

    async def preview(self, order: OrderRequest) -> OrderPreview:
        path, body = self._sent_as(order)
        return holdings_wire.preview((await self._client.ask(f"{path}/dry-run", body)).data)

    async def submit(self, order: OrderRequest) -> BrokerOrder:
        return await self._submit(order, urgent=False)

    async def replace(self, broker_order_id: str, change: OrderChange) -> BrokerOrder:
        try:
            old = await self.order(broker_order_id)
            if old is not None and old.replaced_by is not None:
                new = await self.order(old.replaced_by)
                if new is not None and new.client_order_id == change.client_order_id:
                    return new
        except NotConnected as error:
            raise NotSent(error.code, f"{error.text}; nothing was sent") from error
        if old is None:
            raise Rejected("NOT_FOUND", f"tastytrade has no order {broker_order_id}", http_status=404)
        if old.state in FINAL_STATES:
            raise Rejected("ORDER_IS_OVER", f"the order {broker_order_id} is over: {old.raw_status}")
        body = requests.change_body(old, change)
        answer = await self._client.write("PUT", f"{self._path}/orders/{broker_order_id}", body)
        try:
            return wire.order(answer.data.get("order", answer.data))
        except BadResponse as error:
            raise _unreadable(error) from error

    async def cancel(self, broker_order_id: str) -> None:
        try:
            answer = await self._client.write("DELETE", f"{self._path}/orders/{broker_order_id}", urgent=True)
            family = _family_to_cancel(answer)
            if family is not None:
                await self._client.write("DELETE", f"{self._path}/complex-orders/{family}", urgent=True)
        except Rejected as error:
            # 404 and 422: the order is over, or its cancel is under way; the next sync says which.
            if error.numbers.get("http_status") not in (404, 422):
                raise

    async def cancel_all(self, symbol: str | None = None) -> list[CancelOutcome]:
        outcomes = []
        for order in await self.open_orders():
            if isinstance(order, Quarantined):
                # Whatever it is, it may be working.
                outcomes.append(CancelOutcome(broker_order_id=_id_of(order), accepted=False, reason=order.reason))
            elif symbol is None or symbol in (order.symbol, *(leg.symbol for leg in order.legs)):
                outcomes.append(await self._cancel_one(order.broker_order_id))
        return outcomes

    async def close_position(self, symbol: str, client_order_id: str, quantity: Decimal | None = None) -> BrokerOrder:
        try:
            held = next((row for row in await self._positions(urgent=True) if row.symbol == symbol), None)
            # It may be flat because this very close went through and its answer was lost.
            found = await self._orders.find(client_order_id, urgent=True) if held is None else []
        except NotConnected as error:
            raise NotSent(error.code, f"{error.text}; nothing was sent") from error
        if held is None:
            if not found:
                raise Rejected("NO_POSITION", f"there is no position in {symbol} to close")
            return found[0]
        is_long = held.quantity > 0
        closing = OrderRequest(
            client_order_id=client_order_id,
            symbol=symbol,
            side="sell" if is_long else "buy",
            order_type="market",
            time_in_force="day",
            position_intent="sell_to_close" if is_long else "buy_to_close",
            quantity=abs(held.quantity) if quantity is None else quantity,
        )
        return await self._submit(closing, urgent=True)

    async def exercise(self, symbol: str) -> None:
        raise Unsupported("UNSUPPORTED_EXERCISE", f"tastytrade's API exercises nothing; call its desk about {symbol}")

    async def do_not_exercise(self, symbol: str) -> None:
        raise Unsupported("UNSUPPORTED_EXERCISE", f"tastytrade's API takes no such wish; call its desk about {symbol}")

    async def fills(self, since: datetime) -> list[BrokerFill | Quarantined]:
        return await self._orders.fills(since)

    async def activities(self, since: datetime) -> list[BrokerActivity | Quarantined]:
        query = {"start-date": first_day(since).isoformat(), "sort": "Asc"}
        found = holdings_wire.activities(await self._client.read_pages(f"{self._path}/transactions", query))
        return [one for one in found if isinstance(one, Quarantined) or one.occurred_at >= since]

    async def clock(self) -> MarketClock:
        return await market_clock(self._client)

    async def trade_updates(self) -> AsyncGenerator[Connected | TradeUpdate | Quarantined, None]:
        """Of the many steps of an order's way to the exchange, those that say something new."""
        messages, news = account_messages(self._client, self._number), News()
        async with contextlib.aclosing(messages):
            async for message in messages:
                if isinstance(message, Connected | Quarantined):
                    news.forget()
                    yield message
                    continue
                for row in message:
                    try:
                        update = news.of(await self._orders.update(row))
                    except BadResponse as error:
                        yield quarantined(error, row)
                    else:
                        if update is not None:
                            yield update

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _submit(self, order: OrderRequest, *, urgent: bool) -> BrokerOrder:
        path, body = self._sent_as(order)
        answer = await self._client.write("POST", path, body, urgent=urgent)
        try:
            if requests.is_complex(order):
                return self._orders.remembered(answer.data.get("complex-order"))
            return wire.order(answer.data.get("order"))
        except BadResponse as error:
            raise _unreadable(error) from error

    def _sent_as(self, order: OrderRequest) -> tuple[str, dict[str, Any]]:
        self.capabilities.require(order)
        requests.check(order)
        if requests.is_complex(order):
            return f"{self._path}/complex-orders", requests.complex_body(order)
        return f"{self._path}/orders", requests.body(order)

    async def _cancel_one(self, broker_order_id: str) -> CancelOutcome:
        try:
            await self.cancel(broker_order_id)
        except AgentTraderError as error:
            return CancelOutcome(broker_order_id=broker_order_id, accepted=False, reason=error.text)
        return CancelOutcome(broker_order_id=broker_order_id, accepted=True)


async def market_clock(client: TastytradeClient) -> MarketClock:
    """The market's state and the broker's own time: its answer's Date, as no body carries one."""
    answer = await client.read("/market-time/sessions/current", {"instrument-collections[]": "Equity"})
    rows = items(answer)
    if not rows or answer.told_at is None:
        raise NotConnected("TASTYTRADE_UNAVAILABLE", "tastytrade told no market time; it will be asked again")
    return markets_wire.clock(rows[0], answer.told_at)


def _account_of(row: object) -> dict[str, Any]:
    return dict(mapping(mapping(row).get("account")))


def _family_to_cancel(answer: Answer) -> str | None:
    """The complex order of an entry, or of one of a pair: with it the others go too."""
    order = answer.data.get("order", answer.data)
    tag = order.get("complex-order-tag") if isinstance(order, dict) else None
    if not isinstance(tag, str) or not (tag.endswith("trigger-order") or tag.startswith("OCO")):
        return None
    return wire.complex_id(order)


def _id_of(row: Quarantined) -> str:
    return row.row[:80]


def _unreadable(error: BadResponse) -> OutcomeUnknown:
    return OutcomeUnknown(
        "UNREADABLE_ANSWER", f"tastytrade's answer cannot be read, the order may be live: {error.text}"
    )
