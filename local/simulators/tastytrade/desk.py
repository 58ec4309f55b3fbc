"""One account's desk: turns requests into orders of the venue, and what the venue says into tastytrade's states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from functions.backtest.market import Print, Quote
from functions.backtest.orders import Change, OrderType, Side, TimeInForce
from functions.core.identity import named_uuid
from functions.core.money import text
from local.simulators.alpaca import refusals as venue_refusals
from local.simulators.alpaca.account_book import AccountBook
from local.simulators.alpaca.desk import OrderDesk
from local.simulators.alpaca.order_request import OrderRequest as VenueRequest
from local.simulators.tastytrade import refusals, rules
from local.simulators.tastytrade.account_hub import AccountHub
from local.simulators.tastytrade.holdings import Ledger
from local.simulators.tastytrade.order_request import ChangeRequest, OrderRequest
from local.simulators.tastytrade.orders import TERMINAL, Leg, LegFill, Order
from local.simulators.tastytrade.refusals import Reason
from local.simulators.tastytrade.transactions import Transactions
from local.simulators.tastytrade.wire import from_millis, millis
from local.simulators.venue.account_settings import AccountSettings
from local.simulators.venue.clock import TapeClock
from local.simulators.venue.faults import Faults
from local.simulators.venue.prices import Prices

_ID_RANGE: Final = 900_000_000
_FIRST_ID: Final = 100_000_000
_TYPES: Final = {
    "Limit": OrderType.LIMIT,
    "Marketable Limit": OrderType.LIMIT,
    "Market": OrderType.MARKET,
    "Notional Market": OrderType.MARKET,
    "Stop": OrderType.STOP,
    "Stop Limit": OrderType.STOP_LIMIT,
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that was taken: the order, how it stood before the exchange had it, and what was said about it."""

    order: Order
    before: dict[str, Any]
    warnings: Sequence[Reason]


