"""Reading orders at Alpaca: by id, the open ones, families of brackets, and whose leg an execution belongs to."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from functions.brokers import alpaca_wire as wire
from functions.brokers.alpaca_client import AlpacaClient
from functions.brokers.errors import BadResponse, NotConnected, Rejected
from functions.brokers.orders import BrokerFill, BrokerOrder
from functions.brokers.protocol import Quarantined
from functions.brokers.reading import mapping, moment, rows, words
from functions.brokers.row_by_row import row_by_row
from functions.core.instruments import is_option

_NOT_FOUND = 404
_PAGE = 500
_MOST_LEGS_KNOWN = 10_000
# Options are taken for the day only: an order waits for its session over the longest weekend at most.
_LONGEST_WAIT = timedelta(days=5)
_TICK = timedelta(microseconds=1)
WITH_CHILDREN = ("bracket", "oco", "oto")
_ROLLED_UP = (*WITH_CHILDREN, "mleg")


class AlpacaOrders:
    """Orders of one account; knows the legs and families that it has seen. Thread-safe."""

    def __init__(self, client: AlpacaClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._legs: dict[str, tuple[str, int]] = {}
        self._parents: dict[str, str] = {}

    def read(self, row: object) -> BrokerOrder:
        """An order as Alpaca wrote it; its legs and children are remembered. Raises BadResponse."""
        found = wire.order(row)
        legs = wire.leg_orders(row)
        if legs or found.children:
            with self._lock:
                for known in (self._legs, self._parents):
                    if len(known) > _MOST_LEGS_KNOWN:
                        known.clear()
                self._legs.update(legs)
                self._parents.update({child.broker_order_id: found.broker_order_id for child in found.children})
        return found

    async def order(self, broker_order_id: str, *, urgent: bool = False) -> BrokerOrder | None:
        """The order, its children with it; None only where Alpaca says that it has none."""
        return await self._one(f"/orders/{broker_order_id}", {"nested": "true"}, urgent=urgent)

    async def find(self, client_order_id: str, *, urgent: bool = False) -> BrokerOrder | None:
        """The order of a client order id; this call does not tell children, so of a family the parent is read again."""
        query = {"client_order_id": client_order_id}
        found = await self._one("/orders:by_client_order_id", query, urgent=urgent)
        if found is None or found.children or found.order_class not in WITH_CHILDREN:
            return found
        return await self.order(found.broker_order_id, urgent=urgent) or found

    async def open(self) -> list[BrokerOrder | Quarantined]:
        """Every open order, oldest first. The flat list says which these are; the nested one who belongs to whom."""
        flat = await self._pages({"status": "open", "nested": "false"})
        if not any(_order_class(row) in _ROLLED_UP for row in flat):
            return row_by_row(flat, self.read)
        nested = await self._pages({"status": "open", "nested": "true"})
        families = {_id(row): row for row in nested}
        folded = {_id(child) for row in nested for child in _children(row)}
        return row_by_row([families.get(_id(row), row) for row in flat if _id(row) not in folded], self.read)

    async def open_ids(self, symbol: str) -> list[str]:
        """Ids of the open orders in a symbol, also of those of several legs of which one is in it."""
        flat = await self._pages({"status": "open", "nested": "false"}, urgent=True)
        wanted = [row for row in flat if symbol in _symbols(row)]
        return [words(mapping(row), "id") for row in wanted]

    async def family(self, order: BrokerOrder) -> list[BrokerOrder]:
        """The parent of a bracket, OCO or OTO and its children, as they are now; empty where Alpaca shows none."""
        with self._lock:
            parent = self._parents.get(order.broker_order_id)
        if parent is None and not order.children:
            # Its parent was never seen here: the list names it.
            query = {"status": "all", "nested": "true", "symbols": order.symbol}
            after = order.updated_at - timedelta(days=90)
            for row in await self._pages(query, after=after):
                found = self._read_or_none(row)
                if found is not None and order.broker_order_id in {one.broker_order_id for one in found.children}:
                    parent = found.broker_order_id
        found = await self.order(parent or order.broker_order_id)
        return [] if found is None else [found, *found.children]

    async def with_legs(self, activities: Sequence[object]) -> list[BrokerFill | Quarantined]:
        """The executions; one of a leg is told as the whole order's, by the number of its leg."""
        found = row_by_row(activities, wire.activity_fill)
        strange = [
            fill for fill in found if isinstance(fill, BrokerFill) and is_option(fill.symbol) and not self._known(fill)
        ]
        if strange:
            await self._learn_legs(min(fill.executed_at for fill in strange))
        return [self._of_the_whole(fill) if isinstance(fill, BrokerFill) else fill for fill in found]

    async def executions(self, order: BrokerOrder, since: datetime) -> list[BrokerFill | Quarantined]:
        """The executions of one order of several legs at or after `since`."""
        rows_found = await self._client.executions(since)
        found = await self.with_legs(rows_found)
        return [
            replace(fill, client_order_id=order.client_order_id) if isinstance(fill, BrokerFill) else fill
            for fill in found
            if isinstance(fill, Quarantined) or fill.broker_order_id == order.broker_order_id
        ]

    # --- pages ------------------------------------------------------------------------------------------------------

    async def _pages(
        self, query: dict[str, Any], *, after: datetime | None = None, urgent: bool = False
    ) -> list[object]:
        """All pages of the order list, oldest first; the next one begins where the last one ended, by time."""
        found: dict[str, object] = {}
        while True:
            page = query | {"limit": _PAGE, "direction": "asc"}
            if after is not None:
                page["after"] = after.isoformat()
            answer = rows(await self._client.read("/orders", page, urgent=urgent))
            before = len(found)
            for row in answer:
                found.setdefault(_id(row), row)
            # Children may count towards the limit of a nested list.
            if sum(1 + len(_children(row)) for row in answer) < _PAGE:
                return list(found.values())
            if len(found) == before:
                raise NotConnected("ORDERS_UNREADABLE", "Alpaca's list of orders does not go on where a page ends")
            # `after` is exclusive, and two orders may carry one time.
            after = max(_submitted_at(row) for row in answer) - _TICK

    async def _one(self, path: str, query: dict[str, Any], *, urgent: bool) -> BrokerOrder | None:
        try:
            return self.read(await self._client.read(path, query, urgent=urgent))
        except Rejected as error:
            if error.numbers.get("http_status") == _NOT_FOUND:
                return None
            raise

    # --- legs -------------------------------------------------------------------------------------------------------

    def _known(self, fill: BrokerFill) -> bool:
        with self._lock:
            return fill.broker_order_id in self._legs

    async def _learn_legs(self, first: datetime) -> None:
        query = {"status": "all", "nested": "true"}
        for row in await self._pages(query, after=first - _LONGEST_WAIT):
            found = self._read_or_none(row)
            if found is not None and not found.legs:
                with self._lock:
                    self._legs.setdefault(found.broker_order_id, (found.broker_order_id, 0))

    def _of_the_whole(self, fill: BrokerFill) -> BrokerFill:
        with self._lock:
            whole, leg = self._legs.get(fill.broker_order_id, (fill.broker_order_id, 0))
        return replace(fill, broker_order_id=whole, leg=leg)

    def _read_or_none(self, row: object) -> BrokerOrder | None:
        """None for a row that cannot be read: whoever lists orders tells of it."""
        try:
            return self.read(row)
        except BadResponse:
            return None


def _id(row: object) -> str:
    """The order id; of a row without one the row itself, so that it is kept and quarantined."""
    value = row.get("id") if isinstance(row, dict) else None
    return value if isinstance(value, str) else repr(row)


def _order_class(row: object) -> object:
    return row.get("order_class") if isinstance(row, dict) else None


def _children(row: object) -> list[object]:
    legs = row.get("legs") if isinstance(row, dict) else None
    return legs if isinstance(legs, list) else []


def _symbols(row: object) -> set[object]:
    return {part.get("symbol") for part in (row, *_children(row)) if isinstance(part, dict)}


def _submitted_at(row: object) -> datetime:
    found = mapping(row)
    return moment(found.get("submitted_at") or found.get("created_at"), "submitted_at")
