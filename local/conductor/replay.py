"""A replay: push the tape, let everything settle, let the schedule's due functions run, and again until it is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from functions.core.errors import Unavailable
from functions.core.hotstore.local import LocalHotStore
from functions.core.replay_clock import CLOCK_KEY
from functions.core.wiring import wiring
from local.conductor.control import Control
from local.conductor.errors import Stuck
from local.conductor.market import Market, TapeState
from local.conductor.pace import Pace
from local.conductor.plan import push_ends, pushes_made
from local.conductor.schedules import daily, every_minute, sweeps
from local.conductor.settling import Patience, Settler
from local.stack import Stack
from local.tape.sessions import new_york

_OF_OPTIONS: Final = ("quote_open_options", "watch_expiry")
_TAPE_TIME: Final = """
    insert into private.tape_time (at) values (%s) on conflict (is_the_one) do update set at = excluded.at"""
_OPTIONS_HELD: Final = """
select exists (select from public.position_books as b
  join public.instruments as i on i.symbol = b.symbol and i.kind = 'option' where b.quantity <> 0)
"""
_NIGHT: Final = timedelta(hours=2)
_LOOK_SECONDS: Final = 0.2
_RESTART_PAUSE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Progressed:
    """After each push: tape time (UTC), how many pushes of how many, and whether a new hour of tape time began."""

    at: datetime
    step: int
    total: int
    new_hour: bool


def replay(
    stack: Stack,
    pace: Pace,
    *,
    settled: Callable[[psycopg.Connection[Any]], None] = lambda _: None,
    act: Callable[[psycopg.Connection[Any], datetime], bool] = lambda _, __: False,
    progress: Callable[[Progressed], None] = lambda _: None,
    wanted: Callable[[], bool] = lambda: True,
    patience: Patience | None = None,
) -> datetime:
    """Plays the tape of a running stack to its end, or until `wanted` says no; returns the tape time it ended at.

    In lock-step the result does not depend on the machine's speed. At any other pace the market does not wait: pushes
    come at their time, and only the end is settled.

    `settled` is called with a connection when an event has settled (at other paces: after each push). Before it `act`
    does what a person does at that tape time (UTC), and says whether it did anything, which then has to settle too.
    Raises NotSettled, Stuck, and Unavailable where a part does not answer.
    """
    with ExitStack() as stack_of_parts:
        market = stack_of_parts.enter_context(closing(Market.of(stack)))
        scheduler = stack_of_parts.enter_context(closing(Control("the scheduler", stack.url("scheduler"), timeout=120)))
        hotstore = stack_of_parts.enter_context(closing(LocalHotStore(stack.url("hotstore"))))
        conductor = Conductor(stack, market, scheduler, hotstore, patience or Patience(), settled, act)
        stack_of_parts.callback(conductor.close)
        return conductor.play(pace, progress, wanted)


class Conductor:
    """Owns the order of things in one replay."""

    def __init__(
        self,
        stack: Stack,
        market: Market,
        scheduler: Control,
        hotstore: LocalHotStore,
        patience: Patience,
        settled: Callable[[psycopg.Connection[Any]], None],
        act: Callable[[psycopg.Connection[Any], datetime], bool],
    ) -> None:
        self._market, self._scheduler, self._hotstore = market, scheduler, hotstore
        self._settled, self._act, self._patience = settled, act, patience
        self._daily = daily(wiring())
        self._spared = every_minute(wiring())
        self._calendar = new_york(stack.state / "cache")
        self._settler = Settler(
            stack.database_url, market, scheduler, sweeps(wiring()), patience, keep_clock=self._set_clock
        )

    def play(self, pace: Pace, progress: Callable[[Progressed], None], wanted: Callable[[], bool]) -> datetime:
        state = self._market.state()
        days = self._market.days()
        sessions = [session for day in days for session in self._calendar.between(day, day)]
        ends = push_ends(sessions)
        step = pushes_made(sessions, state.day, state.now, state.minute_index, is_open=state.is_open)
        began_at = state.now
        self._set_clock(began_at)
        self._until_answered(
            lambda: self._scheduler.post("/run", {"functions": self._daily, "now": began_at.isoformat()})
        )
        if pace.lockstep:
            # What came before the market moves is done first: an account that is still being verified takes no entry.
            self._settler.settle(began_at)
        timing = _Timing(pace)
        while step < len(ends) and not state.over and wanted():
            before = state
            self._set_clock(ends[step])
            timing.wait_for(ends[step], wanted)
            state = self._market.advance()
            step += 1
            if state.now < ends[step - 1]:
                raise Stuck("TAPE_BEHIND", f"the tape stands at {state.now}, where {ends[step - 1]} was expected")
            if pace.lockstep:
                self._settler.settle(state.now)
            ran = self._tick(state, self._spared_now() if pace.lockstep else [])
            if pace.lockstep and ran:
                self._settler.settle(state.now)
            if self._act(self._settler.connection(), state.now) and pace.lockstep:
                self._settler.settle(state.now)
            self._settled(self._settler.connection())
            hour = state.now.replace(minute=0, second=0, microsecond=0)
            progress(Progressed(state.now, step, len(ends), before.now < hour <= state.now))
        self._settler.settle(state.now)
        self._settled(self._settler.connection())
        return state.now

    def close(self) -> None:
        self._settler.close()

    def _set_clock(self, at: datetime) -> None:
        """What functions and the ledger take for the present: never behind the newest event that they may be handed."""
        self._until_answered(lambda: self._write_tape_time(at))
        self._until_answered(lambda: self._hotstore.put(CLOCK_KEY, at.isoformat()))

    def _write_tape_time(self, at: datetime) -> None:
        try:
            self._settler.connection().execute(_TAPE_TIME, [at])
        except psycopg.OperationalError as error:
            self._settler.close()
            raise Unavailable("POSTGRES_AWAY", f"the tape's time cannot be written now: {error}") from error

    def _tick(self, state: TapeState, spared: list[str]) -> bool:
        """Whether any function was due. A run that failed is no error: its rows are still there for the next one."""
        body = {"now": state.now.isoformat(), "spare": spared}
        answer = self._until_answered(lambda: self._scheduler.post("/tick", body))
        return bool(answer["runs"])

    def _spared_now(self) -> list[str]:
        """What looks for unfinished rows finds none; but what options are worth and when they end needs no row."""
        (held,) = self._settler.connection().execute(_OPTIONS_HELD).fetchone() or (False,)
        return [name for name in self._spared if not (held and name in _OF_OPTIONS)]

    def _until_answered(self, call: Callable[[], Any]) -> Any:
        """Calls again what may be called twice, while the part that it calls is being restarted."""
        deadline = time.monotonic() + self._patience.seconds
        while True:
            try:
                return call()
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_RESTART_PAUSE)  # its supervisor needs the processor more


class _Timing:
    """Keeps the pace within a session; the nights between sessions are skipped, and lock-step waits for nobody."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._machine = time.monotonic()
        self._tape: datetime | None = None

    def wait_for(self, at: datetime, wanted: Callable[[], bool]) -> None:
        """Returns when the tape may be at `at`, or when `wanted` says no."""
        if self._pace.speed is None:
            return
        if self._tape is None or at - self._tape > _NIGHT:
            self._machine = time.monotonic()
        else:
            self._machine += (at - self._tape).total_seconds() / self._pace.speed
        self._tape = at
        while wanted() and (left := self._machine - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_SECONDS))  # the pace itself
