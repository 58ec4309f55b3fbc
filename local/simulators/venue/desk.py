"""One account's order desk: takes requests, hands them to the exchange, and keeps the record of what it says.

Every request has two halves, so that a wire can show the order before the exchange has had it: `enter` checks and
records, `route` sends. Nothing of another account can be reached from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from functions.backtest.exchange_events import Event, Fill, OrderEvent, Reduced, Replaced
from functions.backtest.market import Print, Quote
from functions.backtest.matching import MatchingEngine
from functions.backtest.orders import Change, OrderType, Side, TimeInForce
from local.simulators.venue import order_checks
from local.simulators.venue.account_ledger import AccountLedger
from local.simulators.venue.clock import TapeClock
from local.simulators.venue.desk_events import DeskEvent, Kind, Listener
from local.simulators.venue.desk_order import DeskOrder, State
from local.simulators.venue.desk_request import DeskRequest, GroupRequest, RequestLeg
from local.simulators.venue.desk_rules import DeskRules
from local.simulators.venue.exchange_orders import most_per_fill, new_order, new_package
from local.simulators.venue.executions import Executions
from local.simulators.venue.faults import Fault, Faults
from local.simulators.venue.order_making import OrderMaker, changed_request
from local.simulators.venue.quotes import Quotes
from local.simulators.venue.refusal import DeskRefusal


class OrderDesk:
    """`listener` hears every event the moment it happens; what it answers with is the wire's business."""

    def __init__(
        self,
        ledger: AccountLedger,
        *,
        rules: DeskRules,
        clock: TapeClock,
        quotes: Quotes,
        faults: Faults,
        session_close: Callable[[], datetime],
        numbers: Iterator[int],
        execution_numbers: Iterator[int],
        listener: Listener,
    ) -> None:
        self.ledger = ledger
        self.rules = rules
        self.quotes = quotes
        self._clock = clock
        self._faults = faults
        self._listener = listener
        self.executions = Executions(ledger, rules, clock, faults, numbers=execution_numbers, listener=listener)
        self._exchange = MatchingEngine()
        self._maker = OrderMaker(ledger, rules, clock, quotes, session_close=session_close, numbers=numbers)
        self._orders: dict[str, DeskOrder] = {}
        self._open: dict[str, DeskOrder] = {}
        self._by_client_order_id: dict[str, list[str]] = {}
        self._halted: set[str] = set()

    @property
    def account_id(self) -> str:
        return self.ledger.settings.account_id

    @property
    def is_open(self) -> bool:
        """Whether a session is on."""
        return self._exchange.is_open

    def orders(self) -> list[DeskOrder]:
        """Every order, oldest first."""
        return list(self._orders.values())

    def open_orders(self) -> list[DeskOrder]:
        """Every order that may still fill, children that wait included."""
        # What has ended is dropped here, so that a long replay does not look at every order it ever had.
        self._open = {order_id: order for order_id, order in self._open.items() if order.is_open}
        return list(self._open.values())

    def order(self, order_id: str) -> DeskOrder:
        """By id, or by number written as text. Raises DeskRefusal not_found."""
        found = self._orders.get(order_id.lower())
        if found is None and order_id.isdecimal():
            found = next((order for order in self._orders.values() if order.number == int(order_id)), None)
        if found is None:
            raise DeskRefusal("not_found", f"order not found for {order_id}")
        return found

    def orders_by_client_id(self, client_order_id: str) -> list[DeskOrder]:
        """Every order of this client order id, oldest first."""
        return [self._orders[order_id] for order_id in self._by_client_order_id.get(client_order_id, [])]

    def group(self, group_id: str) -> list[DeskOrder]:
        """The orders of a group, parent first; those that took a member's place included."""
        return [order for order in self._orders.values() if order.group == group_id]

    def buying_power(self) -> Decimal:
        """What new shares may still cost, in dollars."""
        return order_checks.buying_power(self.ledger, self.open_orders(), self.quotes)

    def held(self, symbol: str) -> tuple[Decimal, list[str]]:
        """How much of a position cannot be closed because working orders will, and their ids."""
        return order_checks.held(self.ledger, self.open_orders(), symbol)

    # --- new orders -------------------------------------------------------------------------------------------------

    def check(self, request: DeskRequest) -> DeskOrder:
        """The order as it would be entered; nothing is kept. Raises DeskRefusal as `enter` does."""
        order = self._maker.make(request, self._status_on_entry(), dry=True)
        self._check(order)
        return order

    def enter(self, request: DeskRequest) -> DeskOrder:
        """Checks and records an order; `route` sends it. Raises DeskRefusal."""
        self._check_client_id(request)
        order = self._maker.make(request, self._status_on_entry())
        self._check(order)
        self._slice(order)
        self._keep(order)
        return order

    def enter_group(self, request: GroupRequest) -> list[DeskOrder]:
        """Checks and records a group, parent first; `route` sends it. Raises DeskRefusal."""
        for one in (request.parent, *request.children):
            if one is not None:
                self._check_client_id(one)
        orders = self._maker.make_group(request, self._status_on_entry())
        # Children close what their parent will open, so only what the account has now is checked.
        for order in orders[:1]:
            self._check(order)
        for order in orders:
            self._slice(order)
            self._keep(order)
        return orders

    def route(self, *orders: DeskOrder) -> None:
        """Sends entered orders to the exchange: one order, or all of a group."""
        now = self._clock.now()
        for order in orders:
            self._show_options(order)
        if orders[0].is_multi_leg:
            self._apply(self._exchange.submit_package(new_package(orders[0]), now))
        else:
            self._apply(self._exchange.submit_group([new_order(order) for order in orders], now))

    def _show_options(self, order: DeskOrder) -> None:
        """Contracts in which nothing worked have no quote at the exchange yet."""
        working = self._exchange.symbols()
        for leg in order.legs:
            option = self.quotes.option(leg.symbol)
            if option is None or leg.symbol in working or option.root in self._halted:
                continue
            view = self.quotes.options.view(leg.symbol)
            if view is not None:
                self._apply(self._exchange.on_quote(view.quote))

    def submit(self, request: DeskRequest) -> DeskOrder:
        """Enters and routes."""
        order = self.enter(request)
        self.route(order)
        return order

    # --- cancel and replace -----------------------------------------------------------------------------------------

    def cancel(self, order_id: str) -> DeskOrder:
        """Asks for a cancel. Raises DeskRefusal not_found, or not_cancelable for an order that ended."""
        order = self.order(order_id)
        if not order.is_open:
            raise DeskRefusal("not_cancelable", f'order is already in "{order.state}" state', symbol=order.symbol)
        order.cancel_requested = True
        if self._takes("stuck_cancel", order):
            self._move(order, "cancel_pending", "cancel_pending")
            return order
        if self._takes("cancel_fill_race", order):
            self._move(order, "cancel_pending", "cancel_pending")
            self._apply(self._exchange.fill_now(order.id, self._clock.now()))
        self._apply(self._exchange.cancel(order.id, self._clock.now()))
        return order

    def enter_replacement(self, order_id: str, change: Change, client_order_id: str | None = None) -> DeskOrder:
        """Checks and records what shall take a working order's place; `route_replacement` sends it.

        `change.quantity` is the total, fills so far included. Raises DeskRefusal.
        """
        old = self.order(order_id)
        if self.rules.unique_client_ids and client_order_id in self._by_client_order_id:
            raise DeskRefusal("duplicate_client_order_id", "client_order_id must be unique")
        if (
            not old.is_open
            or old.state == "cancel_pending"
            or (old.state in ("accepted", "pending") and not self.rules.replaces_unrouted)
        ):
            raise DeskRefusal("not_replaceable", f'order in "{old.state}" state cannot be replaced')
        if old.request.notional is not None:
            raise DeskRefusal("not_replaceable", "notional orders cannot be replaced")
        request, total = changed_request(old, change, client_order_id)
        new = self._maker.make(
            request, "pending", quantity=total - old.filled, effects=[leg.effect for leg in old.legs]
        )
        new.group, new.group_kind, new.oco = old.group, old.group_kind, old.oco
        new.parent, new.children, new.replaces = old.parent, old.children, old.id
        if old.state != "held":
            others = [order for order in self.open_orders() if order is not old and order.oco != (old.oco or "")]
            order_checks.check(
                self.ledger, others, new, self.quotes, self.rules, self.ledger.settled_cash(self._clock.now())
            )
        self._keep(new)
        return new

    def route_replacement(self, new: DeskOrder, change: Change) -> None:
        """Asks the exchange; the old order ends replaced, or works on and the new one is rejected."""
        old = self.order(new.replaces or "")
        now = self._clock.now()
        if self._takes("replace_rejected", old):
            self._move(old, old.state, "replace_rejected", reason="the exchange did not take the replacement")
        else:
            if self._takes("replace_fill_race", old):
                self._apply(self._exchange.fill_now(old.id, now))
            self._apply(self._exchange.replace(old.id, new.id, change, now))
        if old.replaced_by is None:
            self._move(new, "rejected", "rejected", reason="the order it was to replace works on or has ended")

    # --- the market -------------------------------------------------------------------------------------------------

    def open_session(self, at: datetime, prices: Mapping[str, Decimal]) -> None:
        """A session opens; `prices` are the opening auction's."""
        events = self._exchange.open_session(at, prices)
        for order in self.open_orders():
            if order.state == "accepted":
                order.expires_at = self._maker.expiry(order.request)
                self._move(order, "working", "working")
        self._apply(events)

    def show(self, tick: Quote | Print) -> None:
        """The market moved: shares by the tape, options with their underlying."""
        self.executions.tell_late()
        self._halted.discard(tick.symbol)
        if isinstance(tick, Print):
            self._apply(self._exchange.on_print(tick))
            return
        self._apply(self._exchange.on_quote(tick))
        for symbol in sorted(self._exchange.symbols()):
            option = self.quotes.option(symbol)
            view = self.quotes.options.view(symbol) if option is not None and option.root == tick.symbol else None
            if view is not None:
                self._apply(self._exchange.on_quote(view.quote))

    def halt(self, symbol: str) -> None:
        """Nothing trades in a symbol and its options until the market moves again."""
        self._halted.add(symbol)
        self._exchange.halt(symbol)
        for working in self._exchange.symbols():
            option = self.quotes.option(working)
            if option is not None and option.root == symbol:
                self._exchange.halt(working)

    def close_session(self, at: datetime, prices: Mapping[str, Decimal]) -> None:
        """A session closes; day orders expire, the day's fees are taken."""
        while self.executions.tell_late():
            pass
        self._apply(self._exchange.close_session(at, prices))
        self.ledger.collect_fees(self._clock.stamp())

    def expire_contract(self, symbol: str) -> None:
        """Ends what still works in a contract that is no more."""
        for order in self.open_orders():
            if any(leg.symbol == symbol for leg in order.legs):
                self._apply(self._exchange.cancel(order.id, self._clock.now()))

    def close_out(self, symbol: str, price: Decimal) -> DeskOrder:
        """The broker sells (or buys back) a whole position by itself, at `price`, in an order that nobody sent."""
        quantity = self.ledger.position(symbol).quantity
        side = Side.SELL if quantity > 0 else Side.BUY
        request = DeskRequest(
            legs=(RequestLeg(symbol, side, "close"),),
            type=OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            quantity=abs(quantity),
        )
        order = self._maker.make(request, "pending", effects=["close"], by_broker=True)
        self._keep(order)
        self._move(order, "working", "working")
        amount = abs(quantity)
        self.executions.take(order, Fill(0, order.id, symbol, price, amount, amount, Decimal(0), self._clock.now()))
        return order

    # --- what the exchange says -------------------------------------------------------------------------------------

    def _apply(self, events: Sequence[Event]) -> None:
        for event in events:
            order = self._orders[event.order_id]
            match event:
                case Fill():
                    self.executions.take(order, event)
                case Replaced():
                    self._take_replaced(order, self._orders[event.new_order_id])
                case Reduced():
                    order.quantity = order.legs[0].quantity = event.quantity
                    self._move(order, order.state, "reduced")
                case OrderEvent():
                    self._change(order, event)

    def _change(self, order: DeskOrder, event: OrderEvent) -> None:
        match event.kind:
            case "accepted" | "activated":
                kind: Kind = "activated" if event.kind == "activated" else "working"
                if self._exchange.is_open:
                    self._move(order, "working", kind)
                else:
                    self._move(order, "accepted", "accepted")
            case "held":
                self._move(order, "held", "held")
            case "canceled" | "expired" | "rejected":
                self._move(order, event.kind, event.kind, reason=event.reason)
            case "cancel_rejected" | "replace_rejected":
                if order.state == "cancel_pending":
                    order.state = self._state_of(order)
                self._move(order, order.state, event.kind, reason=event.reason)

    def _take_replaced(self, old: DeskOrder, new: DeskOrder) -> None:
        was_held = old.state == "held"
        old.replaced_by = new.id
        for child in (self._orders[child_id] for child_id in old.children):
            child.parent = new.id
            if child.state == "held":
                child.quantity = child.legs[0].quantity = old.filled + new.quantity
        parent = self._orders.get(old.parent or "")
        if parent is not None:
            parent.children = tuple(new.id if child == old.id else child for child in parent.children)
        self._move(old, "replaced", "replaced")
        if was_held:
            self._move(new, "held", "held")
        elif self._exchange.is_open:
            self._move(new, "working", "working")
        else:
            self._move(new, "accepted", "accepted")

    def _move(self, order: DeskOrder, state: State, kind: Kind, reason: str | None = None) -> None:
        at = self._clock.stamp()
        order.state, order.updated_at = state, at
        match state:
            case "canceled":
                order.canceled_at = at
            case "expired":
                order.expired_at = at
            case "rejected":
                order.rejected_at = at
            case "replaced":
                order.replaced_at = at
        if reason is not None:
            order.reason = reason
        self._listener(DeskEvent(kind, self.account_id, order, at, reason=reason))

    # --- keeping order ----------------------------------------------------------------------------------------------

    def _check(self, order: DeskOrder) -> None:
        self._maker.check_session(order, is_open=self._exchange.is_open)
        order_checks.check(
            self.ledger,
            self.open_orders(),
            order,
            self.quotes,
            self.rules,
            self.ledger.settled_cash(self._clock.now()),
        )

    def _check_client_id(self, request: DeskRequest) -> None:
        if self.rules.unique_client_ids and request.client_order_id in self._by_client_order_id:
            raise DeskRefusal("duplicate_client_order_id", "client_order_id must be unique")

    def _keep(self, order: DeskOrder) -> None:
        self._orders[order.id] = self._open[order.id] = order
        if order.client_order_id is not None:
            self._by_client_order_id.setdefault(order.client_order_id, []).append(order.id)

    def _slice(self, order: DeskOrder) -> None:
        """Cuts an order's executions into parts where the fault is on."""
        fault = self._takes("partial_fills", order)
        if fault is None:
            return
        least, most = fault.numbers["least"], fault.numbers["most"]
        count = self._faults.number(least, max(least, most))
        if fault.numbers["at_once"]:
            order.parts_at_once = count
        else:
            order.most_per_fill = most_per_fill(order, count)

    def _takes(self, switch: str, order: DeskOrder) -> Fault | None:
        return self._faults.take(switch, self.account_id, order.symbol)

    def _status_on_entry(self) -> State:
        return "pending" if self._exchange.is_open else "accepted"

    def _state_of(self, order: DeskOrder) -> State:
        """An open order's state without the cancel that was asked for."""
        return "partially_filled" if any(leg.filled for leg in order.legs) else "working"
