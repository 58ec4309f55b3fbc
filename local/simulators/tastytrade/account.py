"""One account as tastytrade tells of it: requests for the venue's desk, and its events in tastytrade's states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from functions.backtest.orders import Change, OrderType, Side, TimeInForce
from functions.core.errors import BadInput
from functions.core.identity import named_uuid
from local.simulators.tastytrade import refusals, rules
from local.simulators.tastytrade.account_feed import AccountFeed
from local.simulators.tastytrade.ledger_view import LedgerView
from local.simulators.tastytrade.order_request import ChangeRequest, LegRequest, OrderRequest
from local.simulators.tastytrade.orders import TERMINAL, ComplexOrder, Order, action_of
from local.simulators.tastytrade.refusals import Reason
from local.simulators.tastytrade.wire import from_millis, millis
from local.simulators.venue.activity import Activity
from local.simulators.venue.desk import OrderDesk
from local.simulators.venue.desk_events import DeskEvent
from local.simulators.venue.desk_order import DeskOrder
from local.simulators.venue.desk_request import DeskRequest, Effect, GroupKind, GroupRequest, RequestLeg
from local.simulators.venue.faults import Faults
from local.simulators.venue.quotes import Quotes
from local.simulators.venue.refusal import DeskRefusal

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
_GROUPS: Final[Mapping[str, GroupKind]] = {"OTOCO": "bracket", "OTO": "oto", "OCO": "oco"}


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that was taken: the order, how it stood before the exchange had it, and what was said about it."""

    order: Order
    before: dict[str, Any]
    warnings: Sequence[Reason]


