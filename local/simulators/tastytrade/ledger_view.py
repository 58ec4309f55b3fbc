"""The broker's position ledger: what it shows, which may lag what was filled, and when it changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from local.simulators.tastytrade.wire import NEW_YORK
from local.simulators.venue.account_ledger import AccountLedger
from local.simulators.venue.faults import Faults


@dataclass(slots=True)
class Note:
    """What is remembered of a position beside quantity and cost; `gain` is what was realized on `day`, per unit."""

    opened_at: datetime
    changed_at: datetime
    day: date
    gain: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Shown:
    """A position as it is shown: signed quantity, average price of opening."""

    symbol: str
    quantity: Decimal
    average: Decimal


class LedgerView:
    """Positions of one account. With the fault `position_lag` it shows what was before the last change."""

    def __init__(self, ledger: AccountLedger, faults: Faults) -> None:
        self._ledger, self._faults = ledger, faults
        self._notes: dict[str, Note] = {}
        self._present: dict[str, Shown] = {}
        self._before: dict[str, Shown] = {}

    def changed(self, symbol: str, price: Decimal | None, at: datetime) -> None:
        """The ledger has just booked something in a symbol; `price` per share where it was at one."""
        self._before = dict(self._present)
        old = self.present(symbol)
        self._present = {
            position.symbol: Shown(position.symbol, position.quantity, position.average)
            for position in self._ledger.positions()
        }
        change = self.present(symbol).quantity - old.quantity
        today = at.astimezone(NEW_YORK).date()
        note = self._notes.get(symbol)
        if note is None or not old.quantity:
            note = Note(at, at, today, note.gain if note is not None and note.day == today else Decimal(0))
        if note.day != today:
            note.day, note.gain = today, Decimal(0)
        if price is not None and old.quantity and (old.quantity > 0) != (change > 0):
            closed = min(abs(change), abs(old.quantity)) * (1 if old.quantity > 0 else -1)
            note.gain += closed * (price - old.average)
        note.changed_at = at
        self._notes[symbol] = note

    def shown(self) -> list[Shown]:
        """The positions of the list, by symbol; a lagging one counts as one look."""
        lagging = self._faults.take("position_lag", self._ledger.settings.account_id) is not None
        found = self._before if lagging else self._present
        return [found[symbol] for symbol in sorted(found)]

    def visible(self) -> Mapping[str, Decimal]:
        """Signed quantities as the checks of an order see them."""
        return {shown.symbol: shown.quantity for shown in self.shown()}

    def present(self, symbol: str) -> Shown:
        """The position as it is, flat where there is none."""
        return self._present.get(symbol) or Shown(symbol, Decimal(0), Decimal(0))

    def note(self, symbol: str) -> Note | None:
        return self._notes.get(symbol)
