"""The tape that moves a venue: its sessions, clock and prices, and the beats on which a broker hangs its own work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from functions.backtest.market import Print, Quote
from local.simulators.venue.clock import TapeClock, instant
from local.simulators.venue.faults import Fault, Faults
from local.simulators.venue.playback import BEFORE_OPEN, Beat, Closes, Completes, Opens, Step, steps
from local.simulators.venue.prices import Prices
from local.tape.model import Session, Tape
from local.tape.sessions import MarketCalendar

HALF_DAY = timedelta(minutes=210)


class TapePlayer:
    """Plays a tape step by step. A simulator extends it and says in the `on_` methods what each beat does to it.

    One event loop, no locks. Times UTC.
    """

    def __init__(self, tape: Tape, calendar: MarketCalendar, faults: Faults) -> None:
        self.whole_calendar = calendar
        self.faults = faults
        self.load(tape)

    def load(self, tape: Tape, seed: int = 0) -> None:
        """Starts anew: the tape before its first session, faults off. `seed` is for what chance decides."""
        self.tape = tape
        self.seed = seed
        self.calendar = self.whole_calendar
        self.faults.clear()
        self.faults.seed(seed)
        self.prices = Prices(tape)
        self.clock = TapeClock(tape.sessions[0].opens_at - BEFORE_OPEN)
        self.started_at = self.clock.now()
        self.session: Session = tape.sessions[0]
        self.minute_index = -1
        self.done = False
        self.is_open = False
        self._steps: Iterator[Step] = steps(tape, self._as_held)
        self.on_load()

    def next_step(self) -> Step | None:
        """The next push of the tape; None when it has ended. Its beats must then be played."""
        step = next(self._steps, None)
        if step is not None:
            self.session, self.minute_index, self.done = step.session, step.minute_index, step.is_last
        return step

    def advance(self) -> str:
        """Plays one step at once; returns what it was, "end" when the tape has ended."""
        step = self.next_step()
        if step is None:
            return "end"
        for beat in step.beats:
            self.play(beat)
        return step.event

    def play(self, beat: Beat) -> None:
        """Makes one beat happen: the exchange first, then the streams."""
        self.clock.move_to(beat.at)
        match beat:
            case Opens():
                self.is_open = True
                self.on_open(beat)
            case Quote() | Print():
                self.prices.show(beat)
                self.on_tick(beat)
            case Completes():
                for bar in beat.bars:
                    self.prices.complete(bar)
                self.on_minute(beat)
            case Closes():
                self.is_open = False
                self.on_close(beat)
                self.prices.close(beat.session)
                self.on_closed(beat)
        self.release()

    def now(self) -> datetime:
        return self.clock.now()

    def shorten_next_session(self) -> Session:
        """Makes the next session that opens a half day; the calendar says so from now on."""
        session = self.calendar.next_open(self.now())
        half = Session(session.day, session.opens_at, min(session.closes_at, session.opens_at + HALF_DAY))
        self.calendar = self.calendar.with_session(half)
        return half

    def _as_held(self, session: Session) -> Session:
        return next(iter(self.calendar.between(session.day, session.day)), session)

    def stream_positions(self) -> dict[str, Any]:
        """How far each stream has come: by its name, the stamp of its last message by symbol or account."""
        return {}

    def state(self) -> dict[str, Any]:
        """Where the tape stands, and how far each stream has come."""
        return {
            "now": instant(self.now()),
            "session": self.session.day.isoformat(),
            "minute_index": self.minute_index,
            "is_open": self.is_open,
            "done": self.done,
            "positions": self.stream_positions(),
        }

    # --- for a simulator to say -------------------------------------------------------------------------------------

    def on_load(self) -> None:
        """A tape was loaded: books as at the beginning."""

    def on_open(self, beat: Opens) -> None: ...

    def on_tick(self, tick: Quote | Print) -> None: ...

    def on_minute(self, beat: Completes) -> None: ...

    def on_close(self, beat: Closes) -> None:
        """The session ended; its daily bars are not history yet."""

    def on_closed(self, beat: Closes) -> None:
        """The session is history."""

    def switched_on(self, fault: Fault) -> None:
        """A fault was switched on: what it does at once, it does now."""

    def release(self) -> None:
        """Sends the stream messages that were held back."""