class TastyAccount:
    """Nothing of another account can be reached from here. `balance` writes the account for its messages."""

    def __init__(
        self,
        desk: OrderDesk,
        *,
        now: Callable[[], datetime],
        faults: Faults,
        feed: AccountFeed,
        balance: Callable[[TastyAccount], dict[str, Any]],
        position: Callable[[TastyAccount, str], dict[str, Any]],
    ) -> None:
        self.desk = desk
        self.shown = LedgerView(desk.ledger, faults)
        self.snapshots: list[tuple[date, dict[str, Any]]] = []
        self.now = now
        self._faults, self._feed = faults, feed
        self._balance, self._position = balance, position
        self._orders: dict[int, Order] = {}
        self._by_desk_id: dict[str, Order] = {}
        self._complex: dict[int, ComplexOrder] = {}
        self._last_ms = 0

    @property
    def number(self) -> str:
        return self.desk.account_id

    @property
    def quotes(self) -> Quotes:
        return self.desk.quotes

    # --- what there is ----------------------------------------------------------------------------------------------

    def orders(self) -> list[Order]:
        """Every order, oldest first."""
        return list(self._orders.values())

    def order(self, order_id: int) -> Order:
        """Raises Refusal 404."""
        try:
            return self._orders[order_id]
        except KeyError:
            raise refusals.not_found(f"order {order_id}") from None

    def of_desk(self, desk_id: str) -> Order:
        """The order of a record of the venue."""
        return self._by_desk_id[desk_id]

    def complex_orders(self) -> list[ComplexOrder]:
        """Oldest first."""
        return list(self._complex.values())

    def complex_order(self, complex_id: int) -> ComplexOrder:
        """Raises Refusal 404."""
        try:
            return self._complex[complex_id]
        except KeyError:
            raise refusals.not_found(f"complex order {complex_id}") from None

    # --- orders -----------------------------------------------------------------------------------------------------

    def dry_run(self, request: OrderRequest) -> Taken:
        """As `submit`, and nothing is kept; prices off the tick are taken here. Raises Refusal."""
        request, warnings = self._checked(request)
        fitting = replace(
            request, price=self._on_tick(request, request.price), stop=self._on_tick(request, request.stop)
        )
        try:
            record = self.desk.check(self._desk_request(fitting))
        except DeskRefusal as refusal:
            raise refusals.of_desk(refusal) from None
        order = self._made(record, request)
        return Taken(order, order.json(), warnings)

    def submit(self, request: OrderRequest) -> Taken:
        """Takes an order. Raises Refusal."""
        request, warnings = self._checked(request)
        try:
            record = self.desk.enter(self._desk_request(request))
        except DeskRefusal as refusal:
            raise refusals.of_desk(refusal) from None
        order = self._keep(self._made(record, request))
        order.status = "Routed" if self.desk.is_open else "Received"
        before = order.json()
        self.desk.route(record)
        return Taken(order, before, warnings)

    def cancel(self, order_id: int) -> dict[str, Any]:
        """The order as it stands with its cancel requested. Raises Refusal 404, or 422 for one that ended."""
        order = self.order(order_id)
        if not order.is_open or order.status == "Cancel Requested":
            raise refusals.cannot_cancel()
        if self._faults.take("cancel_lost_race", self.number):
            self._faults.switch_on({"switch": "cancel_fill_race", "account_id": self.number})
            self.desk.cancel(order.desk.id)
            raise refusals.cannot_cancel()
        self._tell(order, "Cancel Requested")
        before = order.json()
        try:
            self.desk.cancel(order.desk.id)
        except DeskRefusal as refusal:
            raise refusals.of_desk(refusal) from None
        return before

    def replace(self, order_id: int, change: ChangeRequest) -> dict[str, Any]:
        """The successor as it stands before the old order has gone. Raises Refusal."""
        old = self.order(order_id)
        if old.status not in ("Live", "Received") or old.complex_id is not None:
            raise refusals.cannot_replace()
        asked = old.asked
        if (change.price is None) != (asked.price is None) or (change.stop is None) != (asked.stop is None):
            raise refusals.unprocessable("cannot_change_order_type", "price, stop and time in force may be changed")
        asked = replace(
            asked,
            type=change.type,
            time_in_force=change.time_in_force,
            price=change.price,
            price_effect=change.price_effect,
            stop=change.stop,
            gtc_date=change.gtc_date,
            external_identifier=change.external_identifier,
            source=change.source,
        )
        wanted = Change(limit=_net(asked), stop=change.stop, time_in_force=_time_in_force(change.time_in_force))
        try:
            record = self.desk.enter_replacement(old.desk.id, wanted, change.external_identifier)
        except DeskRefusal as refusal:
            raise refusals.of_desk(refusal) from None
        new = self._keep(self._made(record, asked))
        new.status, new.contingent_status, new.replaces = "Contingent", "Pending Order", old.id
        before = new.json()
        self._tell(old, "Replace Requested")
        self._tell(new, "Contingent")
        self.desk.route_replacement(record, wanted)
        return before

    # --- complex orders ---------------------------------------------------------------------------------------------

    def submit_complex(
        self, kind: str, trigger: OrderRequest | None, children: Sequence[OrderRequest]
    ) -> tuple[ComplexOrder, dict[str, Any], list[Reason]]:
        """Takes an OTOCO, OTO or OCO; returns also how it stood before the exchange had it. Raises Refusal."""
        first = trigger if trigger is not None else children[0]
        first, warnings = self._checked(first)
        requests = [self._desk_request(first), *map(self._desk_request, children if trigger else children[1:])]
        group = GroupRequest(
            kind=_GROUPS[kind],
            parent=requests[0] if trigger is not None else None,
            children=tuple(requests[1:] if trigger is not None else requests),
        )
        try:
            records = self.desk.enter_group(group)
        except DeskRefusal as refusal:
            raise refusals.of_desk(refusal) from None
        asked = [first, *(children if trigger is not None else children[1:])]
        members = [self._keep(self._made(record, one)) for record, one in zip(records, asked, strict=True)]
        made = ComplexOrder(
            id=self._new_id("complex", first.external_identifier, self._complex),
            account_number=self.number,
            kind=kind,
            trigger=members[0] if trigger is not None else None,
            orders=members[1:] if trigger is not None else members,
        )
        self._complex[made.id] = made
        for place, member in enumerate(members):
            member.complex_id = made.id
            member.complex_tag = _tag(kind, place)
            waits = trigger is not None and place > 0
            member.status = "Contingent" if waits else "Routed" if self.desk.is_open else "Received"
            member.contingent_status = "Pending Order" if waits else None
        before = made.json()
        self._feed.other(self.number, "ComplexOrder", before, self._stamp())
        self.desk.route(*records)
        return made, before, warnings

    def cancel_complex(self, complex_id: int) -> dict[str, Any]:
        """Cancels what is open of it. Raises Refusal 404, or 422 where all of it has ended."""
        found = self.complex_order(complex_id)
        members = [order for order in found.members if order.is_open]
        if not members:
            raise refusals.cannot_cancel()
        for order in members:
            # The end of one may have been the end of the others.
            if order.is_open and order.status != "Cancel Requested":
                self.cancel(order.id)
        return found.json()

    # --- what the venue says ----------------------------------------------------------------------------------------

    def hear(self, event: DeskEvent) -> None:
        """An event of the desk."""
        order = self._by_desk_id.get(event.order.id)
        if order is None:
            # Nobody sent it: the broker itself closes what the account cannot carry.
            order = self._keep(self._made(event.order, _by_broker(event.order)))
        match event.kind:
            case "accepted":
                self._tell(order, "Received")
            case "working" | "activated":
                self._go_live(order)
            case "held":
                self._tell(order, "Contingent")
            case "fill" | "partial_fill":
                self._filled(order, event)
            case "canceled":
                self._tell(order, "Cancelled")
            case "expired":
                self._tell(order, "Expired")
            case "rejected":
                order.reject_reason = event.reason or "the exchange refused the order"
                self._tell(order, "Rejected")
            case "replaced":
                successor = self._by_desk_id[event.order.replaced_by or ""]
                order.edited, order.replaced_by = True, successor.id
                self._tell(order, "Cancelled")
            case "cancel_rejected" | "replace_rejected" if order.is_open:
                self._tell(order, "Live")
            case "reduced":
                self._tell(order, order.status)
        self._end_complex(order)

    def hear_activities(self, activities: Sequence[Activity]) -> None:
        """Settlements, dividends and so on."""
        for activity in activities:
            if activity.symbol is not None and activity.quantity is not None:
                self.shown.changed(activity.symbol, activity.price, activity.at)
                self._feed.other(self.number, "CurrentPosition", self._position(self, activity.symbol), self._stamp())
        self._feed.other(self.number, "AccountBalance", self._balance(self), self._stamp())

    def close_day(self, day: date) -> None:
        """The session is over and its prices are history."""
        self.snapshots.append((day, self._balance(self)))

    def _go_live(self, order: Order) -> None:
        if order.status == "Live":
            return
        order.contingent_status = None
        self._tell(order, "Routed")
        order.in_flight_at = self._stamp()
        self._tell(order, "In Flight")
        order.live_at = self._stamp()
        self._tell(order, "Live")

    def _filled(self, order: Order, event: DeskEvent) -> None:
        fill = event.fill
        if fill is None:
            raise AssertionError("an event of a fill without the fill")
        self.shown.changed(fill.symbol, fill.price, fill.at)
        # Of several legs the first one that is booked makes it Filled; the others' fills follow.
        done = event.kind == "fill" or order.desk.done_at_exchange
        self._tell(order, "Filled" if done else order.status)
        self._feed.other(self.number, "CurrentPosition", self._position(self, fill.symbol), self._stamp())
        self._feed.other(self.number, "AccountBalance", self._balance(self), self._stamp())

    def _end_complex(self, order: Order) -> None:
        found = self._complex.get(order.complex_id or 0)
        if found is not None and found.terminal_at is None and not any(one.is_open for one in found.members):
            found.terminal_at = self._stamp()
            self._feed.other(self.number, "ComplexOrder", found.json(), found.terminal_at)

    def _tell(self, order: Order, status: str) -> None:
        at = self._stamp()
        order.status, order.updated_ms = status, millis(at)
        if status in TERMINAL and order.terminal_at is None:
            order.terminal_at = at
        if status == "Cancelled":
            order.cancelled_at = at
        self._feed.order(self.number, order.json(), at, is_child=order.desk.parent is not None)

    def _stamp(self) -> datetime:
        """A moment in whole milliseconds that nothing of this account had before."""
        self._last_ms = max(self._last_ms + 1, millis(self.now()))
        return from_millis(self._last_ms)

    # --- making orders ----------------------------------------------------------------------------------------------

    def _checked(self, request: OrderRequest) -> tuple[OrderRequest, list[Reason]]:
        rules.check_shape(request, is_open=self.desk.is_open)
        request, warnings = rules.with_effects(request, self.shown.visible())
        if not self.desk.is_open:
            warnings.append(
                Reason("tif.next_valid_session", "Your order will begin working during next valid session.")
            )
        return request, warnings

    def _desk_request(self, request: OrderRequest) -> DeskRequest:
        """Of several legs the desk counts units, and its net price has a sign: positive pays."""
        quantities = [leg.quantity for leg in request.legs]
        units = _units([quantity for quantity in quantities if quantity is not None])
        return DeskRequest(
            legs=tuple(
                RequestLeg(
                    leg.symbol,
                    Side.BUY if leg.is_buy else Side.SELL,
                    self._effect(leg),
                    ratio=1 if len(quantities) == 1 or leg.quantity is None else int(leg.quantity / units),
                )
                for leg in request.legs
            ),
            type=_TYPES[request.type],
            time_in_force=_time_in_force(request.time_in_force),
            quantity=None if request.value is not None else quantities[0] if len(quantities) == 1 else units,
            notional=request.value,
            limit=_net(request),
            stop=request.stop,
            client_order_id=request.external_identifier,
        )

    def _effect(self, leg: LegRequest) -> Effect | None:
        """None where the broker's lagging ledger made an open of what is a close: the desk sees for itself."""
        return "close" if not leg.opens else None if leg.rewritten else "open"

    def _on_tick(self, request: OrderRequest, price: Decimal | None) -> Decimal | None:
        """The price on the tick beside it."""
        if not price:
            return price
        try:
            ticks = self.quotes.ticks(request.legs[0].symbol)
            return price - price % ticks.at(Decimal(0) if len(request.legs) > 1 else price)
        except BadInput:
            return price

    def _made(self, record: DeskOrder, asked: OrderRequest) -> Order:
        at = self._stamp()
        return Order(
            id=self._new_id("order", asked.external_identifier, self._orders),
            account_number=self.number,
            desk=record,
            asked=asked,
            actions=tuple(leg.action for leg in asked.legs) or tuple(map(action_of, record.legs)),
            received_at=at,
            updated_ms=millis(at),
        )

    def _keep(self, order: Order) -> Order:
        self._orders[order.id] = order
        self._by_desk_id[order.desk.id] = order
        return order

    def _new_id(self, kind: str, external_identifier: str | None, taken: Mapping[int, object]) -> int:
        """Made from the identifier where there is one, so that a replay has the same ids however it was raced."""
        count = sum(1 for order in self._orders.values() if order.asked.external_identifier == external_identifier)
        seed = named_uuid(f"tastytrade-{kind}", self.number, external_identifier or "", count).int
        made = _FIRST_ID + seed % _ID_RANGE
        while made in taken:
            made += 1
        return made


