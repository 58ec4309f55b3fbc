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
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from functions.backtest.book import Book, observe
from functions.backtest.exchange_events import Event, EventKind, Fill, OrderEvent, Replaced
from functions.backtest.market import Print, Quote, Standing
from functions.backtest.orders import Change, NewOrder, TimeInForce, WorkingOrder, admit
from functions.backtest.replacing import replacement
from functions.backtest.ticks import price_of, price_ticks, quantity_of, quantity_units
from functions.core.errors import BadInput

_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_THIS_SESSION = frozenset({TimeInForce.DAY, TimeInForce.OPG, TimeInForce.CLS})
_NO_PRICES: Mapping[str, Decimal] = {}


class MatchingEngine:
    """Takes commands and market events in the order they happen and returns what each of them caused.

    Every method that takes `at` wants event time in UTC and stamps its events with it. Requests never raise: what the
    exchange cannot do comes back as a rejected, cancel_rejected or replace_rejected event with a reason.
    """

    def __init__(self) -> None:
        self._books: dict[str, Book] = {}
        self._standing: dict[str, Standing] = {}
        self._where: dict[str, str] = {}
        self._ended: dict[str, str] = {}
        self._sequence = 0
        self._rank = 0
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether a session is on."""
        return self._is_open

    def working(self, order_id: str) -> WorkingOrder | None:
        """The order while it works; None once it ended or where it was never accepted."""
        symbol = self._where.get(order_id)
        if symbol is None:
            return None
        return self._books[symbol].get(order_id)

    # --- requests ---------------------------------------------------------------------------------------------------

    def submit(self, new: NewOrder, at: datetime) -> list[Event]:
        """Accepts and at once matches an order, or rejects it. An order id is used once, ever."""
        if self._is_known(new.order_id):
            return [self._event("rejected", new.order_id, at, "the order id was used before")]
        reason: str | None = None
        order: WorkingOrder | None = None
        try:
            order = admit(new, self._next_rank())
        except BadInput as error:
            reason = error.text
        if order is not None and not self._is_open and new.time_in_force in _AT_ONCE:
            reason = f"{new.time_in_force} orders are taken during a session only"
        if self._is_open and new.time_in_force is TimeInForce.OPG:
            reason = "the opening auction is over"
        if order is None or reason is not None:
            self._ended[new.order_id] = "rejected"
            return [self._event("rejected", new.order_id, at, reason)]
        self._add(order)
        events: list[Event] = [self._event("accepted", new.order_id, at)]
        events += self._arrive(order, at)
        return events

    def cancel(self, order_id: str, at: datetime) -> list[Event]:
        """Ends a working order; an order that ended before stays as it ended."""
        if order_id not in self._where:
            return [self._event("cancel_rejected", order_id, at, self._why_not(order_id))]
        self._end(order_id, "canceled")
        return [self._event("canceled", order_id, at)]

    def replace(self, order_id: str, new_order_id: str, change: Change, at: datetime) -> list[Event]:
        """Puts a new order in the place of a working one, in one step.

        The total quantity must exceed what is filled; the new order works for the rest. It keeps its place in time
        where only the quantity got smaller.
        """
        old = self.working(order_id)
        if old is None:
            return [self._event("replace_rejected", order_id, at, self._why_not(order_id))]
        if self._is_known(new_order_id):
            return [self._event("replace_rejected", order_id, at, "the new order id was used before")]
        try:
            order = replacement(old, new_order_id, change, self._rank + 1)
        except BadInput as error:
            return [self._event("replace_rejected", order_id, at, error.text)]
        self._next_rank()
        self._end(order_id, "replaced")
        self._add(order)
        self._sequence += 1
        events: list[Event] = [Replaced(self._sequence, order_id, new_order_id, order.new.quantity, at)]
        events += self._arrive(order, at)
        return events

    # --- the market -------------------------------------------------------------------------------------------------

    def open_session(self, at: datetime, prices: Mapping[str, Decimal] = _NO_PRICES) -> list[Event]:
        """Starts a session; orders for the opening auction trade at their symbol's price in `prices`, or end."""
        self._is_open = True
        for order in self._all():
            order.resting = False
        return self._auction(TimeInForce.OPG, prices, at)

    def on_quote(self, quote: Quote) -> list[Event]:
        """Shows a new best bid and ask. Raises BadInput BAD_QUOTE. Outside a session a quote changes nothing."""
        standing = Standing.of(quote)
        if not self._is_open:
            return []
        self._standing[quote.symbol] = standing
        book = self._books.get(quote.symbol)
        if book is None or not len(book):
            return []
        for order in book.waiting():
            self._show(order, standing.touch(buying=order.is_buy))
        return self._match(book, standing, quote.at)

    def on_print(self, trade: Print) -> list[Event]:
        """Shows a trade of the market. Raises BadInput BAD_PRINT. Outside a session a print changes nothing."""
        price, size = price_ticks(trade.price), quantity_units(trade.size, "size")
        if price <= 0 or size < 0:
            raise BadInput("BAD_PRINT", f"expected price > 0 and size >= 0, was {trade.price} x {trade.size}")
        book = self._books.get(trade.symbol)
        if not self._is_open or book is None or not len(book):
            return []
        events: list[Event] = []
        for buying in (True, False):
            for order in book.matchable(buying=buying):
                if not size or not order.resting or order.limit is None or not _is_through(order, price):
                    continue
                quantity = min(order.remaining, size)
                size -= quantity
                events.append(self._fill(order, order.limit, quantity, trade.at))
        triggered = [self._show(order, price) for order in book.waiting()]
        standing = self._standing.get(trade.symbol)
        if any(triggered) and standing is not None:
            events += self._match(book, standing, trade.at)
        return events

    def close_session(self, at: datetime, prices: Mapping[str, Decimal] = _NO_PRICES) -> list[Event]:
        """Ends a session: the closing auction at `prices`, then every order good for this session only expires."""
        events = self._auction(TimeInForce.CLS, prices, at)
        for order in self._all():
            if order.new.time_in_force in _THIS_SESSION:
                self._end(order.new.order_id, "expired")
                events.append(self._event("expired", order.new.order_id, at))
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
                events += self._match(self._books[symbol], standing, at)
        if time_in_force in _AT_ONCE and order.new.order_id in self._where:
            self._end(order.new.order_id, "canceled")
            events.append(self._event("canceled", order.new.order_id, at, "not filled at once"))
        return events

    def _match(self, book: Book, standing: Standing, at: datetime) -> list[Event]:
        events: list[Event] = []
        for buying in (True, False):
            touch = standing.touch(buying=buying)
            for order in book.matchable(buying=buying):
                if order.new.time_in_force in (TimeInForce.OPG, TimeInForce.CLS):
                    continue
                if not order.accepts(touch):
                    order.resting = True
                    continue
                quantity = min(order.remaining, standing.left(buying=buying))
                if quantity:
                    standing.take(quantity, buying=buying)
                    price = order.limit if order.resting and order.limit is not None else touch
                    events.append(self._fill(order, price, quantity, at))
        return events

    def _show(self, order: WorkingOrder, price: int) -> bool:
        if not observe(order, price):
            return False
        order.triggered = True
        order.rank = self._next_rank()
        return True

    def _auction(self, which: TimeInForce, prices: Mapping[str, Decimal], at: datetime) -> list[Event]:
        events: list[Event] = []
        for order in self._all():
            if order.new.time_in_force is not which:
                continue
            price = prices.get(order.new.symbol)
            if price is not None and order.accepts(price_ticks(price)):
                events.append(self._fill(order, price_ticks(price), order.remaining, at))
            elif which is TimeInForce.OPG:
                self._end(order.new.order_id, "expired")
                events.append(self._event("expired", order.new.order_id, at, "not filled in the opening auction"))
        return events

    def _fill(self, order: WorkingOrder, price: int, quantity: int, at: datetime) -> Fill:
        order.filled += quantity
        if not order.remaining:
            self._end(order.new.order_id, "filled")
        self._sequence += 1
        return Fill(
            sequence=self._sequence,
            order_id=order.new.order_id,
            symbol=order.new.symbol,
            price=price_of(price),
            quantity=quantity_of(quantity),
            cumulative=quantity_of(order.filled),
            leaves=quantity_of(order.remaining),
            at=at,
        )

    # --- keeping order ----------------------------------------------------------------------------------------------

    def _all(self) -> list[WorkingOrder]:
        return sorted((order for book in self._books.values() for order in book), key=lambda order: order.rank)

    def _add(self, order: WorkingOrder) -> None:
        self._books.setdefault(order.new.symbol, Book()).add(order)
        self._where[order.new.order_id] = order.new.symbol

    def _end(self, order_id: str, how: str) -> None:
        self._books[self._where.pop(order_id)].remove(order_id)
        self._ended[order_id] = how

    def _is_known(self, order_id: str) -> bool:
        return order_id in self._where or order_id in self._ended

    def _why_not(self, order_id: str) -> str:
        how = self._ended.get(order_id)
        return "the order is not known" if how is None else f"the order is already {how}"

    def _next_rank(self) -> int:
        self._rank += 1
        return self._rank

    def _event(self, kind: EventKind, order_id: str, at: datetime, reason: str | None = None) -> OrderEvent:
        self._sequence += 1
        return OrderEvent(self._sequence, kind, order_id, at, reason)


def _is_through(order: WorkingOrder, price: int) -> bool:
    return order.limit is not None and (price < order.limit if order.is_buy else price > order.limit)
