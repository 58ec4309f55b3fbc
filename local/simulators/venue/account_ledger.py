"""What an account holds: cash, positions, fees owed, what is not settled yet, and everything that moved them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from functions.backtest.orders import Side
from functions.core.identity import named_uuid
from functions.core.money import divided
from functions.core.options.margin import Holding, Requirement, by_underlying, requirement
from functions.core.options.settlement import Settlement
from local.simulators.venue.account_settings import AccountSettings
from local.simulators.venue.activity import Activity, ActivityKind
from local.simulators.venue.desk_order import DeskFill
from local.simulators.venue.fees import charged
from local.simulators.venue.positions import Position
from local.simulators.venue.quotes import Quotes

UNCOVERED_LEVEL = 4


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Proceeds that are cash already, and may be spent without a violation from `settles_at` on."""

    settles_at: datetime
    amount: Decimal


class AccountLedger:
    """Dollars, shares and contracts of one account. Every change is an activity.

    `settles_at` says when a trade made at a moment settles; `numbers` counts the venue's activities.
    """

    def __init__(
        self,
        settings: AccountSettings,
        quotes: Quotes,
        *,
        numbers: Iterator[int],
        settles_at: Callable[[datetime], datetime],
    ) -> None:
        self.settings = settings
        self.cash = settings.cash
        self.accrued_fees = Decimal(0)
        self.activities: list[Activity] = []
        self.last_equity = settings.cash
        self.closes: list[tuple[date, Decimal]] = []
        self.told_from: datetime | None = None
        """Where set, activities besides fills show from then on only."""
        self._quotes = quotes
        self._numbers = numbers
        self._settles_at = settles_at
        self._unsettled: list[Unsettled] = []
        self._noted = 0
        self._positions: dict[str, Position] = {}

    def position(self, symbol: str) -> Position:
        """The position, flat where there is none."""
        return self._positions.setdefault(symbol, Position(symbol))

    def positions(self) -> list[Position]:
        """What is not flat, by symbol."""
        return [position for _, position in sorted(self._positions.items()) if position.quantity]

    # --- what moves it ----------------------------------------------------------------------------------------------

    def fee_of(self, side: Side, symbol: str, quantity: Decimal, price: Decimal, *, opening: bool) -> Decimal:
        """What a fill costs by the account's schedule, exact."""
        multiplier = self._quotes.multiplier(symbol)
        return self.settings.fees.charge(side, quantity, price, multiplier=multiplier, opening=opening).total

    def fill(self, fill: DeskFill, *, fee_at_once: bool) -> Activity:
        """Books an execution; the fee is taken at once, or owed until the close."""
        sign = 1 if fill.side is Side.BUY else -1
        amount = -sign * fill.quantity * fill.price * self._quotes.multiplier(fill.symbol)
        self._receive(amount, fill.at)
        self.position(fill.symbol).apply(sign * fill.quantity, fill.price)
        if fee_at_once:
            self.cash -= fill.fee
        else:
            self.accrued_fees += fill.fee
        return self._note(
            "fill",
            fill.at,
            amount - fill.fee if fee_at_once else amount,
            fill.symbol,
            sign * fill.quantity,
            fill.price,
            fill=fill,
            at_once=True,
        )

    def take_back(self, fill: DeskFill, corrected: DeskFill | None, at: datetime) -> None:
        """An execution did not happen, or happened otherwise: cash, position and the list of activities follow."""
        for done, sign in ((fill, -1), (corrected, 1)):
            if done is not None:
                bought = sign * (done.quantity if done.side is Side.BUY else -done.quantity)
                self._receive(-bought * done.price * self._quotes.multiplier(done.symbol), at)
                self.position(done.symbol).apply(bought, done.price)
        self.activities = [
            replace(activity, fill=corrected) if corrected is not None and activity.fill is fill else activity
            for activity in self.activities
            if corrected is not None or activity.fill is not fill
        ]

    def settle(self, settlement: Settlement, at: datetime) -> list[Activity]:
        """Books an exercise, assignment or expiry, and the shares that it moves."""
        number = self._noted + 1
        held = self.position(settlement.symbol)
        held.apply(settlement.contracts, Decimal(0) if settlement.price is None else held.average)
        rows = [
            self._note(
                settlement.kind,
                at,
                Decimal(0),
                settlement.symbol,
                settlement.contracts,
                settlement.price,
                underlying=settlement.underlying,
                group=number,
            )
        ]
        if settlement.shares:
            self._receive(settlement.cash, at)
            self.position(settlement.underlying).apply(settlement.shares, settlement.price or Decimal(0))
            rows.append(
                self._note(
                    "delivery",
                    at,
                    settlement.cash,
                    settlement.underlying,
                    settlement.shares,
                    settlement.price,
                    underlying=settlement.underlying,
                    group=number,
                )
            )
        return rows

    def move_cash(self, kind: ActivityKind, amount: Decimal, at: datetime, symbol: str | None = None) -> Activity:
        """A dividend, interest, deposit, withdrawal or fee; `amount` signed."""
        self.cash += amount
        return self._note(kind, at, amount, symbol)

    def split(self, symbol: str, numerator: Decimal, denominator: Decimal, at: datetime) -> Activity:
        """`numerator` shares for each `denominator` held; what they cost in all stays."""
        held = self.position(symbol)
        before = held.quantity
        held.quantity = divided(before * numerator, denominator)
        return self._note(
            "split", at, Decimal(0), symbol, held.quantity - before, numerator=numerator, denominator=denominator
        )

    def collect_fees(self, at: datetime) -> Activity | None:
        """Takes the day's fees from cash, as one activity; None where none are owed."""
        amount = charged(self.accrued_fees)
        self.accrued_fees = Decimal(0)
        return self.move_cash("fee", -amount, at) if amount else None

    def close_day(self, day: date) -> None:
        """Remembers the equity at a close."""
        self.last_equity = self.equity()
        self.closes.append((day, self.last_equity))

    # --- what it is worth -------------------------------------------------------------------------------------------

    def value(self, position: Position) -> Decimal:
        """Signed market value; at cost where nothing was ever quoted."""
        mark = self._quotes.mark(position.symbol)
        worth = position.cost if mark is None else position.quantity * mark
        return worth * self._quotes.multiplier(position.symbol)

    def equity(self) -> Decimal:
        """Cash and everything held."""
        return self.cash + sum((self.value(position) for position in self.positions()), Decimal(0))

    def settled_cash(self, now: datetime) -> Decimal:
        """Cash without the proceeds that have not settled."""
        self._unsettled = [one for one in self._unsettled if one.settles_at > now]
        return self.cash - sum((one.amount for one in self._unsettled), Decimal(0))

    def share_positions(self) -> list[Position]:
        return [position for position in self.positions() if self._quotes.option(position.symbol) is None]

    def option_positions(self) -> list[Position]:
        return [position for position in self.positions() if self._quotes.option(position.symbol) is not None]

    def exposure(self) -> Decimal:
        """Long and short market value of shares, both counted up."""
        return sum((abs(self.value(position)) for position in self.share_positions()), Decimal(0))

    def option_requirement(self, changes: dict[str, Decimal] | None = None) -> dict[str, Requirement]:
        """What the options require, by underlying; `changes` are contracts by symbol added in thought."""
        quantities = {position.symbol: position.quantity for position in self.option_positions()}
        for symbol, change in (changes or {}).items():
            quantities[symbol] = quantities.get(symbol, Decimal(0)) + change
        holdings = [
            Holding(option, quantity, self._quotes.mark(symbol) or Decimal(0))
            for symbol, quantity in sorted(quantities.items())
            if quantity and (option := self._quotes.option(symbol)) is not None
        ]
        return {
            root: requirement(
                of_root,
                shares=self.position(root).quantity,
                spot=self._quotes.options.spot(root) or Decimal(0),
                uncovered=self.settings.options_level >= UNCOVERED_LEVEL,
            )
            for root, of_root in by_underlying(holdings).items()
        }

    def carrying(self) -> Decimal:
        """What shares may be held with: cash and shares at value, less what the options require."""
        shares = sum((self.value(position) for position in self.share_positions()), Decimal(0))
        required = sum((one.amount for one in self.option_requirement().values()), Decimal(0))
        return self.cash + shares - required

    def shown(self, now: datetime) -> list[Activity]:
        """The activities that the broker shows by now, in the order they happened."""
        return [activity for activity in self.activities if activity.visible_at <= now]

    def _receive(self, amount: Decimal, at: datetime) -> None:
        self.cash += amount
        if amount > 0:
            self._unsettled.append(Unsettled(self._settles_at(at), amount))

    def _note(
        self,
        kind: ActivityKind,
        at: datetime,
        amount: Decimal,
        symbol: str | None = None,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        *,
        underlying: str | None = None,
        fill: DeskFill | None = None,
        group: int | None = None,
        numerator: Decimal | None = None,
        denominator: Decimal | None = None,
        at_once: bool = False,
    ) -> Activity:
        self._noted += 1
        activity = Activity(
            id=str(named_uuid("venue-activity", self.settings.account_id, self._noted)),
            number=next(self._numbers),
            kind=kind,
            at=at,
            visible_at=at if at_once or self.told_from is None else max(at, self.told_from),
            amount=amount,
            symbol=symbol,
            quantity=quantity,
            price=price,
            underlying=underlying,
            fill=fill,
            group=group,
            numerator=numerator,
            denominator=denominator,
        )
        self.activities.append(activity)
        return activity
