"""Exercise, assignment and expiry of one account's options, on request and by the calendar."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal

from functions.core.instruments import OptionSymbol
from functions.core.money import text
from functions.core.options.payoff import intrinsic
from functions.core.options.settlement import AUTO_EXERCISE_AT, at_expiry, delivered
from local.simulators.venue.activity import Activity
from local.simulators.venue.clock import TapeClock
from local.simulators.venue.desk import OrderDesk
from local.simulators.venue.positions import Position
from local.simulators.venue.refusal import DeskRefusal

_CENT = Decimal("0.01")
_MOST_PERCENT = 100


class OptionSettling:
    """Activities are returned as they are booked; `seed` decides early assignments alone."""

    def __init__(self, desk: OrderDesk, clock: TapeClock, seed: int = 0) -> None:
        self._desk = desk
        self._clock = clock
        self._dice = random.Random(seed)  # noqa: S311 - a repeatable dice, not a secret
        self._not_exercised: set[str] = set()

    def exercise(self, symbol: str, contracts: Decimal | None = None) -> list[Activity]:
        """Exercises long contracts, all where not said. Raises DeskRefusal no_position or cannot_exercise."""
        option, held = self._held(symbol)
        quantity = held.quantity if contracts is None else contracts
        in_orders, _ = self._desk.held(symbol)
        if not 0 < quantity <= held.quantity - in_orders or quantity % 1:
            raise DeskRefusal(
                "cannot_exercise", f"{text(held.quantity - in_orders)} contracts can be exercised", symbol=symbol
            )
        if not self._can_carry(option, quantity):
            raise DeskRefusal("cannot_exercise", "the account cannot carry the shares", symbol=symbol)
        return self._desk.ledger.settle(delivered(option, quantity), self._clock.stamp())

    def do_not_exercise(self, symbol: str) -> None:
        """Keeps long contracts from being exercised at expiry. Raises DeskRefusal no_position."""
        self._held(symbol)
        self._not_exercised.add(symbol)

    def assign(self, symbol: str, contracts: Decimal | None = None) -> list[Activity]:
        """Assigns short contracts now, all where not said. Raises DeskRefusal no_position or cannot_exercise."""
        option, held = self._held(symbol)
        quantity = -held.quantity if contracts is None else contracts
        if held.quantity > 0 or not 0 < quantity <= -held.quantity or quantity % 1:
            raise DeskRefusal("cannot_exercise", f"{text(-held.quantity)} contracts are short", symbol=symbol)
        return self._desk.ledger.settle(delivered(option, -quantity), self._clock.stamp())

    def close(self, day: date) -> list[Activity]:
        """After a session: what expires is settled, and shorts in the money may be assigned early."""
        rows: list[Activity] = []
        # Shorts first: what they are assigned pays for, or is delivered by, the longs that cover them.
        for held in sorted(self._desk.ledger.option_positions(), key=lambda held: (held.quantity > 0, held.symbol)):
            option = OptionSymbol.parse(held.symbol)
            spot = self._desk.quotes.prices.mark(option.root)
            if spot is None:
                continue
            if option.expiry <= day:
                self._desk.expire_contract(held.symbol)
                rows += self._expire(option, held, spot, day)
            elif held.quantity < 0 and intrinsic(option, spot) >= AUTO_EXERCISE_AT and self._strikes():
                rows += self._desk.ledger.settle(delivered(option, held.quantity), self._clock.stamp())
        return rows

    def _expire(self, option: OptionSymbol, held: Position, spot: Decimal, day: date) -> list[Activity]:
        wanted = held.symbol not in self._not_exercised
        in_the_money = intrinsic(option, spot) >= AUTO_EXERCISE_AT
        if held.quantity > 0 and wanted and in_the_money and not self._can_carry(option, held.quantity):
            # The broker sells what the account could not carry, rather than let its value expire.
            self._desk.close_out(held.symbol, max(intrinsic(option, spot).quantize(_CENT), _CENT))
            return []
        return self._desk.ledger.settle(
            at_expiry(option, held.quantity, spot, on=day, exercise=wanted), self._clock.stamp()
        )

    def _can_carry(self, option: OptionSymbol, quantity: Decimal) -> bool:
        """Whether the shares of an exercise can be paid, delivered from what is held, or sold short."""
        ledger = self._desk.ledger
        result = delivered(option, quantity)
        if result.cash < 0:
            short = min(ledger.position(option.root).quantity, Decimal(0))
            opening = max(result.shares + short, Decimal(0)) * option.strike
            return opening <= self._desk.buying_power()
        needed = -result.shares - max(ledger.position(option.root).quantity, Decimal(0))
        if needed <= 0:
            return True
        may_short = ledger.settings.shorting and ledger.settings.multiplier > 1
        return may_short and needed * option.strike <= self._desk.buying_power()

    def _held(self, symbol: str) -> tuple[OptionSymbol, Position]:
        option = self._desk.quotes.option(symbol)
        held = self._desk.ledger.position(symbol)
        if option is None or not held.quantity:
            raise DeskRefusal("no_position", "position does not exist", symbol=symbol)
        return option, held

    def _strikes(self) -> bool:
        percent = self._desk.ledger.settings.early_assignment_percent
        return percent > 0 and self._dice.randint(1, _MOST_PERCENT) <= percent
