"""Longer bars made of minutes, as Postgres makes them (`private.roll_up`), for months that only the archive has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from functions.core.history.bars import Bar, Timeframe
from functions.core.market_calendar import Calendar, Session

_LENGTHS: Mapping[Timeframe, timedelta | None] = {
    "5Min": timedelta(minutes=5),
    "15Min": timedelta(minutes=15),
    "1Hour": timedelta(hours=1),
    "1Day": None,
}
# With a minute so long before a period, its beginning is known; see private.roll_up.
KNOWN_BEFORE = timedelta(days=10)


def rolled_up(
    minutes: Sequence[Bar], timeframe: Timeframe, calendar: Calendar, over_until: datetime | None = None
) -> list[Bar]:
    """Bars of a longer timeframe from minutes of regular sessions, oldest first; minutes outside of one are left out.

    Anchored at the session's open; the last of a session ends with it, a day is one session. A period is over by a
    minute that ends with it or later, or by `over_until`; before that there is no bar of it, nor where nothing of the
    ten days before its first minute is known: no bar is better than half of one.
    """
    newest = max([bar.ends_at for bar in minutes[-1:]] + ([] if over_until is None else [over_until]), default=None)
    placed = [(period, bar) for bar in minutes if (period := _period(bar.starts_at, timeframe, calendar)) is not None]
    known = _known_before(minutes)
    made: list[Bar] = []
    for (starts_at, ends_at), group in groupby(placed, key=lambda one: one[0]):
        bars = [bar for _, bar in group]
        before = bars[0] if bars[0].starts_at == starts_at else known.get(bars[0].starts_at)
        if newest is None or ends_at > newest or before is None or before.starts_at <= starts_at - KNOWN_BEFORE:
            continue
        made.append(
            Bar(
                starts_at=starts_at,
                ends_at=ends_at,
                open=bars[0].open,
                high=max(bar.high for bar in bars),
                low=min(bar.low for bar in bars),
                close=bars[-1].close,
                volume=sum((bar.volume for bar in bars[1:]), bars[0].volume),
                feed=bars[-1].feed,
                delay_seconds=max(bar.delay_seconds for bar in bars),
            )
        )
    return made


def periods(session: Session, timeframe: Timeframe) -> Iterator[tuple[datetime, datetime]]:
    """The periods of a session, oldest first: when each starts and ends, UTC."""
    length = _LENGTHS[timeframe] or session.closes_at - session.opens_at
    starts_at = session.opens_at
    while starts_at < session.closes_at:
        yield starts_at, min(starts_at + length, session.closes_at)
        starts_at += length


def _period(at: datetime, timeframe: Timeframe, calendar: Calendar) -> tuple[datetime, datetime] | None:
    session = calendar.at(at)
    if session is None:
        return None
    length = _LENGTHS[timeframe] or session.closes_at - session.opens_at
    starts_at = session.opens_at + (at - session.opens_at) // length * length
    return starts_at, min(starts_at + length, session.closes_at)


def _known_before(minutes: Sequence[Bar]) -> dict[datetime, Bar]:
    """Of each minute the one before it."""
    return {bar.starts_at: before for before, bar in pairwise(minutes)}
