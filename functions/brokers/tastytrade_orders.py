"""Reading tastytrade's orders: today's and the working ones, the older ones, their families and their fills."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from functions.brokers import tastytrade_wire as wire
from functions.brokers.errors import BadResponse, Rejected
from functions.brokers.orders import FINAL_STATES, BrokerFill, BrokerOrder, TradeUpdate
from functions.brokers.protocol import Quarantined
from functions.brokers.reading import mapping
from functions.brokers.row_by_row import quarantined
from functions.brokers.tastytrade_account import traded_order
from functions.brokers.tastytrade_client import TastytradeClient, is_missing, items
from functions.core.errors import AgentTraderError
from functions.core.market_calendar import exchange_date

_SEARCHED: Final = timedelta(days=30)
"""How far back an order is looked for by our name of it; what still works, and today's, is found however old."""
_REREADS: Final = 4
_BETWEEN_REREADS: Final = 0.25
_FIRST_DAY: Final = datetime(1970, 1, 3, tzinfo=UTC)
_A_DAY: Final = timedelta(days=1)


class TastytradeOrders:
    """The orders of one account. Methods raise what a read raises, and BadResponse where a row cannot be read."""

    def __init__(self, client: TastytradeClient, path: str) -> None:
        self._client = client
        self._path = path
        # Of each complex order that was seen, which of its orders is the parent of the others.
        self._parents: dict[str, str] = {}

    async def open(self) -> list[BrokerOrder | Quarantined]:
        """As the protocol says: of a bracket whose entry is over, the orders that still work."""
        found: list[BrokerOrder | Quarantined] = []
        families: set[str] = set()
        for row in await self._live():
            try:
                order, family = wire.order(row), wire.complex_id(row)
                if order.state in FINAL_STATES or family in families:
                    continue
                if family is None:
                    found.append(order)
                else:
                    families.add(family)
                    found.extend(_working(await self._family(family)))
            except BadResponse as error:
                found.append(quarantined(error, row))
        return found

    async def find(self, client_order_id: str, *, urgent: bool = False) -> list[BrokerOrder]:
        """Every order of this name, oldest first."""
        live = await self._client.read(f"{self._path}/orders/live", urgent=urgent)
        # Newer versions of the API ask for the first day, and the days are the broker's.
        first = exchange_date(live.told_at or datetime.now(UTC)) - _SEARCHED
        found: dict[str, BrokerOrder] = {}
        for row in sorted((*items(live), *await self._since(first, urgent=urgent)), key=_received):
            if wire.client_order_id(row) == client_order_id:
                order = await self.complete(row)
                found.setdefault(order.broker_order_id, order)
        return list(found.values())

    async def order(self, broker_order_id: str) -> BrokerOrder | None:
        row = await self._row(broker_order_id)
        return None if row is None else await self.complete(row)

    async def complete(self, row: object) -> BrokerOrder:
        """The order with its family, and with all its fills where it is called filled."""
        order, family = wire.order(row), wire.complex_id(row)
        if wire.is_incomplete(order):
            order = await self._reread(order)
        if family is None:
            return order
        parent = await self._family(family)
        for member in (parent, *parent.children):
            if member.broker_order_id == order.broker_order_id:
                return member
        return order

    async def update(self, row: object) -> TradeUpdate:
        """What a message of the stream says, completed by what has to be asked for. Raises BadResponse."""
        order, family = wire.order(row), wire.complex_id(row)
        if wire.is_incomplete(order):
            # What a reread cannot tell the next message or the next sync does.
            with contextlib.suppress(AgentTraderError):
                order = await self._reread(order)
        parent = await self._parent_of(family) if family is not None else None
        if parent is not None and parent != order.broker_order_id:
            order = dataclasses.replace(order, parent_order_id=parent)
        return TradeUpdate(event=order.raw_status, at=order.updated_at, order=order, fills=order.fills)

    async def fills(self, since: datetime) -> list[BrokerFill | Quarantined]:
        """Of the orders of the days since then, of today's, and of those that only the trades of these days name."""
        day = first_day(since)
        seen = _Executions(since)
        for row in (*await self._live(), *await self._since(day)):
            seen.take(row)
        query = {"start-date": day.isoformat(), "sort": "Asc", "types[]": "Trade"}
        for trade in await self._client.read_pages(f"{self._path}/transactions", query):
            named = seen.unknown_order(trade)
            if named is not None:
                row = await self._row(named)
                if row is not None:
                    seen.take(row)
        return seen.told()

    def remembered(self, answer: object) -> BrokerOrder:
        """A complex order, its parent kept in mind. Raises BadResponse."""
        parent = wire.complex_order(answer)
        self._parents[wire.identity(mapping(answer), "id")] = parent.broker_order_id
        return parent

    async def _live(self) -> list[object]:
        return sorted(items(await self._client.read(f"{self._path}/orders/live")), key=_received)

    async def _since(self, day: date, *, urgent: bool = False) -> Sequence[object]:
        query = {"start-date": day.isoformat()}
        return await self._client.read_pages(f"{self._path}/orders", query, urgent=urgent)

    async def _row(self, broker_order_id: str) -> object | None:
        if not broker_order_id.isdecimal():
            return None  # no id of theirs
        try:
            return (await self._client.read(f"{self._path}/orders/{broker_order_id}")).data
        except Rejected as error:
            if is_missing(error):
                return None
            raise

    async def _reread(self, order: BrokerOrder) -> BrokerOrder:
        """Asks again until the fills add up, a few times: fewer are told than there are, never more."""
        for attempt in range(_REREADS):
            row = await self._row(order.broker_order_id)
            order = order if row is None else wire.order(row)
            if not wire.is_incomplete(order):
                break
            await asyncio.sleep(_BETWEEN_REREADS * attempt)
        return order

    async def _family(self, complex_id: str) -> BrokerOrder:
        return self.remembered((await self._client.read(f"{self._path}/complex-orders/{complex_id}")).data)

    async def _parent_of(self, complex_id: str) -> str | None:
        known = self._parents.get(complex_id)
        if known is None:
            # Told without its parent rather than not at all.
            with contextlib.suppress(AgentTraderError):
                known = (await self._family(complex_id)).broker_order_id
        return known


