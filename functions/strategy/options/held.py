"""What a strategy holds in options: what is sold, what covers it, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import reduce
from math import gcd

from functions.core.instruments import OPTION_TERMS, OptionRight, OptionSymbol
from functions.core.market_calendar import exchange_date
from functions.core.money import text
from functions.strategy.holding import Holdings
from functions.strategy.interface import Close, Intent, Leg, Moment, NoTrade

SHARES = OPTION_TERMS.multiplier
"""Shares under one contract."""


def open_options(now: Moment) -> Holdings:
    """The options held that have not expired. Raises NoTrade while one that was sold has, and its end is not booked.

    What becomes of it, nothing or an assignment, is the broker's word. An expired one that was bought is no position
    any more: what it may have brought comes as shares.
    """
    today = exchange_date(now.event_time)
    expired = {symbol for symbol in now.options if OptionSymbol.parse(symbol).expiry < today}
    waiting = sorted(symbol for symbol in expired if now.options[symbol].quantity < 0)
    if waiting:
        raise NoTrade(f"{', '.join(waiting)} expired, and the broker has not said yet what became of it")
    return {symbol: position for symbol, position in now.options.items() if symbol not in expired}


def sold(held: Holdings, right: OptionRight | None = None) -> Holdings:
    """What is short; of one right if it is said."""
    return {
        symbol: position
        for symbol, position in held.items()
        if position.quantity < 0 and right in (None, OptionSymbol.parse(symbol).right)
    }


def bought(held: Holdings) -> Holdings:
    """What is long."""
    return {symbol: position for symbol, position in held.items() if position.quantity > 0}


def contracts(held: Holdings) -> Decimal:
    """How many contracts, without a sign."""
    return sum((abs(position.quantity) for position in held.values()), Decimal(0))


def package(held: Holdings) -> Holdings:
    """What is sold, with what is bought of the same expiry: one position. The rest is left over from another."""
    expiries = {OptionSymbol.parse(symbol).expiry for symbol in sold(held)}
    return {symbol: position for symbol, position in held.items() if OptionSymbol.parse(symbol).expiry in expiries}


def is_whole(held: Holdings, rights: Iterable[OptionRight]) -> bool:
    """Whether a package is what was opened: of each right as much bought as sold, all alike, and of no other."""
    sides: dict[OptionRight, list[Decimal]] = {}
    for symbol, position in held.items():
        sides.setdefault(OptionSymbol.parse(symbol).right, []).append(position.quantity)
    sizes = {abs(size) for quantities in sides.values() for size in quantities}
    pairs = all(len(quantities) == 2 and sum(quantities) == 0 for quantities in sides.values())
    expiries = {OptionSymbol.parse(symbol).expiry for symbol in held}
    return set(sides) == set(rights) and pairs and len(sizes) == 1 and len(expiries) == 1


def last_day(held: Holdings) -> date:
    """The soonest expiry among them."""
    return min(OptionSymbol.parse(symbol).expiry for symbol in held)


def days_left(now: Moment, held: Holdings) -> int:
    """Calendar days until the soonest of them expires; 0 on the day itself."""
    return (last_day(held) - exchange_date(now.event_time)).days


def require_free(held: Holdings, expiry: date) -> None:
    """Raises NoTrade where something of this expiry is held: what is left of a package would be taken for the next."""
    left = sorted(symbol for symbol in held if OptionSymbol.parse(symbol).expiry == expiry)
    if left:
        raise NoTrade(f"{', '.join(left)} is left of what was open before: no entry in its expiry {expiry}")


def closing_legs(held: Holdings) -> tuple[tuple[Leg, ...], int]:
    """The legs that close all of it, in lowest terms, and how many packages that is."""
    packages = reduce(gcd, (int(abs(position.quantity)) for position in held.values()))
    legs = tuple(
        Leg(symbol, "sell" if position.quantity > 0 else "buy", int(abs(position.quantity)) // packages)
        for symbol, position in sorted(held.items())
    )
    return legs, packages


def assigned(now: Moment) -> Intent | None:
    """Closes shares in a strategy that never buys any: they came by assignment or exercise.

    They go before the options that are left: those then are no more than bought, or covered as they were.
    """
    shares = now.position.quantity
    if shares == 0:
        return None
    return Close(reason=f"{text(shares)} shares came by assignment or exercise and are not wanted: closing them")
