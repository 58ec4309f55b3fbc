"""tastytrade's API behind the Broker protocol. The SDK signs in and carries the requests; JSON is parsed here."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

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
from functions.brokers.tastytrade_client import Answer, TastytradeClient, is_missing, items
from functions.brokers.tastytrade_stream import account_messages
from functions.core.errors import AgentTraderError
from functions.core.market_calendar import exchange_date
from functions.core.settings import Settings

_SEARCHED: Final = timedelta(days=30)
"""How far back an order is looked for by our name of it; what still works, and today's, is found however old."""
_REREADS: Final = 4
_BETWEEN_REREADS: Final = 0.25
_WORKED_BEFORE: Final = timedelta(days=1)


class TastytradeBroker:
    """One tastytrade account. A paper one lives in tastytrade's certification environment."""

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
        exercise=False,
        do_not_exercise=False,
        fills_named_by="execution_id",
        deduplicates=False,
    )

    def __init__(self, login: TastytradeLogin, configuration: Settings, *, account_number: str, is_paper: bool) -> None:
        """Raises Misconfigured WRONG_ENDPOINT."""
        self._client = TastytradeClient(login, configuration, is_paper=is_paper)
        self._is_paper = is_paper
        self._number = account_number
        self._path = f"/accounts/{account_number}"
        # Of each complex order that was seen, which of its orders is the parent of the others.
        self._parents: dict[str, str] = {}

    async def account(self) -> AccountSnapshot:
        return holdings_wire.account((await self._client.read(f"{self._path}/balances/USD")).data)

    async def rules(self) -> AccountRules:
        listed = items(await self._client.read("/customers/me/accounts"))
        mine = next((row for row in map(_account_of, listed) if row.get("account-number") == self._number), None)
        if mine is None:
            raise Rejected("WRONG_ACCOUNT", f"the login has no account {self._number}; link the one that it has")
        status = await self._client.read(f"{self._path}/trading-status")
        return holdings_wire.rules(status.data, mine, is_paper=self._is_paper)

    async def positions(self) -> list[BrokerPosition]:
        return await self._positions(urgent=False)

    async def _positions(self, *, urgent: bool) -> list[BrokerPosition]:
        rows = items(await self._client.read(f"{self._path}/positions", {"include-marks": "true"}, urgent=urgent))
        return [found for row in rows if (found := holdings_wire.position(row)) is not None]

    async def open_orders(self) -> list[BrokerOrder | Quarantined]:
        found: list[BrokerOrder | Quarantined] = []
        families: set[str] = set()
        for row in items(await self._client.read(f"{self._path}/orders/live")):
            try:
                order = wire.order(row)
                family = wire.complex_id(row)
                working: Sequence[BrokerOrder]
                if family is None:
                    working = [order] if order.state not in FINAL_STATES else []
                elif order.state in FINAL_STATES or family in families:
                    working = []
                else:
                    families.add(family)
                    working = _working(await self._family(family))
            except BadResponse as error:
                found.append(quarantined(error, row))
            else:
                found.extend(working)
        return sorted(found, key=_age)

    async def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """The first where there are several, as `find_orders` has them."""
        return next(iter(await self.find_orders(client_order_id)), None)

    async def find_orders(self, client_order_id: str) -> list[BrokerOrder]:
        found: dict[str, BrokerOrder] = {}
        live = await self._client.read(f"{self._path}/orders/live")
        rows = items(live)
        # Newer versions of the API ask for the first day, and the days are the broker's.
        first = exchange_date(live.told_at or datetime.now(UTC)) - _SEARCHED
        older, _ = await self._client.read_pages(f"{self._path}/orders", {"start-date": first.isoformat()})
        for row in (*rows, *older):
            if wire.client_order_id(row) == client_order_id:
                order = await self._complete(row)
                found.setdefault(order.broker_order_id, order)
        return sorted(found.values(), key=lambda order: int(order.broker_order_id))

    async def order(self, broker_order_id: str) -> BrokerOrder | None:
        if not broker_order_id.isdecimal():
            return None  # no id of theirs
        row = await self._order_row(broker_order_id)
        return None if row is None else await self._complete(row)

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
        except NotConnected as error:
            raise NotSent(error.code, f"{error.text}; nothing was sent") from error
        if held is None:
            # It may be flat because this very close went through and its answer was lost.
            found = await self.find_order(client_order_id)
            if found is None:
                raise Rejected("NO_POSITION", f"there is no position in {symbol} to close")
            return found
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
        """Of the orders of the days since then, of today's, and of those that only the trades of these days name."""
        day = _first_day(since)
        rows = items(await self._client.read(f"{self._path}/orders/live"))
        older, _ = await self._client.read_pages(f"{self._path}/orders", {"start-date": day.isoformat()})
        trades = await self._transactions(day, **{"types[]": "Trade"})
        found: dict[str, BrokerFill] = {}
        bad: dict[str, Quarantined] = {}
        seen: set[str] = set()

        def take(row: object) -> None:
            try:
                order = wire.order(row)
            except BadResponse as error:
                row_id = str(mapping(row).get("id")) if isinstance(row, dict) else repr(row)
                seen.add(row_id)
                bad[row_id] = quarantined(error, row)
            else:
                if not wire.is_incomplete(order):
                    seen.add(order.broker_order_id)
                found.update((fill.execution_id, fill) for fill in order.fills if fill.executed_at >= since)

        for row in (*rows, *older):
            take(row)
        for trade in trades:
            try:
                named = wire_order_id(trade)
            except BadResponse as error:
                bad[repr(trade)] = quarantined(error, trade)
                continue
            if named is not None and named not in seen:
                seen.add(named)
                row = await self._order_row(named)
                if row is not None:
                    take(row)
        ordered = sorted(found.values(), key=lambda fill: (fill.executed_at, fill.leg, fill.cumulative_quantity))
        return [*ordered, *bad.values()]

    async def activities(self, since: datetime) -> list[BrokerActivity | Quarantined]:
        found = holdings_wire.activities(await self._transactions(_first_day(since)))
        recent = [one for one in found if isinstance(one, Quarantined) or one.occurred_at >= since]
        return sorted(recent, key=lambda one: (isinstance(one, Quarantined), getattr(one, "occurred_at", since)))

    async def clock(self) -> MarketClock:
        return await market_clock(self._client)

    async def trade_updates(self) -> AsyncGenerator[Connected | TradeUpdate | Quarantined, None]:
        messages = account_messages(self._client, self._number)
        async with contextlib.aclosing(messages):
            async for message in messages:
                if isinstance(message, Connected | Quarantined):
                    yield message
                    continue
                for row in message:
                    yield await self._update(row)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _submit(self, order: OrderRequest, *, urgent: bool) -> BrokerOrder:
        path, body = self._sent_as(order)
        answer = await self._client.write("POST", path, body, urgent=urgent)
        try:
            if requests.is_complex(order):
                return self._remembered(answer.data.get("complex-order"))
            return wire.order(answer.data.get("order"))
        except BadResponse as error:
            raise _unreadable(error) from error

    def _sent_as(self, order: OrderRequest) -> tuple[str, dict[str, Any]]:
        self.capabilities.require(order)
        requests.check(order)
        if requests.is_complex(order):
            return f"{self._path}/complex-orders", requests.complex_body(order)
        return f"{self._path}/orders", requests.body(order)

    async def _update(self, row: object) -> TradeUpdate | Quarantined:
        try:
            order = wire.order(row)
            family = wire.complex_id(row)
            if wire.is_incomplete(order):
                # What a reread cannot tell the next message or the next sync does.
                with contextlib.suppress(AgentTraderError):
                    order = await self._reread(order)
            parent = await self._parent_of(family) if family is not None else None
        except BadResponse as error:
            return quarantined(error, row)
        if parent is not None and parent != order.broker_order_id:
            order = dataclasses.replace(order, parent_order_id=parent)
        return TradeUpdate(event=order.raw_status, at=order.updated_at, order=order, fills=order.fills)

    async def _order_row(self, broker_order_id: str) -> object | None:
        try:
            return (await self._client.read(f"{self._path}/orders/{broker_order_id}")).data
        except Rejected as error:
            if is_missing(error):
                return None
            raise

    async def _complete(self, row: object) -> BrokerOrder:
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

    async def _reread(self, order: BrokerOrder) -> BrokerOrder:
        """Asks again until the fills add up, a few times: fewer are told than there are, never more."""
        for _ in range(_REREADS):
            row = await self._order_row(order.broker_order_id)
            again = order if row is None else wire.order(row)
            if not wire.is_incomplete(again):
                return again
            order = again
            await asyncio.sleep(_BETWEEN_REREADS)
        return order

    async def _family(self, complex_id: str) -> BrokerOrder:
        return self._remembered((await self._client.read(f"{self._path}/complex-orders/{complex_id}")).data)

    def _remembered(self, answer: object) -> BrokerOrder:
        parent = wire.complex_order(answer)
        self._parents[wire.identity(mapping(answer), "id")] = parent.broker_order_id
        return parent

    async def _parent_of(self, complex_id: str) -> str | None:
        known = self._parents.get(complex_id)
        if known is None:
            # Told without its parent rather than not at all.
            with contextlib.suppress(AgentTraderError):
                known = (await self._family(complex_id)).broker_order_id
        return known

    async def _cancel_one(self, broker_order_id: str) -> CancelOutcome:
        try:
            await self.cancel(broker_order_id)
        except AgentTraderError as error:
            return CancelOutcome(broker_order_id=broker_order_id, accepted=False, reason=error.text)
        return CancelOutcome(broker_order_id=broker_order_id, accepted=True)

    async def _transactions(self, day: date, **query: str) -> list[object]:
        asked = {"start-date": day.isoformat(), "sort": "Asc", **query}
        rows, _ = await self._client.read_pages(f"{self._path}/transactions", asked)
        return rows


