"""When an option can be traded for the last time, when its payoff is fixed, and how it is settled.

By the exchange's specifications: options on shares and exchange-traded funds are American and deliver shares; those on
indices are settled in cash, most of them European, at the opening (AM) of their day of expiry, when they can no longer
be traded since the close before, or at its close (PM). Where a day of expiry is a holiday the session before takes its
place; on half days the close is the early one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from functions.core.errors import BadInput
from functions.core.instruments import OptionSymbol
from functions.core.market_calendar import Calendar
from functions.core.options.settlement import SettledIn
from functions.core.options.time_left import years_between

Style = Literal["american", "european"]
SettledAt = Literal["open", "close"]


@dataclass(frozen=True, slots=True)
class Exercise:
    """`settled_at` is the moment of the day of expiry whose price decides: the opening (AM) or the close (PM)."""

    style: Style = "american"
    settlement: SettledIn = "physical"
    settled_at: SettledAt = "close"


DELIVERED = Exercise()
_AM = Exercise("european", "cash", "open")
_PM = Exercise("european", "cash", "close")
_INDICES: dict[str, Exercise] = {
    **dict.fromkeys(("SPX", "NDX", "RUT", "DJX", "VIX", "VIXW"), _AM),
    **dict.fromkeys(("SPXW", "NDXP", "RUTW", "XSP", "XND", "MRUT", "XEO"), _PM),
    "OEX": Exercise("american", "cash", "close"),
}
"""Cboe's and Nasdaq's specifications, by the root of the OCC symbol."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """`trades_until` is the last moment to trade, `fixed_at` the one whose price decides the payoff. UTC."""

    trades_until: datetime
    fixed_at: datetime


def exercise_of(root: str) -> Exercise:
    """How contracts of a root are exercised and settled: those on known indices as listed here, all others deliver.

    Where the broker's own listing of a contract says something, that counts: make an Exercise of it.
    """
    return _INDICES.get(root, DELIVERED)


def expiry_of(option: OptionSymbol, calendar: Calendar, exercise: Exercise | None = None) -> Expiry:
    """Raises BadInput MISSING_CALENDAR where the calendar does not reach the day of expiry.

    Contracts that are settled at the close trade until the underlying's close here, though some can be traded a quarter
    of an hour longer: by then their payoff is fixed.
    """
    session = calendar.last_until(option.expiry)
    at_open = (exercise or exercise_of(option.root)).settled_at == "open"
    last = calendar.last_until(option.expiry, before=1) if at_open else session
    if session is None or last is None:
        raise BadInput(
            "MISSING_CALENDAR",
            f"the calendar must reach the expiry of {option}; read more of it from the broker",
            expiry=option.expiry.isoformat(),
        )
    return Expiry(trades_until=last.closes_at, fixed_at=session.opens_at if at_open else session.closes_at)


def years_to_expiry(option: OptionSymbol, now: datetime, calendar: Calendar, exercise: Exercise | None = None) -> float:
    """Years of 365 days until the payoff is fixed, as the models take it. Raises BadInput as `expiry_of`."""
    return years_between(now, expiry_of(option, calendar, exercise).fixed_at)