def _units(quantities: Sequence[Decimal]) -> Decimal:
    """The most units that the legs' quantities are whole multiples of."""
    units = 0
    for quantity in quantities:
        a, b = units, int(quantity)
        while b:
            a, b = b, a % b
        units = a
    return Decimal(units or 1)


def _net(request: OrderRequest) -> Decimal | None:
    """The price as the venue has it: of several legs per unit, positive pays."""
    if request.price is None or len(request.legs) == 1:
        return request.price
    return -request.price if request.price_effect == "Credit" else request.price


def _time_in_force(word: str) -> TimeInForce:
    if word == "IOC":
        return TimeInForce.IOC
    return TimeInForce.GTC if word.startswith(("GTC", "GTD")) else TimeInForce.DAY


def _tag(kind: str, place: int) -> str:
    if kind == "OCO":
        return "OCO::order"
    if place == 0:
        return f"{kind}::trigger-order"
    return f"OTOCO::oco-{place}-order" if kind == "OTOCO" else "OTO::order"


def _by_broker(record: DeskOrder) -> OrderRequest:
    legs = tuple(LegRequest(leg.symbol, "Equity Option", action_of(leg), leg.quantity) for leg in record.legs)
    return OrderRequest(type="Market", time_in_force="Day", legs=legs, source="tastytrade")
