"""An account kept in memory, and of it the very book that the ledger makes for an order: so one code judges both.

It is told of orders, executions, quotes and marks in the order of their times, and keeps what the rules ask for as it
changes: nothing is summed anew for an order but what the rules themselves sum over what is open.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from functions.backtest.account.closings import ClosedLately
from functions.backtest.account.day_trades import DayTrades
from functions.backtest.account.days import Day, Days
from functions.backtest.account.exposure import Exposures
from functions.backtest.account.facts import order_facts, portfolio_facts, with_dates
from functions.backtest.account.holdings import MANUAL, Heap, Holding
from functions.backtest.account.money import CashAccount
from functions.backtest.account.order_log import OrderLog
from functions.backtest.account.placed import Placed, Working
from functions.backtest.account.results import Won
from functions.backtest.exchange_events import Event, Fill, OrderEvent, Reduced
from functions.core.errors import BadInput
from functions.core.instruments import is_option
from functions.core.market_calendar import Calendar
from functions.risk.book import Book, Exposure, Gate, Mark, Package, ProposedOrder
from functions.risk.facts.market import MarketFacts, Quote, Turnover
from functions.risk.facts.results import ResultFacts, ScopeResult
from functions.risk.limit_kinds import LIMIT_KINDS
from functions.risk.limits import Limit, Limits, Scope
from functions.risk.watch.measuring import LOSSES, Measured, measured

_ENDS = ("canceled", "expired", "rejected")
_PROTECTIONS = frozenset(name for name, kind in LIMIT_KINDS.items() if kind.family == "protection")
_NOBODY = Won()


class RunningBook:
    """One account of one user. `account` is None where no broker's rules and no money are to be held to.

    What `book()` gives looks at what is kept here: it is good until something else is told. Raises BadInput where what
    is told cannot be.
    """

    def __init__(
        self, calendar: Calendar, account: CashAccount | None = None, sectors: Mapping[str, str] | None = None
    ) -> None:
        self.account = account
        self.sectors = dict(sectors or {})
        self.turnover: Turnover | None = None
        self.marks: dict[str, Mark] = {}
        self.quotes: dict[str, Quote] = {}
        self.bars_until: dict[str, datetime] = {}
        self.holdings: dict[str, Holding] = {}
        self.exposures = Exposures()
        self.log = OrderLog()
        self.day_trades = DayTrades()
        self._days = Days(calendar)
        self._opens = [session.opens_at for session in calendar.sessions]
        self._sessions_begun = -1
        self._closed = ClosedLately()
        self._orders: dict[str, Working] = {}
        self._won = Won()
        self._strategies_won: dict[str, Won] = defaultdict(Won)
        self._gates: dict[str, tuple[Gate, str | None]] = {}
        self._at: datetime | None = None

    # --- what the market says ---------------------------------------------------------------------------------------

    def quote(self, symbol: str, quote: Quote) -> None:
        """The newest quote of a symbol: what an order in it is valued by. It marks nothing."""
        self._advance(quote.quoted_at)
        self.quotes[symbol] = quote

    def mark(self, symbol: str, mark: Mark, *, bar: bool = False) -> None:
        """What a symbol is worth: `bar` says that it is the close of a completed bar, which ended then."""
        self._advance(mark.quoted_at)
        self.marks[symbol] = mark
        if bar:
            self.bars_until[symbol] = mark.quoted_at
        holding = self.holdings.get(symbol)
        if holding is not None:
            self._value(symbol, holding)

    def record(self, at: datetime) -> None:
        """All marks of a moment are told: what everybody has won by then counts for the best and for the day."""
        day = self._advance(at).session_day
        self._won.record(day)
        for won in self._strategies_won.values():
            won.record(day)

    def moved(self, amount: Decimal, at: datetime) -> None:
        """A deposit in dollars, or a withdrawal below zero."""
        self._advance(at)
        if self.account is not None:
            self.account.moved(amount)

    # --- what becomes of orders -------------------------------------------------------------------------------------

    def refused(self, placed: Placed) -> None:
        """An order was placed, and denied by the rules."""
        self._advance(placed.order.event_time)
        self.log.placed(placed)

    def approved(self, placed: Placed, quantity: Decimal | None = None) -> Placed:
        """An order was placed and works from now on, cut where a quantity is said; returns it as it works."""
        day = self._advance(placed.order.event_time)
        if placed.order_id in self._orders:
            raise BadInput("BAD_ORDER", f"the order id {placed.order_id} works already", field="order_id")
        if quantity is not None:
            placed = placed.of_quantity(quantity)
        self.log.placed(placed)
        order = Working(placed, placed.order.event_time, since_open=True)
        self._orders[placed.order_id] = order
        for leg in placed.order.legs:
            self.exposures.works(order, leg, leg.quantity)
        self.log.approved(order, day)
        return placed

    def ended(self, order_id: str, how: str, at: datetime) -> None:
        """A working order was canceled, expired, or rejected by the exchange; one that is over stays as it ended."""
        day = self._advance(at)
        order = self._orders.get(order_id)
        if order is None:
            return
        for leg in order.placed.order.legs:
            left = order.left(leg)
            if left:
                self.exposures.works(order, leg, -left)
        self._over(order, how, day)

    def filled(
        self, order_id: str, symbol: str, quantity: Decimal, price: Decimal, at: datetime, fee: Decimal = Decimal(0)
    ) -> None:
        """An execution of a working order: shares or contracts, dollars a unit."""
        day = self._advance(at)
        order = self._orders.get(order_id)
        leg = None if order is None else next((one for one in order.placed.order.legs if one.symbol == symbol), None)
        if order is None or leg is None:
            raise BadInput("UNKNOWN_ORDER", f"no working order {order_id} trades {symbol}", order=order_id)
        placed, signed = order.placed, leg.sign * quantity
        left = order.left(leg)
        order.filled[symbol] = order.filled.get(symbol, Decimal(0)) + quantity
        self.exposures.works(order, leg, -min(quantity, left))
        holding = self.holdings.get(symbol)
        if holding is None:
            holding = self.holdings[symbol] = Holding(leg.multiplier)
        self.day_trades.filled(day, order_id, symbol, holding.account.quantity, signed)
        closed = holding.fill(order_id, placed.strategy or MANUAL, signed, price, fee)
        self.exposures.held(order, symbol, signed)
        if closed:
            self._closed.add(placed, symbol, closed, at)
        if self.account is not None:
            self.account.paid(signed, price, leg.multiplier, fee, since_open=order.since_open)
        self._value(symbol, holding)
        if order.is_filled:
            self._over(order, "filled", day)
        self.record(at)

    def hear(self, events: Iterable[Event]) -> None:
        """What the matching engine says. A replacement is a new order: cancel the old one, and judge the other."""
        for event in events:
            if isinstance(event, Fill):
                self.filled(event.order_id, event.symbol, event.quantity, event.price, event.at)
            elif isinstance(event, OrderEvent):
                if event.kind in _ENDS:
                    self.ended(event.order_id, event.kind, event.at)
            elif isinstance(event, Reduced):
                self._reduced(event.order_id, event.quantity, event.at)
            else:
                reason = f"{event.order_id} was replaced: cancel it, and have the other one judged"
                raise BadInput("REPLACEMENT_NOT_JUDGED", reason, order=event.order_id)

    def _reduced(self, order_id: str, quantity: Decimal, at: datetime) -> None:
        """An alternative of an order was filled in part: less of it works."""
        self._advance(at)
        order = self._orders.get(order_id)
        if order is None:
            return
        for leg in order.placed.order.legs:
            self.exposures.works(order, leg, -order.left(leg))
        order.placed = order.placed.of_quantity(quantity)
        for leg in order.placed.order.legs:
            self.exposures.works(order, leg, order.left(leg))

    def _over(self, order: Working, how: str, day: Day) -> None:
        del self._orders[order.placed.order_id]
        self._closed.over(order.placed.order_id)
        self.log.over(order, how, day)

    # --- gates ------------------------------------------------------------------------------------------------------

    def close_gate(self, scope: Scope, strategy: str | None = None) -> None:
        """No entries in a scope from now on."""
        key = scope if strategy is None else f"{scope}:{strategy}"
        self._gates[key] = (Gate(scope, key), strategy)

    def open_gate(self, scope: Scope, strategy: str | None = None) -> None:
        """Entries are taken again."""
        self._gates.pop(scope if strategy is None else f"{scope}:{strategy}", None)

    # --- what is asked ----------------------------------------------------------------------------------------------

    def book(self, placed: Placed, limits: Limits) -> Book:
        """What the rules look at for an order that is about to be placed, at its event time."""
        order, strategy = placed.order, placed.strategy
        at = order.event_time
        day = self._advance(at)
        quotes = {leg.symbol: self.quotes[leg.symbol] for leg in order.legs if leg.symbol in self.quotes}
        exposures = self._exposures(strategy)
        market = MarketFacts(
            buying_back=self.exposures.buying_back,
            quotes=quotes,
            turnover=self.turnover or Turnover(),
            dates=with_dates(order, day),
            bars_until=self.bars_until,
        )
        book = Book(
            exposures=exposures,
            marks=self._marks(order, quotes, exposures),
            sessions=day.sessions,
            closed_gates=self._closed_gates(strategy),
            packages=self._packages(strategy),
            account=None if self.account is None else self.account.facts(self.exposures.then),
            orders=order_facts(self, placed, limits, day),
            market=market,
            results=None if limits.names.isdisjoint(LOSSES) else ResultFacts(scopes=self._lost(at, strategy, limits)),
            closed=None if limits.names.isdisjoint(_PROTECTIONS) else self._closed.facts(at, strategy),
        )
        return portfolio_facts(self, book, order, limits.names)

    def measured(self, limits: Limits, strategy: str | None, at: datetime) -> Iterator[tuple[Limit, Measured]]:
        """Every limit on results, and how it stands: as the watch measures it after the trade."""
        scopes = self._lost(at, strategy, limits)
        for name in LOSSES:
            for limit in limits.of(name):
                if limit.scope in scopes:
                    yield limit, measured(limit, scopes[limit.scope])

    def options_open(self) -> Iterator[tuple[str, str, str]]:
        """What each order has opened in options, held or working: its id, whose it is, and the symbol."""
        for symbol, holding in self.holdings.items():
            if is_option(symbol):
                for lot in holding.lots:
                    yield lot.opened_by, lot.owner, symbol
        for order in self._orders.values():
            if not order.placed.order.reduce_only:
                for leg in order.placed.order.legs:
                    if leg.kind == "option" and order.left(leg):
                        yield order.placed.order_id, order.placed.strategy or MANUAL, leg.symbol

    def _exposures(self, strategy: str | None) -> Mapping[Scope, Exposure]:
        own = self.exposures.account.open
        scopes: dict[Scope, Exposure] = {"account": own, "user": own, "global": own}
        if strategy is not None:
            scopes["strategy"] = self.exposures.of(strategy).open
        return scopes

    def _packages(self, strategy: str | None) -> Mapping[Scope, tuple[Package, ...]]:
        own = self.exposures.account.packages
        scopes: dict[Scope, tuple[Package, ...]] = {"account": own, "user": own, "global": own}
        if strategy is not None:
            scopes["strategy"] = self.exposures.of(strategy).packages
        return scopes

    def _marks(
        self, order: ProposedOrder, quotes: Mapping[str, Quote], scopes: Mapping[Scope, Exposure]
    ) -> dict[str, Mark]:
        """Of what is open, or was when the account was looked at; what is ordered is valued by its quote."""
        known = self.marks
        found = {symbol: known[symbol] for symbol in self.exposures.account.open if symbol in known}
        # What two strategies hold against each other is open in theirs, and not in the account.
        for more in (self.exposures.then.open, scopes.get("strategy", {})):
            for symbol in more:
                if symbol not in found and symbol in known:
                    found[symbol] = known[symbol]
        for leg in order.legs:
            quote = quotes.get(leg.symbol)
            if quote is not None:
                found[leg.symbol] = quote.mark
            else:
                found.pop(leg.symbol, None)
        return found

    def _lost(self, at: datetime, strategy: str | None, limits: Limits) -> dict[Scope, ScopeResult]:
        """Of the scopes that a limit on results asks for."""
        day = self._advance(at)
        session = day.calendar.at(at)
        found: dict[Scope, ScopeResult] = {}
        for scope in {limit.scope for name in LOSSES for limit in limits.of(name)}:
            own = scope == "strategy"
            if own and strategy is None:
                continue
            won = self._strategies_won.get(strategy or "", _NOBODY) if own else self._won
            found[scope] = won.result(at, day.session_day, session)
        return found

    def _closed_gates(self, strategy: str | None) -> tuple[Gate, ...]:
        if not self._gates:
            return ()
        return tuple(gate for _, (gate, whose) in sorted(self._gates.items()) if whose in (None, strategy))

    # --- keeping ----------------------------------------------------------------------------------------------------

    def _value(self, symbol: str, holding: Holding) -> None:
        mark = self.marks.get(symbol)
        self._won.value(symbol, holding.account, holding.multiplier, mark)
        for owner, heap in holding.owners.items():
            if owner != MANUAL:
                self._strategies_won[owner].value(symbol, heap, holding.multiplier, mark)

    def _advance(self, at: datetime) -> Day:
        """Time goes on; when a session has opened the account is looked at, before anything is done in it."""
        if self._at is not None and at < self._at:
            raise BadInput("BAD_TIME", f"what is told comes in the order of its time, {at} came after {self._at}")
        if self._at is not at:
            self._at = at
            begun = bisect_right(self._opens, at) - 1
            if begun != self._sessions_begun or (self.account is not None and self.account.looked is None):
                self._look(self._opens[begun] if begun != self._sessions_begun else at)
                self._sessions_begun = begun
        return self._days.at(at)

    def _look(self, at: datetime) -> None:
        for order in self._orders.values():
            order.since_open = False
        self.exposures.look()
        if self.account is not None:
            self.account.look(at, self.exposures.account, self.holdings, self.marks)

    def position(self, strategy: str, symbol: str) -> Heap:
        """What a strategy holds of a symbol, at average cost."""
        holding = self.holdings.get(symbol)
        found = None if holding is None else holding.owners.get(strategy)
        return found or Heap()
