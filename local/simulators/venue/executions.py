"""Booking what the exchange has traded: on the order, in the ledger, and told to whoever listens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from functions.backtest.exchange_events import Fill
from functions.core.identity import named_uuid
from functions.core.money import text
from local.simulators.venue.account_ledger import AccountLedger
from local.simulators.venue.clock import TapeClock
from local.simulators.venue.desk_events import DeskEvent, Kind, Listener
from local.simulators.venue.desk_order import DeskFill, DeskOrder
from local.simulators.venue.desk_rules import DeskRules
from local.simulators.venue.exchange_orders import parts
from local.simulators.venue.faults import Faults
from local.simulators.venue.refusal import DeskRefusal


class Executions:
    """Of one account. Legs that are told one by one wait here; money and positions move when they are told."""

    def __init__(
        self,
        ledger: AccountLedger,
        rules: DeskRules,
        clock: TapeClock,
        faults: Faults,
        *,
        numbers: Iterator[int],
        listener: Listener,
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._clock = clock
        self._faults = faults
        self._numbers = numbers
        self._listener = listener
        self._late: list[tuple[DeskOrder, Fill]] = []
        self._told_by_leg: set[int] = set()

    def take(self, order: DeskOrder, fill: Fill) -> None:
        """Books a fill; a later leg of an execution that is told leg by leg waits."""
        order.done_at_exchange = not fill.leaves
        if order.is_multi_leg:
            if not fill.leg and self._leg_by_leg(order):
                self._told_by_leg.add(fill.sequence)
            if fill.leg and fill.sequence - fill.leg in self._told_by_leg:
                self._late.append((order, fill))
                return
        self._book_parts(order, fill)

    def tell_late(self) -> bool:
        """Tells the next leg that waits, of every order; whether there was one."""
        told: set[str] = set()
        waiting, self._late = self._late, []
        for order, fill in waiting:
            if order.id in told:
                self._late.append((order, fill))
            else:
                told.add(order.id)
                self._book_parts(order, fill)
        return bool(told)

    def take_back(self, order: DeskOrder, fill: DeskFill, price: Decimal | None = None) -> DeskEvent:
        """The exchange busts an execution of an order that is over, or says that its price was another.

        Raises DeskRefusal not_cancelable while the order works: what is left of it would be counted anew.
        """
        if order.is_open:
            raise DeskRefusal("not_cancelable", "an execution is changed once its order is over", symbol=order.symbol)
        leg, at = order.legs[fill.leg], self._clock.stamp()
        corrected = None if price is None else replace(fill, price=price)
        leg.paid += (corrected.quantity * corrected.price if corrected else 0) - fill.quantity * fill.price
        if corrected is None:
            leg.filled -= fill.quantity
        leg.fills = [one for one in (corrected if known is fill else known for known in leg.fills) if one is not None]
        order.updated_at = at
        self._ledger.take_back(fill, corrected, at)
        kind: Kind = "bust" if corrected is None else "correction"
        event = DeskEvent(kind, self._ledger.settings.account_id, order, at, fill=corrected or fill)
        self._listener(event)
        return event

    def _leg_by_leg(self, order: DeskOrder) -> bool:
        fault = self._faults.take("leg_by_leg", self._ledger.settings.account_id, order.symbol)
        return self._rules.leg_by_leg or fault is not None

    def _book_parts(self, order: DeskOrder, fill: Fill) -> None:
        for part in parts(fill, order.parts_at_once, order.legs[fill.leg].ratio):
            self._book(order, part)

    def _book(self, order: DeskOrder, fill: Fill) -> None:
        leg, at = order.legs[fill.leg], self._clock.stamp()
        made = DeskFill(
            id=self._name(order, fill),
            number=next(self._numbers),
            order_id=order.id,
            leg=fill.leg,
            symbol=fill.symbol,
            side=leg.side,
            quantity=fill.quantity,
            price=fill.price,
            cumulative=fill.cumulative,
            leaves=fill.leaves,
            at=at,
            fee=self._ledger.fee_of(leg.side, fill.symbol, fill.quantity, fill.price, opening=leg.effect == "open"),
            group=fill.sequence - fill.leg,
        )
        leg.filled = fill.cumulative
        leg.paid += fill.quantity * fill.price
        leg.fills.append(made)
        order.updated_at = at
        done = all(not one.remaining for one in order.legs)
        if done:
            order.state, order.filled_at = "filled", at
        elif order.is_open and order.state != "cancel_pending":
            # A leg may be told after its order was canceled for the rest: that stays as it ended.
            order.state = "partially_filled"
        self._ledger.fill(made, fee_at_once=self._rules.fees_at == "fill")
        kind: Kind = "fill" if done else "partial_fill"
        self._listener(DeskEvent(kind, self._ledger.settings.account_id, order, at, fill=made))

    def _name(self, order: DeskOrder, fill: Fill) -> str:
        """The same in every replay."""
        more = (fill.leg,) if order.is_multi_leg else ()
        return str(named_uuid(f"{self._rules.name}-execution", order.id, text(fill.cumulative), *more))
