"""One account's order desk: takes requests, hands them to the exchange, and turns what it says into order states,
bookings and trade updates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace as copy
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any, Protocol

from functions.backtest.exchange_events import Event, Fill, OrderEvent, Replaced
from functions.backtest.market import Print, Quote
from functions.backtest.matching import MatchingEngine
from functions.backtest.orders import Change, NewOrder, OrderType, Side, TimeInForce
from functions.core.identity import named_uuid
from functions.core.money import divided, text
from local.simulators.alpaca import checks, refusals
from local.simulators.alpaca.account_book import AccountBook
from local.simulators.alpaca.order_record import OrderRecord
from local.simulators.alpaca.order_request import OrderRequest
from local.simulators.venue.clock import TapeClock, instant
from local.simulators.venue.prices import Prices

_FRACTION = Decimal("0.000000001")


class Emit(Protocol):
    """Takes a trade update of an account: the event's name and data, stamped `at` (UTC)."""

    def __call__(self, account_id: str, data: dict[str, Any], at: datetime) -> None: ...


class OrderDesk:
    """Nothing of another account can be reached from here."""

    def __init__(
        self,
        book: AccountBook,
        *,
        clock: TapeClock,
        prices: Prices,
        session_close: Callable[[], datetime],
        emit: Emit,
    ) -> None:
        self.book = book
        self._clock = clock
        self._prices = prices
        self._session_close = session_close
        self._emit = emit
        self._exchange = MatchingEngine()
        self._records: dict[str, OrderRecord] = {}
        self._by_client_order_id: dict[str, str] = {}
        self._made_ids = 0

    @property
    def account_id(self) -> str:
        return self.book.settings.account_id

    def orders(self) -> list[OrderRecord]:
        """Every order, oldest first."""
        return list(self._records.values())

    def open_orders(self) -> list[OrderRecord]:
        return [record for record in self._records.values() if record.is_open]

    def order(self, order_id: str) -> OrderRecord:
        """Raises Refusal 404."""
        try:
            return self._records[order_id.lower()]
        except KeyError:
            raise refusals.not_found(f"order not found for {order_id}") from None

    def order_by_client_id(self, client_order_id: str) -> OrderRecord:
        """Raises Refusal 404."""
        order_id = self._by_client_order_id.get(client_order_id)
        if order_id is None:
            raise refusals.not_found(f"order not found for {client_order_id}")
        return self._records[order_id]

    # --- requests ---------------------------------------------------------------------------------------------------

    def submit(self, request: OrderRequest) -> tuple[OrderRecord, dict[str, Any]]:
        """Takes an order; the second value is the order as it was before the exchange had it. Raises Refusal."""
        if request.client_order_id is not None and request.client_order_id in self._by_client_order_id:
            raise refusals.duplicate_client_order_id()
        if request.symbol not in self._prices.symbols:
            raise refusals.invalid(f'asset "{request.symbol}" not found')
        self._check_session(request)
        client_order_id = request.client_order_id or self._make_id()
        new = NewOrder(
            order_id=str(named_uuid("alpaca-order", self.account_id, client_order_id)),
            symbol=request.symbol,
            side=request.side,
            quantity=request.quantity if request.quantity is not None else self._quantity_of(request),
            type=request.type,
            time_in_force=request.time_in_force,
            limit=request.limit,
            stop=request.stop,
            trail_price=request.trail_price,
            trail_percent=request.trail_percent,
        )
        checks.check(self.book, self.open_orders(), new, self._prices)
        record = self._enter(
            new, client_order_id, intent=request.position_intent, status=self._status_on_entry(), request=request
        )
        before = record.json()
        self._apply(self._exchange.submit(new, self._clock.now()))
        return record, before

    def cancel(self, order_id: str) -> None:
        """Raises Refusal 404, or 422 for an order that ended."""
        record = self.order(order_id)
        if not record.is_open:
            raise refusals.invalid(f'order is already in "{record.status}" state')
        self._apply(self._exchange.cancel(record.id, self._clock.now()))

    def replace(self, order_id: str, change: Change, client_order_id: str | None) -> dict[str, Any]:
        """Puts a new order in the place of one; returns it as it was before the exchange had it. Raises Refusal."""
        old = self.order(order_id)
        if client_order_id is not None and client_order_id in self._by_client_order_id:
            raise refusals.duplicate_client_order_id()
        if not old.is_open or old.status in ("accepted", "pending_new"):
            raise refusals.invalid(f'order in "{old.status}" state cannot be replaced')
        if old.notional is not None:
            raise refusals.invalid("notional orders cannot be replaced")
        total = change.quantity if change.quantity is not None else old.new.quantity
        if total <= old.filled:
            raise refusals.invalid(f"qty must exceed filled_qty {text(old.filled)}, was {text(total)}")
        self._check_change(old, change)
        if old.new.trail_percent is not None and change.trail_price is not None:
            # The one field `trail` means what the order has.
            change = copy(change, trail_price=None, trail_percent=change.trail_price)
        made_id = client_order_id or self._make_id()
        new = _changed(old.new, change, str(named_uuid("alpaca-order", self.account_id, made_id)), total - old.filled)
        others = [record for record in self.open_orders() if record is not old]
        checks.check(self.book, others, new, self._prices)
        record = self._enter(new, made_id, intent=old.position_intent, status="pending_new", replaces=old.id)
        before = record.json()
        self._apply(self._exchange.replace(old.id, new.order_id, change, self._clock.now()))
        if old.replaced_by is None:
            self._update(record, "rejected", "rejected")
        return before

    # --- the market -------------------------------------------------------------------------------------------------

    def open_session(self, at: datetime, prices: Mapping[str, Decimal]) -> None:
        events = self._exchange.open_session(at, prices)
        for record in self.open_orders():
            if record.status == "accepted":
                record.expires_at = self._expiry(record.new)
                self._update(record, "new", "new")
        self._apply(events)

    def show(self, tick: Quote | Print) -> None:
        self._apply(self._exchange.on_quote(tick) if isinstance(tick, Quote) else self._exchange.on_print(tick))

    def close_session(self, at: datetime, prices: Mapping[str, Decimal]) -> None:
        self._apply(self._exchange.close_session(at, prices))
        self.book.collect_fees(self._clock.stamp())

    # --- states -----------------------------------------------------------------------------------------------------

    def _apply(self, events: Sequence[Event]) -> None:
        for event in events:
            record = self._records[event.order_id]
            if isinstance(event, Fill):
                self._fill(record, event)
            elif isinstance(event, Replaced):
                record.replaced_by = event.new_order_id
                self._update(record, "replaced", "replaced")
                self._update(self._records[event.new_order_id], "new", "new")
            elif isinstance(event, OrderEvent):
                self._change(record, event)

    def _change(self, record: OrderRecord, event: OrderEvent) -> None:
        match event.kind:
            case "accepted" if self._exchange.is_open:
                self._update(record, "new", "new")
            case "accepted":
                self._update(record, "accepted", "accepted")
            case "canceled" | "expired" | "rejected":
                self._update(record, event.kind, event.kind)
            case "cancel_rejected":
                self._update(record, record.status, "order_cancel_rejected")
            case "replace_rejected":
                self._update(record, record.status, "order_replace_rejected")

    def _fill(self, record: OrderRecord, fill: Fill) -> None:
        record.filled = fill.cumulative
        record.paid += fill.quantity * fill.price
        record.status = "partially_filled" if fill.leaves else "filled"
        at = self._clock.stamp()
        record.updated_at = at
        if not fill.leaves:
            record.filled_at = at
        self.book.fill(record, fill, at)
        self._tell(
            record,
            "partial_fill" if fill.leaves else "fill",
            at,
            execution_id=str(named_uuid("alpaca-execution", record.id, text(fill.cumulative))),
            price=text(fill.price),
            qty=text(fill.quantity),
            position_qty=text(self.book.position(fill.symbol).quantity),
        )

    def _update(self, record: OrderRecord, status: str, event: str) -> None:
        at = self._clock.stamp()
        record.status, record.updated_at = status, at
        match status:
            case "canceled":
                record.canceled_at = at
            case "expired":
                record.expired_at = at
            case "rejected":
                record.failed_at = at
            case "replaced":
                record.replaced_at = at
        self._tell(record, event, at)

    def _tell(self, record: OrderRecord, event: str, at: datetime, **more: str) -> None:
        data = {"event": event, "timestamp": instant(at), "order": record.json(), **more}
        self._emit(self.account_id, data, at)

    # --- making records ---------------------------------------------------------------------------------------------

    def _enter(
        self,
        new: NewOrder,
        client_order_id: str,
        *,
        intent: str | None,
        status: str,
        request: OrderRequest | None = None,
        replaces: str | None = None,
    ) -> OrderRecord:
        record = OrderRecord(
            id=new.order_id,
            client_order_id=client_order_id,
            new=new,
            created_at=self._clock.stamp(),
            status=status,
            position_intent=intent or self._intent(new),
            extended_hours=request is not None and request.extended_hours,
            notional=request.notional if request is not None else None,
            replaces=replaces,
            expires_at=self._expiry(new),
        )
        self._records[record.id] = record
        self._by_client_order_id[client_order_id] = record.id
        return record

    def _status_on_entry(self) -> str:
        return "pending_new" if self._exchange.is_open else "accepted"

    def _expiry(self, new: NewOrder) -> datetime | None:
        return None if new.time_in_force is TimeInForce.GTC else self._session_close()

    def _intent(self, new: NewOrder) -> str:
        quantity = self.book.position(new.symbol).quantity
        closing = quantity and (quantity > 0) != (new.side is Side.BUY)
        return f"{new.side}_to_{'close' if closing else 'open'}"

    def _make_id(self) -> str:
        self._made_ids += 1
        return str(named_uuid("alpaca-client-order", self.account_id, self._made_ids))

    def _quantity_of(self, request: OrderRequest) -> Decimal:
        """The shares that a dollar amount buys at the present price."""
        quote, mark = self._prices.quote(request.symbol), self._prices.mark(request.symbol)
        price = quote.ask if quote is not None and request.side is Side.BUY else mark
        if price is None or request.notional is None:
            raise refusals.invalid(
                f"no price is known for {request.symbol}, so a notional cannot be turned into shares"
            )
        quantity = divided(request.notional, price).quantize(_FRACTION, rounding=ROUND_DOWN)
        if not quantity:
            raise refusals.invalid(f"notional {text(request.notional)} buys less than the smallest fraction")
        return quantity

    def _check_session(self, request: OrderRequest) -> None:
        if not self._exchange.is_open and request.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            raise refusals.invalid(f"{request.time_in_force} orders are accepted during market hours only")
        if self._exchange.is_open and request.time_in_force is TimeInForce.OPG:
            raise refusals.invalid("opg orders are accepted before the market opens only")

    def _check_change(self, old: OrderRecord, change: Change) -> None:
        for field, value, has in (
            ("limit_price", change.limit, old.new.limit),
            ("stop_price", change.stop, old.new.stop),
        ):
            if value is not None and has is None:
                raise refusals.invalid(f"a {old.new.type} order has no {field} to replace")
        if change.trail_price is not None and old.new.type is not OrderType.TRAILING_STOP:
            raise refusals.invalid(f"a {old.new.type} order has no trail to replace")
        if change.time_in_force not in (None, TimeInForce.DAY, TimeInForce.GTC):
            raise refusals.invalid("time_in_force can be replaced by day or gtc")


def _changed(old: NewOrder, change: Change, order_id: str, quantity: Decimal) -> NewOrder:
    """The order a replace asks for, as the broker shows it."""
    trails = change.trail_price is not None or change.trail_percent is not None
    return NewOrder(
        order_id=order_id,
        symbol=old.symbol,
        side=old.side,
        quantity=quantity,
        type=old.type,
        time_in_force=change.time_in_force or old.time_in_force,
        limit=old.limit if change.limit is None else change.limit,
        stop=old.stop if change.stop is None else change.stop,
        trail_price=change.trail_price if trails else old.trail_price,
        trail_percent=change.trail_percent if trails else old.trail_percent,
    )
