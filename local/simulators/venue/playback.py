"""Turning a tape into steps: what one push of the tape does, beat by beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Literal

from functions.backtest.market import Print, Quote
from local.tape.model import Bar, Session, Tape

AFTER_CLOSE_STEP = timedelta(minutes=5)
AFTER_CLOSE_STEPS = 12
BEFORE_OPEN = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Opens:
    """A session opens; `prices` are the opening auction's, by symbol. `at` in UTC, as in every beat."""

    at: datetime
    session: Session
    prices: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Completes:
    """A minute is over; `bars` are its bars."""

    at: datetime
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Closes:
    """A session closes; `prices` are the closing auction's, by symbol."""

    at: datetime
    session: Session
    prices: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Passes:
    """Time passes and nothing happens."""

    at: datetime


Beat = Opens | Quote | Print | Completes | Closes | Passes


@dataclass(frozen=True, slots=True)
class Step:
    """One push of the tape. `minute_index` counts the session's minutes from 0; -1 before the first."""

    event: Literal["open", "minute", "close", "after"]
    session: Session
    minute_index: int
    beats: tuple[Beat, ...]
    is_last: bool = False


def steps(tape: Tape, as_held: Callable[[Session], Session]) -> Iterator[Step]:
    """Per session: the open, its minutes, the close, and an hour after it in steps of five minutes.

    `as_held` is asked when a session's turn comes: it may be shorter than the tape has it.
    """
    for session in tape.sessions:
        yield from _session_steps(tape, session, as_held(session), is_last=session == tape.sessions[-1])


def _session_steps(tape: Tape, taped: Session, session: Session, *, is_last: bool) -> Iterator[Step]:
    closing: dict[str, Decimal] = {}
    index = -1
    whole = takewhile(lambda minute: minute.ends_at <= session.closes_at, tape.minutes(taped))
    for index, minute in enumerate(whole):
        if index == 0:
            opening = {bar.symbol: bar.open for bar in minute.bars}
            yield Step("open", session, -1, (Opens(session.opens_at, session, opening),))
        closing.update({bar.symbol: bar.close for bar in minute.bars})
        yield Step("minute", session, index, (*minute.ticks, Completes(minute.ends_at, minute.bars)))
    yield Step("close", session, index, (Closes(session.closes_at, session, closing),))
    for count in range(1, AFTER_CLOSE_STEPS + 1):
        at = session.closes_at + count * AFTER_CLOSE_STEP
        yield Step("after", session, index, (Passes(at),), is_last=is_last and count == AFTER_CLOSE_STEPS)
