"""Matching orders of several legs at their legs' standing quotes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from functions.backtest.exchange_events import Event
from functions.backtest.market import Standing
from functions.backtest.orders import Side, TimeInForce
from functions.backtest.packages import WorkingPackage
from functions.backtest.register import Register
from functions.backtest.telling import Teller
from functions.backtest.ticks import QUANTITY_SCALE


class PackageMatching:
    """Works on the exchange's own register and quotes."""

    def __init__(self, register: Register, tell: Teller, standing: Mapping[str, Standing]) -> None:
        self._register = register
        self._tell = tell
        self._standing = standing

    def take(self, package: WorkingPackage, at: datetime, *, is_open: bool) -> list[Event]:
        """Accepts an admitted package and, in a session, matches it."""
        order_id, time_in_force = package.new.order_id, package.new.time_in_force
        self._register.packages[order_id] = package
        events: list[Event] = [self._tell.event("accepted", order_id, at)]
        fits = package.fillable(self._standing) == package.remaining
        if is_open and (time_in_force is not TimeInForce.FOK or fits):
            events += self.match(package, at)
        if time_in_force in (TimeInForce.IOC, TimeInForce.FOK) and order_id in self._register.packages:
            self._register.end(order_id, "canceled")
            events.append(self._tell.event("canceled", order_id, at, "not filled at once"))
        return events

    def put_in_place(self, old: WorkingPackage, new: WorkingPackage, at: datetime, *, is_open: bool) -> list[Event]:
        """Ends a package and lets another work in its place."""
        self._register.end(old.new.order_id, "replaced")
        self._register.packages[new.new.order_id] = new
        events: list[Event] = [self._tell.replaced(old.new.order_id, new.new.order_id, Decimal(new.new.quantity), at)]
        return events + (self.match(new, at) if is_open else [])

    def match(self, package: WorkingPackage, at: datetime) -> list[Event]:
        """Trades so many units as the quotes carry now."""
        units = package.fillable(self._standing)
        if package.new.most_per_fill is not None and package.new.time_in_force is not TimeInForce.FOK:
            units = min(units, package.new.most_per_fill)
        if not units:
            return []
        for leg in package.new.legs:
            self._standing[leg.symbol].take(units * leg.ratio * QUANTITY_SCALE, buying=leg.side is Side.BUY)
        return self._fill(package, units, at)

    def fill_now(self, package: WorkingPackage, at: datetime) -> list[Event]:
        """Trades all that is left at the quotes, whatever size they show; nothing where one is missing."""
        return [] if package.net(self._standing) is None else self._fill(package, package.remaining, at)

    def _fill(self, package: WorkingPackage, units: int, at: datetime) -> list[Event]:
        package.filled += units
        events: list[Event] = []
        for index, leg in enumerate(package.new.legs):
            price = self._standing[leg.symbol].touch(buying=leg.side is Side.BUY)
            events.append(self._tell.leg_fill(package, index, price, units, at))
        if not package.remaining:
            self._register.end(package.new.order_id, "filled")
        return events
