"""The simulated exchange: one account's orders against a stream of market quotes and prints. Pure and deterministic.

What it models, and where it is simpler than a real exchange:

- An account sees the displayed size for itself: other accounts do not take it away, and own trades do not move the
  market. A quote's displayed size can be taken once; the next quote shows size anew.
- An order that can trade when it arrives, or at the first quote it meets, takes the quote's price. An order that has
  met a quote it could not trade with is resting: it trades at its own limit when the market comes to it.
- A print strictly through a resting limit fills it at its limit, up to the print's size.
- A buy stop is triggered by an ask or a print at or above it, a sell stop by a bid or a print at or below it; it then
  takes its place in time anew.
- The opening and closing auctions trade any quantity at the auction's price.
- Outside a session orders wait; those that must trade at once are rejected.
- An order of several legs trades at its legs' quotes, all legs of a unit at one moment (`packages`).
- Alternatives (one cancels the other) share one quantity: what one fills, the others lose before anything else
  trades. Children are held until their parent has filled, and end when it ends otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from functions.backtest.book import Book, observe
from functions.backtest.exchange_events import Event, OrderEvent
from functions.backtest.market import Print, Quote, Standing
from functions.backtest.orders import Change, NewOrder, TimeInForce, WorkingOrder, admit
from functions.backtest.package_matching import PackageMatching
from functions.backtest.packages import NewPackage, WorkingPackage, admit_package
from functions.backtest.register import Register
from functions.backtest.replacing import package_replacement, replacement
from functions.backtest.telling import Teller
from functions.backtest.ticks import price_ticks, quantity_units
from functions.core.errors import BadInput

_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_THIS_SESSION = frozenset({TimeInForce.DAY, TimeInForce.OPG, TimeInForce.CLS})
_ALTERNATIVE = "the other order of its pair ended"
_NO_PRICES: Mapping[str, Decimal] = {}


class MatchingEngine:
    """Takes commands and market events in the order they happen and returns what each of them caused.

    Every method that takes `at` wants event time in UTC and stamps its events with it. Requests never raise: what the
    exchange cannot do comes back as a rejected, cancel_rejected or replace_rejected event with a reason.
    """

    def __init__(self) -> None:
        self._register = Register()
        self._tell = Teller()
        self._standing: dict[str, Standing] = {}
        self._packages = PackageMatching(self._register, self._tell, self._standing)
        self._rank = 0
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether a session is on."""
        return self._is_open

    def working(self, order_id: str) -> WorkingOrder | None:
        """The order while it works or is held; None once it ended or where it was never accepted."""
        return self._register.order(order_id)

    def package(self, order_id: str) -> WorkingPackage | None:
        """The order of several legs while it works."""
        return self._register.packages.get(order_id)

    def symbols(self) -> set[str]:
        """What orders work in: only these need quotes."""
        return self._register.symbols()

    # --- requests ---------------------------------------------------------------------------------------------------

    def submit(self, new: NewOrder, at: datetime) -> list[Event]:
        """Accepts and at once matches an order, or rejects it. An order id is used once, ever."""
        return self.submit_group([new], at)

    def submit_group(self, orders: Sequence[NewOrder], at: datetime) -> list[Event]:
        """Accepts orders that depend on one another and at once matches them, or rejects them all.

        A parent comes before its children (`after`); alternatives (`oco`) are all in the group.
        """
        admitted: list[WorkingOrder] = []
        reasons = [self._admit(new, admitted) for new in orders]
        if any(reason is not None for reason in reasons):
            events: list[Event] = []
            for new, reason in zip(orders, reasons, strict=True):
                if not self._register.is_known(new.order_id):
                    self._register.end(new.order_id, "rejected")
                events.append(
                    self._tell.event("rejected", new.order_id, at, reason or "an order of the same group was rejected")
                )
            return events
        events = []
        for order in admitted:
            self._register.contingents.join(order)
            if order.new.after is not None:
                self._register.contingents.hold(order, order.new.after)
                events.append(self._tell.event("held", order.new.order_id, at))
            else:
                self._register.add(order)
                events.append(self._tell.event("accepted", order.new.order_id, at))
        return events + self._arrive_all([order for order in admitted if order.new.after is None], at)

    def submit_package(self, new: NewPackage, at: datetime) -> list[Event]:
        """Accepts and at once matches an order of several legs, or rejects it."""
        if self._register.is_known(new.order_id):
            return [self._tell.event("rejected", new.order_id, at, "the order id was used before")]
        try:
            if not self._is_open and new.time_in_force in _AT_ONCE:
                raise BadInput("BAD_ORDER", f"{new.time_in_force} orders are taken during a session only")
            package = admit_package(new, self._next_rank())
        except BadInput as error:
            self._register.end(new.order_id, "rejected")
            return [self._tell.event("rejected", new.order_id, at, error.text)]
        return self._packages.take(package, at, is_open=self._is_open)

    def cancel(self, order_id: str, at: datetime) -> list[Event]:
        """Ends a working or held order; an order that ended before stays as it ended."""
        if not self._register.is_working(order_id):
            return [self._tell.event("cancel_rejected", order_id, at, self._register.why_not(order_id))]
        self._register.end(order_id, "canceled")
        return [self._tell.event("canceled", order_id, at), *self._follow(order_id, at)]

    def fill_now(self, order_id: str, at: datetime) -> list[Event]:
        """Trades all that is left of an order, at its limit or else at the quotes, whatever size they show.

        For simulating a race: nothing happens where no price is known.
        """
        package = self._register.packages.get(order_id)
        if package is not None:
            return self._packages.fill_now(package, at)
        order = self.working(order_id)
        if order is None or not self._register.is_booked(order_id):
            return []
        standing = self._standing.get(order.new.symbol)
        if order.limit is not None:
            return self._fill(order, order.limit, order.remaining, at)
        touch = None if standing is None else standing.touch(buying=order.is_buy)
        return [] if touch is None else self._fill(order, touch, order.remaining, at)

    def replace(self, order_id: str, new_order_id: str, change: Change, at: datetime) -> list[Event]:
        """Puts a new order in the place of a working one, in one step.

        The total quantity must exceed what is filled; the new order works for the rest. It keeps its place in time
        where only the quantity got smaller.
        """
        if not self._register.is_working(order_id):
            return [self._tell.event("replace_rejected", order_id, at, self._register.why_not(order_id))]
        if self._register.is_known(new_order_id):
            return [self._tell.event("replace_rejected", order_id, at, "the new order id was used before")]
        old, package = self.working(order_id), self.package(order_id)
        try:
            if package is not None:
                changed = package_replacement(package, new_order_id, change, self._rank + 1)
                self._next_rank()
                return self._packages.put_in_place(package, changed, at, is_open=self._is_open)
            if old is None:
                raise AssertionError("an order works and is not known")
            order = replacement(old, new_order_id, change, self._rank + 1)
        except BadInput as error:
            return [self._tell.event("replace_rejected", order_id, at, error.text)]
        self._next_rank()
        self._register.contingents.renamed(order_id, new_order_id)
        for child in self._register.contingents.children(new_order_id):
            child.quantity = old.filled + order.quantity
        events: list[Event] = [self._tell.replaced(order_id, new_order_id, order.new.quantity, at)]
        if self._register.contingents.held(order_id) is not None:
            self._register.contingents.put_back(order, order_id)
            self._register.end(order_id, "replaced")
            return events
        self._register.end(order_id, "replaced")
        self._register.add(order)
        events += self._arrive(order, at)
        return events

    # --- the market -------------------------------------------------------------------------------------------------

    def open_session(self, at: datetime, prices: Mapping[str, Decimal] = _NO_PRICES) -> list[Event]:
        """Starts a session; orders for the opening auction trade at their symbol's price in `prices`, or end."""
        self._is_open = True
        for order in self._register.booked():
            order.resting = False
        return self._auction(TimeInForce.OPG, prices, at)

    def on_quote(self, quote: Quote) -> list[Event]:
        """Shows a new best bid and ask. Raises BadInput BAD_QUOTE. Outside a session a quote changes nothing."""
        standing = Standing.of(quote)
        if not self._is_open:
            return []
        self._standing[quote.symbol] = standing
        book = self._register.book(quote.symbol)
        events: list[Event] = []
        if len(book):
            for order in book.waiting():
                self._show(order, standing.touch(buying=order.is_buy))
            events += self._match(book, standing, quote.at)
        for package in self._register.packages_with(quote.symbol):
            events += self._packages.match(package, quote.at)
        return events

    def halt(self, symbol: str) -> None:
        """Takes a symbol's standing quote away: nothing trades in it until the next one is shown."""
        self._standing.pop(symbol, None)

    def on_print(self, trade: Print) -> list[Event]:
        """Shows a trade of the market. Raises BadInput BAD_PRINT. Outside a session a print changes nothing."""
        price, size = price_ticks(trade.price), quantity_units(trade.size, "size")
        if price <= 0 or size < 0:
            raise BadInput("BAD_PRINT", f"expected price > 0 and size >= 0, was {trade.price} x {trade.size}")
        book = self._register.book(trade.symbol)
        if not self._is_open or not len(book):
            return []
        events: list[Event] = []
        for buying in (True, False):
            for order in book.matchable(buying=buying):
                if not size or not order.resting or order.limit is None or not _is_through(order, price):
                    continue
                if not self._register.is_working(order.new.order_id):
                    # An alternative of it has filled just now.
                    continue
                quantity = _part(order, size)
                size -= quantity
                events += self._fill(order, order.limit, quantity, trade.at)
        triggered = [self._show(order, price) for order in book.waiting()]
        standing = self._standing.get(trade.symbol)
        if any(triggered) and standing is not None:
            events += self._match(book, standing, trade.at)
        return events

    def close_session(self, at: datetime, prices: Mapping[str, Decimal] = _NO_PRICES) -> list[Event]:
        """Ends a session: the closing auction at `prices`, then every order good for this session only expires."""
        events = self._auction(TimeInForce.CLS, prices, at)
        expiring = [order.new.order_id for order in self._register.booked() if order.new.time_in_force in _THIS_SESSION]
        expiring += [
            order_id
            for order_id, package in self._register.packages.items()
            if package.new.time_in_force in _THIS_SESSION
        ]
        for order_id in expiring:
            self._register.end(order_id, "expired")
            events.append(self._tell.event("expired", order_id, at))
        for order_id in expiring:
            events += self._follow(order_id, at)
        self._standing.clear()
        self._is_open = False
        return events

    # --- matching ---------------------------------------------------------------------------------------------------

    def _arrive(self, order: WorkingOrder, at: datetime) -> list[Event]:
        """Matches an order that has just taken its place against the standing quote."""
        symbol, time_in_force = order.new.symbol, order.new.time_in_force
        standing = self._standing.get(symbol)
        events: list[Event] = []
        if self._is_open and standing is not None and time_in_force is not TimeInForce.CLS:
            if order.waits_for_trigger:
                self._show(order, standing.touch(buying=order.is_buy))
            fits = order.remaining <= standing.left(buying=order.is_buy)
            if time_in_force is not TimeInForce.FOK or fits:
                events += self._match(self._register.book(symbol), standing, at)
        if time_in_force in _AT_ONCE and self._register.is_booked(order.new.order_id):
            self._register.end(order.new.order_id, "canceled")
            events.append(self._tell.event("canceled", order.new.order_id, at, "not filled at once"))
            events += self._follow(order.new.order_id, at)
        return events

    def _match(self, book: Book, standing: Standing, at: datetime) -> list[Event]:
        events: list[Event] = []
        for buying in (True, False):
            touch = standing.touch(buying=buying)
            for order in book.matchable(buying=buying):
                if order.new.time_in_force in (TimeInForce.OPG, TimeInForce.CLS):
                    continue
                if not self._register.is_working(order.new.order_id):
                    # An alternative of it has filled just now.
                    continue
                if not order.accepts(touch):
                    order.resting = True
                    continue
                quantity = _part(order, standing.left(buying=buying))
                if quantity:
                    standing.take(quantity, buying=buying)
                    price = order.limit if order.resting and order.limit is not None else touch
                    events += self._fill(order, price, quantity, at)
        return events

    def _show(self, order: WorkingOrder, price: int) -> bool:
        if not observe(order, price):
            return False
        order.triggered = True
        order.rank = self._next_rank()
        return True

    def _auction(self, which: TimeInForce, prices: Mapping[str, Decimal], at: datetime) -> list[Event]:
        events: list[Event] = []
        for order in self._register.booked():
            if order.new.time_in_force is not which:
                continue
            price = prices.get(order.new.symbol)
            if not self._register.is_working(order.new.order_id):
                continue
            if price is not None and order.accepts(price_ticks(price)):
                events += self._fill(order, price_ticks(price), order.remaining, at)
            elif which is TimeInForce.OPG:
                self._register.end(order.new.order_id, "expired")
                events.append(self._tell.event("expired", order.new.order_id, at, "not filled in the opening auction"))
                events += self._follow(order.new.order_id, at)
        return events

    def _fill(self, order: WorkingOrder, price: int, quantity: int, at: datetime) -> list[Event]:
        order_id = order.new.order_id
        order.filled += quantity
        if not order.remaining:
            self._register.end(order_id, "filled")
        events: list[Event] = [self._tell.fill(order, price, quantity, at)]
        if not order.remaining:
            return events + self._follow(order_id, at)
        for other_id in self._register.contingents.alternatives(order_id):
            other = self.working(other_id)
            if other is None:
                continue
            other.quantity -= quantity
            if other.remaining > 0:
                events.append(self._tell.reduced(other, at))
            else:
                self._register.end(other_id, "canceled")
                events.append(self._tell.event("canceled", other_id, at, _ALTERNATIVE))
        return events

    def _follow(self, order_id: str, at: datetime) -> list[Event]:
        """What the end of an order means for those that depend on it."""
        events: list[Event] = []
        filled = self._register.ended(order_id) == "filled"
        for other_id in self._register.contingents.alternatives(order_id):
            if self._register.is_working(other_id):
                self._register.end(other_id, "canceled")
                events.append(self._tell.event("canceled", other_id, at, _ALTERNATIVE))
        for child in self._register.contingents.children(order_id):
            child_id = child.new.order_id
            if not self._register.is_working(child_id):
                continue
            if filled:
                self._register.contingents.let_go(child_id)
                child.rank = self._next_rank()
                self._register.add(child)
                events.append(self._tell.event("activated", child_id, at))
            else:
                self._register.end(child_id, "canceled")
                events.append(self._tell.event("canceled", child_id, at, "the order that it waited for ended"))
        if filled:
            events += self._arrive_all(self._activated(events), at)
        return events

    def _activated(self, events: Iterable[Event]) -> list[WorkingOrder]:
        found = (
            self.working(event.order_id)
            for event in events
            if isinstance(event, OrderEvent) and event.kind == "activated"
        )
        return [order for order in found if order is not None]

    def _arrive_all(self, orders: Iterable[WorkingOrder], at: datetime) -> list[Event]:
        events: list[Event] = []
        for order in orders:
            if self._register.is_booked(order.new.order_id):
                events += self._arrive(order, at)
        return events

    # --- keeping order ----------------------------------------------------------------------------------------------

    def _admit(self, new: NewOrder, admitted: list[WorkingOrder]) -> str | None:
        """Puts the order with the admitted ones; returns why not, where it cannot be taken."""
        if self._register.is_known(new.order_id) or any(order.new.order_id == new.order_id for order in admitted):
            return "the order id was used before"
        if new.after is not None and all(order.new.order_id != new.after for order in admitted):
            return "the order that it waits for is not in its group"
        try:
            order = admit(new, self._next_rank())
        except BadInput as error:
            return error.text
        if not self._is_open and new.time_in_force in _AT_ONCE:
            return f"{new.time_in_force} orders are taken during a session only"
        if self._is_open and new.time_in_force is TimeInForce.OPG:
            return "the opening auction is over"
        admitted.append(order)
        return None

    def _next_rank(self) -> int:
        self._rank += 1
        return self._rank


def _part(order: WorkingOrder, shown: int) -> int:
    """How much of an order trades against so much of displayed size."""
    part = min(order.remaining, shown)
    if order.most is None or order.new.time_in_force is TimeInForce.FOK:
        return part
    return min(part, order.most)


def _is_through(order: WorkingOrder, price: int) -> bool:
    return order.limit is not None and (price < order.limit if order.is_buy else price > order.limit)
