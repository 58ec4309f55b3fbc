"""Alpaca's trade stream: every event, and what it leaves out.

It does not replay, does not reliably tell what becomes of a bracket's other orders, and tells an order of several legs
as a whole: the first is for whoever listens (`Connected`), the others are read here after the event.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

from functions.brokers import alpaca_wire as wire
from functions.brokers import reading
from functions.brokers.alpaca_orders import WITH_CHILDREN, AlpacaOrders
from functions.brokers.alpaca_streams import follow, refusal
from functions.brokers.credentials import KeyPair
from functions.brokers.errors import BadResponse, NotConnected
from functions.brokers.orders import FINAL_STATES, BrokerFill, BrokerOrder, TradeUpdate
from functions.brokers.protocol import Connected, Quarantined
from functions.brokers.row_by_row import quarantined
from functions.core.errors import AgentTraderError

Message = Connected | TradeUpdate | Quarantined
_EXECUTIONS = ("fill", "partial_fill")
# The event's time and the activity's are two clocks' words.
_CLOCKS_APART = timedelta(minutes=1)


async def followed_trade_updates(
    keys: KeyPair, orders: AlpacaOrders, *, url: str | None, is_paper: bool
) -> AsyncGenerator[Message, None]:
    """The stream, for ever, with what is read after its events. Raises BadCredentials, NotConnected STREAM_ENDED."""
    families = _Families(orders)
    async with contextlib.aclosing(_raw_trade_updates(keys, orders, url=url, is_paper=is_paper)) as messages:
        async for message in messages:
            if isinstance(message, TradeUpdate) and message.order.legs and message.event in _EXECUTIONS:
                for told in await _leg_by_leg(orders, message):
                    yield told
                continue
            yield message
            if isinstance(message, TradeUpdate):
                for told in await families.after(message):
                    yield told


async def _leg_by_leg(orders: AlpacaOrders, update: TradeUpdate) -> list[Message]:
    """The executions of an order of several legs, which only the activity list tells."""
    try:
        found = await orders.executions(update.order, update.at - _CLOCKS_APART)
    except NotConnected:
        # Whoever listens takes a snapshot, and goes on asking until there is an answer.
        return [update, Connected()]
    fills = tuple(fill for fill in found if isinstance(fill, BrokerFill))
    rest: list[Message] = [row for row in found if isinstance(row, Quarantined)]
    if not fills:
        # The list is behind the stream.
        rest.append(Connected())
    return [TradeUpdate(event=update.event, at=update.at, order=update.order, fills=fills), *rest]


class _Families:
    """What was told of the orders of brackets, so that only news is told."""

    def __init__(self, orders: AlpacaOrders) -> None:
        self._orders = orders
        self._told: dict[str, tuple[str, object]] = {}

    async def after(self, update: TradeUpdate) -> list[Message]:
        """The other orders of the family where one of it has filled or ended: nobody else may ever tell of them."""
        order = update.order
        if order.order_class not in WITH_CHILDREN:
            return []
        self._told[order.broker_order_id] = _said(order)
        if not update.fills and order.state not in FINAL_STATES:
            return []
        try:
            family = await self._orders.family(order)
        except NotConnected:
            return [Connected()]
        except BadResponse as error:
            return [quarantined(error, error.numbers.get("row"))]
        news = [one for one in family if self._is_news(one) and one.broker_order_id != order.broker_order_id]
        if any(one.filled_quantity and one.state in ("filled", "partially_filled") for one in news):
            # An execution that the stream left out is read from the lists.
            return [*map(_told, news), Connected()]
        return [_told(one) for one in news]

    def _is_news(self, order: BrokerOrder) -> bool:
        known = self._told.get(order.broker_order_id)
        self._told[order.broker_order_id] = _said(order)
        return known != _said(order)


def _said(order: BrokerOrder) -> tuple[str, object]:
    return order.state, order.filled_quantity


def _told(order: BrokerOrder) -> TradeUpdate:
    return TradeUpdate(event=order.raw_status, at=order.updated_at, order=order)


async def _raw_trade_updates(
    keys: KeyPair, orders: AlpacaOrders, *, url: str | None, is_paper: bool
) -> AsyncGenerator[Message, None]:
    from alpaca.trading.stream import TradingStream

    arrived: asyncio.Queue[Message | AgentTraderError] = asyncio.Queue()

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
            orders.read(reading.mapping(data)["order"])
        except BadResponse as error:
            arrived.put_nowait(quarantined(error, data))

    stream = Stream(
        keys.key.get_secret_value(),
        keys.secret.get_secret_value(),
        paper=is_paper,
        raw_data=True,
        url_override=url,  # type: ignore[arg-type] # None is its own default
    )
    stream.subscribe_trade_updates(heard)
    async with contextlib.aclosing(follow(stream, arrived)) as messages:
        async for message in messages:
            yield message