class _Executions:
    """The executions of many rows, each once."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._fills: dict[str, BrokerFill] = {}
        self._bad: dict[str, Quarantined] = {}
        self._orders: set[str] = set()

    def take(self, row: object) -> None:
        """The fills of an order's row."""
        try:
            order = wire.order(row)
        except BadResponse as error:
            name = str(row.get("id")) if isinstance(row, Mapping) else repr(row)
            self._orders.add(name)
            self._bad[name] = quarantined(error, row)
            return
        if not wire.is_incomplete(order):
            self._orders.add(order.broker_order_id)
        self._fills.update((fill.execution_id, fill) for fill in order.fills if fill.executed_at >= self._since)

    def unknown_order(self, trade: object) -> str | None:
        """The order of a trade, where its row was not taken."""
        try:
            named = traded_order(trade)
        except BadResponse as error:
            self._bad[repr(trade)] = quarantined(error, trade)
            return None
        if named is None or named in self._orders:
            return None
        self._orders.add(named)
        return named

    def told(self) -> list[BrokerFill | Quarantined]:
        fills = sorted(self._fills.values(), key=lambda fill: (fill.executed_at, fill.leg, fill.cumulative_quantity))
        return [*fills, *self._bad.values()]


def first_day(since: datetime) -> date:
    """Lists are asked for by the exchange's days: a day more loses nothing."""
    return exchange_date(max(since, _FIRST_DAY)) - _A_DAY


def _working(parent: BrokerOrder) -> Sequence[BrokerOrder]:
    """The parent with its children; where the parent is over, the children that still work."""
    if parent.state not in FINAL_STATES:
        return (parent,)
    return [child for child in parent.children if child.state not in FINAL_STATES]


def _received(row: object) -> tuple[str, str]:
    """Oldest first: ids do not rise with time."""
    if not isinstance(row, Mapping):
        return "", ""
    return str(row.get("received-at") or ""), str(row.get("id"))
