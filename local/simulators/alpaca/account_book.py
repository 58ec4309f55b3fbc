"""What an account holds: cash, positions, fees owed, and its equity at each close."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from functions.backtest.exchange_events import Fill
from functions.backtest.orders import Side
from local.simulators.alpaca.activities import Activity, fee_activity, fill_activity
from local.simulators.alpaca.order_record import OrderRecord
from local.simulators.venue.account_settings import AccountSettings
from local.simulators.venue.fees import charged
from local.simulators.venue.positions import Position
from local.simulators.venue.prices import Prices


class AccountBook:
    """Dollars and shares of one account. Only fills and fees move anything."""

    def __init__(self, settings: AccountSettings) -> None:
        self.settings = settings
        self.cash = settings.cash
        self.accrued_fees = Decimal(0)
        self.activities: list[Activity] = []
        self.last_equity = settings.cash
        self.closes: list[tuple[date, Decimal]] = []
        self._positions: dict[str, Position] = {}

    def position(self, symbol: str) -> Position:
        """The position, flat where there is none."""
        return self._positions.setdefault(symbol, Position(symbol))

    def positions(self) -> list[Position]:
        """What is not flat, by symbol."""
        return [position for _, position in sorted(self._positions.items()) if position.quantity]

    def fill(self, record: OrderRecord, fill: Fill, at: datetime) -> None:
        """Books a fill; `record` is the order after it."""
        sign = 1 if record.new.side is Side.BUY else -1
        self.cash -= sign * fill.quantity * fill.price
        self.position(fill.symbol).apply(sign * fill.quantity, fill.price)
        self.accrued_fees += self.settings.fees.of(record.new.side, fill.quantity, fill.price)
        self.activities.append(fill_activity(record, fill, at))

    def value(self, position: Position, prices: Prices) -> Decimal:
        """Signed market value; at cost where nothing was ever quoted."""
        mark = prices.mark(position.symbol)
        return position.cost if mark is None else position.quantity * mark

    def equity(self, prices: Prices) -> Decimal:
        return self.cash + sum((self.value(position, prices) for position in self.positions()), Decimal(0))

    def exposure(self, prices: Prices) -> Decimal:
        """Long and short market value, both counted up."""
        return sum((abs(self.value(position, prices)) for position in self.positions()), Decimal(0))

    def collect_fees(self, at: datetime) -> None:
        """Takes the day's fees from cash, as one activity."""
        amount = charged(self.accrued_fees)
        self.accrued_fees = Decimal(0)
        if amount:
            self.cash -= amount
            self.activities.append(fee_activity(self.settings.account_id, amount, at))

    def close_day(self, day: date, prices: Prices) -> None:
        """Remembers the equity at a close."""
        self.last_equity = self.equity(prices)
        self.closes.append((day, self.last_equity))
