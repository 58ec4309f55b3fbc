"""When options are traded, and when a strategy enters: read from the session's own times, half days included."""

from __future__ import annotations

from datetime import timedelta

from functions.strategy.bars import TIMEFRAME_LENGTHS
from functions.strategy.interface import Moment, NoTrade
from functions.strategy.options.config import StopAndWindow


def require_open(now: Moment) -> None:
    """Raises NoTrade outside the regular session, and at its close: options trade in it alone."""
    if now.until_close <= timedelta(0):
        raise NoTrade("the session is over")


def require_window(now: Moment, config: StopAndWindow) -> None:
    """Raises NoTrade on all bars but the `entry_bars` from `enter_minutes_after_open` on.

    Nothing is remembered: what left after its window cannot enter again before the next session.
    """
    begins = timedelta(minutes=config.enter_minutes_after_open)
    ends = begins + TIMEFRAME_LENGTHS[config.timeframe] * config.entry_bars
    if not begins <= now.since_open < ends:
        bars = "bar" if config.entry_bars == 1 else f"{config.entry_bars} bars"
        at = f"{config.enter_minutes_after_open} minutes after the open"
        raise NoTrade(f"nothing is open, and entries are made on the {bars} {at} only, now {minutes(now.since_open)}")


def minutes(length: timedelta) -> str:
    """Whole minutes, for a person."""
    return str(length // timedelta(minutes=1))