class Desk:
    """Nothing of another account can be reached from here."""

    def __init__(
        self,
        settings: AccountSettings,
        *,
        clock: TapeClock,
        prices: Prices,
        faults: Faults,
        hub: AccountHub,
        is_open: Callable[[], bool],
        session_close: Callable[[], datetime],
    ) -> None:
        self.settings = settings
        self.book = AccountBook(settings)
        self.prices = prices
        self.transactions = Transactions(settings.account_id)
        self.ledger = Ledger(self.book, faults)
        self._clock, self._faults, self._hub, self._is_open = clock, faults, hub, is_open
        self.snapshots: list[tuple[date, dict[str, Any]]] = []
        self._orders: dict[int, Order] = {}
        self._last_ms = 0
        self._venue = OrderDesk(self.book, clock=clock, prices=prices, session_close=session_close, emit=self._hear)
        self._balance: Callable[[Desk], dict[str, Any]] | None = None
        self._position: Callable[[Desk, str], dict[str, Any]] | None = None

    def shows(
        self,
        balance: Callable[[Desk], dict[str, Any]],
        position: Callable[[Desk, str], dict[str, Any]],
    ) -> None:
        """How the account and its positions are written in stream messages."""
        self._balance, self._position = balance, position

    @property
    def number(self) -> str:
        return self.settings.account_id

    def now(self) -> datetime:
        return self._clock.now()

    # --- what there is ----------------------------------------------------------------------------------------------

    def orders(self) -> list[Order]:
        """Every order, oldest first."""
        return list(self._orders.values())

    def open_orders(self) -> list[Order]:
        return [order for order in self._orders.values() if order.is_open]

    def order(self, order_id: int) -> Order:
        """Raises Refusal 404."""
        try:
            return self._orders[order_id]
        except KeyError:
            raise refusals.not_found(f"order {order_id}") from None

    def venue_open_orders(self) -> Any:
        return self._venue.open_orders()

    # --- requests ---------------------------------------------------------------------------------------------------

    def checked(self, request: OrderRequest) -> tuple[OrderRequest, list[Reason]]:
        """What a dry run checks: everything but ticks and buying power. Raises Refusal 422."""
        rules.check_shape(request, is_open=self._is_open())
        for leg in request.legs:
            if leg.symbol not in self.prices.symbols:
                raise refusals.failed("instrument_not_found", f"There is no instrument {leg.symbol}")
        request, warnings = rules.with_effects(request, self._holdings())
        if not self._is_open():
            warnings.append(
                Reason("tif.next_valid_session", "Your order will begin working during next valid session.")
            )
        return request, warnings

    def submit(self, request: OrderRequest) -> Taken:
        """Takes an order. Raises Refusal."""
        request, warnings = self.checked(request)
        rules.check_ticks(request)
        order = self._add(self.draft(request))
        order.status = "Routed" if self._is_open() else "Received"
        before = order.json()
        try:
            record, _ = self._venue.submit(self._venue_request(order))
        except venue_refusals.Refusal as refusal:
            del self._orders[order.id]
            raise _translated(refusal) from None
        order.venue_id = record.id
        return Taken(order, before, warnings)

    def cancel(self, order_id: int) -> dict[str, Any]:
        """The order as it stands with its cancel requested. Raises Refusal 404, or 422 for one that ended."""
        order = self.order(order_id)
        if not order.is_open or order.status == "Cancel Requested" or order.venue_id is None:
            raise refusals.cannot_cancel()
        self._tell(order, "Cancel Requested")
        before = order.json()
        if not self._faults.take("stuck_cancel", self.number):
            self._venue.cancel(order.venue_id)
        return before

    def replace(self, order_id: int, change: ChangeRequest) -> dict[str, Any]:
        """The successor as it stands before the old order has gone. Raises Refusal."""
        old = self.order(order_id)
        if old.status not in ("Live", "Contingent") or old.venue_id is None or old.complex_id is not None:
            raise refusals.cannot_replace()
        if (change.type in ("Stop", "Stop Limit")) != (old.stop is not None) or (
            (change.price is None) != (old.price is None)
        ):
            raise refusals.unprocessable("cannot_change_order_type", "price, stop and time in force may be changed")
        legs = tuple((leg.symbol, leg.action, leg.remaining) for leg in old.legs)
        new = self._add(
            Order(
                id=self._new_id(change.external_identifier),
                account_number=self.number,
                type=change.type,
                time_in_force=change.time_in_force,
                legs=[Leg(symbol, action, quantity) for symbol, action, quantity in legs],
                received_at=self._stamp(),
                updated_ms=self._last_ms,
                status="Contingent",
                price=change.price,
                price_effect=change.price_effect,
                stop=change.stop,
                gtc_date=change.gtc_date,
                external_identifier=change.external_identifier,
                source=change.source,
                replaces=old.id,
                contingent_status="Pending Order",
            )
        )
        before = new.json()
        self._tell(old, "Replace Requested")
        self._tell(new, "Contingent")
        try:
            self._venue.replace(
                old.venue_id,
                Change(limit=change.price, stop=change.stop, time_in_force=_time_in_force(change.time_in_force)),
                str(new.id),
            )
        except venue_refusals.Refusal as refusal:
            self._tell(new, "Cancelled")
            self._tell(old, "Live")
            raise _translated(refusal) from None
        return before

    # --- the market -------------------------------------------------------------------------------------------------

    def open_session(self, at: datetime, prices: dict[str, Decimal]) -> None:
        self._venue.open_session(at, prices)

    def show(self, tick: Quote | Print) -> None:
        self._venue.show(tick)

    def close_session(self, at: datetime, prices: dict[str, Decimal]) -> None:
        self._venue.close_session(at, prices)

    def close_day(self, day: date) -> None:
        """The session is over and its prices are history."""
        self.book.close_day(day, self.prices)
        if self._balance is not None:
            self.snapshots.append((day, self._balance(self)))

    # --- what the venue says ----------------------------------------------------------------------------------------

    def _hear(self, account_id: str, data: dict[str, Any], at: datetime) -> None:
        del account_id, at
        order = self._orders[int(data["order"]["client_order_id"])]
        order.venue_id = str(data["order"]["id"])
        if order.value is not None:
            order.legs[0].quantity = self._venue.order(order.venue_id).new.quantity
        match data["event"]:
            case "accepted":
                self._tell(order, "Received")
            case "new":
                self._go_live(order)
            case "fill" | "partial_fill":
                self._fill(order, Decimal(data["qty"]), Decimal(data["price"]))
            case "canceled":
                self._tell(order, "Cancelled")
            case "expired":
                self._tell(order, "Expired")
            case "rejected":
                order.reject_reason = "the exchange refused the order"
                self._tell(order, "Rejected")
            case "replaced":
                new = self._orders[_successor(self._orders, order.id)]
                order.edited, order.replaced_by = True, new.id
                self._tell(order, "Cancelled")

    def _go_live(self, order: Order) -> None:
        if order.status == "Live":
            return
        order.contingent_status = None
        self._tell(order, "Routed")
        order.in_flight_at = self._stamp()
        self._tell(order, "In Flight")
        order.live_at = self._stamp()
        self._tell(order, "Live")

    def _fill(self, order: Order, quantity: Decimal, price: Decimal) -> None:
        leg = order.legs[0]
        at = self._stamp()
        name = f"1_TW::TEST_A{order.id}::{at:%Y%m%d}.{len(leg.fills) + 1}-TEST_FILL"
        leg.fills.append(LegFill(name, quantity, price, at))
        self.ledger.filled(leg.symbol, quantity if leg.is_buy else -quantity, price, at)
        self.transactions.trade(order, leg, leg.fills[-1])
        self._tell(order, order.status if leg.remaining else "Filled")
        if self._position is not None:
            self._emit("CurrentPosition", self._position(self, leg.symbol))
        if self._balance is not None:
            self._emit("AccountBalance", self._balance(self))

    def _tell(self, order: Order, status: str) -> None:
        at = self._stamp()
        order.status, order.updated_ms = status, millis(at)
        if status in TERMINAL:
            order.terminal_at = at
        if status == "Cancelled":
            order.cancelled_at = at
        self._hub.emit(self.number, "Order", order.json(), at)

    def _emit(self, kind: Any, data: dict[str, Any]) -> None:
        self._hub.emit(self.number, kind, data, self._stamp())

    def _stamp(self) -> datetime:
        """A moment in whole milliseconds that nothing of this account had before."""
        self._last_ms = max(self._last_ms + 1, millis(self._clock.now()))
        return from_millis(self._last_ms)

    # --- making orders ----------------------------------------------------------------------------------------------

    def draft(self, request: OrderRequest) -> Order:
        """The order that a request would become; it is not entered."""
        return Order(
            id=self._new_id(request.external_identifier),
            account_number=self.number,
            type=request.type,
            time_in_force=request.time_in_force,
            legs=[Leg(leg.symbol, leg.action, leg.quantity or Decimal(0)) for leg in request.legs],
            received_at=self._stamp(),
            updated_ms=self._last_ms,
            price=request.price,
            price_effect=request.price_effect,
            value=request.value,
            value_effect=request.value_effect,
            stop=request.stop,
            gtc_date=request.gtc_date,
            external_identifier=request.external_identifier,
            source=request.source,
            preflight_id=request.preflight_id,
        )

    def _add(self, order: Order) -> Order:
        self._orders[order.id] = order
        return order

    def _new_id(self, external_identifier: str | None) -> int:
        """Made from the identifier where there is one, so that a replay has the same ids however it was raced."""
        count = sum(1 for order in self._orders.values() if order.external_identifier == external_identifier)
        seed = named_uuid("tastytrade-order", self.number, external_identifier or "", count).int
        order_id = _FIRST_ID + seed % _ID_RANGE
        while order_id in self._orders:
            order_id += 1
        return order_id

    def _venue_request(self, order: Order) -> VenueRequest:
        leg = order.legs[0]
        return VenueRequest(
            symbol=leg.symbol,
            side=Side.BUY if leg.is_buy else Side.SELL,
            type=_TYPES[order.type],
            time_in_force=_time_in_force(order.time_in_force),
            quantity=leg.quantity if order.value is None else None,
            notional=order.value,
            limit=order.price,
            stop=order.stop,
            trail_price=None,
            trail_percent=None,
            client_order_id=str(order.id),
            position_intent=None,
            extended_hours=False,
        )

    def _holdings(self) -> rules.Holdings:
        visible = self.ledger.visible()
        return rules.Holdings(
            position=lambda symbol: visible.get(symbol, Decimal(0)),
            closing=lambda symbol: sum(
                (
                    leg.remaining
                    for order in self.open_orders()
                    for leg in order.legs
                    if leg.symbol == symbol and not leg.opens
                ),
                Decimal(0),
            ),
        )


def _successor(orders: dict[int, Order], order_id: int) -> int:
    return next(order.id for order in reversed(orders.values()) if order.replaces == order_id)


def _time_in_force(word: str) -> TimeInForce:
    if word == "IOC":
        return TimeInForce.IOC
    return TimeInForce.GTC if word.startswith(("GTC", "GTD")) else TimeInForce.DAY


def _translated(refusal: venue_refusals.Refusal) -> refusals.Refusal:
    body = refusal.body
    if "cost_basis" in body:
        return refusals.margin_check_failed(Decimal(body["buying_power"]), Decimal(body["cost_basis"]))
    return refusals.failed("order_not_taken", text(body["code"]) + ": " + str(body.get("message", "")))