async def market_clock(client: TastytradeClient) -> MarketClock:
    """The market's state and the broker's own time: its answer's Date, as no body carries one."""
    answer = await client.read("/market-time/sessions/current", {"instrument-collections[]": "Equity"})
    rows = items(answer)
    if not rows or answer.told_at is None:
        raise NotConnected("TASTYTRADE_UNAVAILABLE", "tastytrade told no market time; it will be asked again")
    return markets_wire.clock(rows[0], answer.told_at)


def wire_order_id(trade: object) -> str | None:
    """The order that a trade's row is of. Raises BadResponse."""
    return holdings_wire.traded_order(trade)


def _account_of(row: object) -> dict[str, Any]:
    return dict(mapping(mapping(row).get("account")))


def _working(parent: BrokerOrder) -> Sequence[BrokerOrder]:
    """The parent with its children; where the parent is over, the children that still work."""
    if parent.state not in FINAL_STATES:
        return (parent,)
    return [child for child in parent.children if child.state not in FINAL_STATES]


def _age(order: BrokerOrder | Quarantined) -> tuple[int, int]:
    return (1, 0) if isinstance(order, Quarantined) else (0, int(order.broker_order_id))


def _family_to_cancel(answer: Answer) -> str | None:
    """The complex order of an entry, or of one of a pair: with it the others go too."""
    order = answer.data.get("order", answer.data)
    tag = order.get("complex-order-tag") if isinstance(order, dict) else None
    if not isinstance(tag, str) or not (tag.endswith("trigger-order") or tag.startswith("OCO")):
        return None
    return wire.complex_id(order)


def _id_of(row: Quarantined) -> str:
    return row.row[:80]


def _first_day(since: datetime) -> date:
    """Lists are asked for by the exchange's days: a day more loses nothing."""
    earliest = datetime(1970, 1, 3, tzinfo=UTC)
    return exchange_date(max(since, earliest)) - _WORKED_BEFORE


def _unreadable(error: BadResponse) -> OutcomeUnknown:
    return OutcomeUnknown(
        "UNREADABLE_ANSWER", f"tastytrade's answer cannot be read, the order may be live: {error.text}"
    )
