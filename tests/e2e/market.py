"""A market that goes on when a story says so: one minute of the tape after another, each settled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import psycopg

from functions.core.hotstore.local import LocalHotStore
from functions.core.replay_clock import CLOCK_KEY
from local.conductor.control import Control
from local.conductor.pace import Pace
from local.conductor.replay import replay
from local.stack import Stack

DAY = "2018-02-05"
OPENS_AT = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
REPORTED_AT = datetime(2018, 2, 5, 21, 30, tzinfo=UTC)
_PATIENCE = 120


class Market:
    """The replay of `DAY` in a thread of its own. Between two steps it stands still; orders are judged all the same."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._go, self._idle = threading.Semaphore(0), threading.Semaphore(0)
        self._over = False
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="market", daemon=True)
        self._thread.start()
        self._await_idle()

    def step(self, minutes: int = 1) -> None:
        """Lets minutes of the tape pass; returns when the last has settled."""
        for _ in range(minutes):
            self._go.release()
            self._await_idle()

    def step_until(self, done: Callable[[], bool], most: int = 60) -> None:
        """Lets minutes pass until `done`; fails after `most`."""
        for _ in range(most):
            if done():
                return
            self.step()
        assert done(), f"not there after {most} minutes of the tape"

    def report(self) -> None:
        """Ends the day: the daily report is written as the schedule has it written after the close."""
        self.close()
        with closing(LocalHotStore(self._stack.url("hotstore"))) as hot:
            hot.put(CLOCK_KEY, REPORTED_AT.isoformat())
        with closing(Control("the scheduler", self._stack.url("scheduler"), timeout=120)) as scheduler:
            scheduler.post("/run", {"functions": ["daily_pnl"], "now": REPORTED_AT.isoformat()})

    def close(self) -> None:
        self._over = True
        self._go.release()
        self._thread.join(_PATIENCE)

    def _await_idle(self) -> None:
        assert self._idle.acquire(timeout=_PATIENCE), "the market did not settle"
        if self._failed is not None:
            raise AssertionError("the replay failed") from self._failed

    def _wanted(self) -> bool:
        self._idle.release()
        self._go.acquire()
        return not self._over

    def _run(self) -> None:
        def settle_after(_: psycopg.Connection[Any], __: datetime) -> bool:
            return False

        try:
            replay(self._stack, Pace(None), act=settle_after, wanted=self._wanted)
        except BaseException as error:  # noqa: BLE001 - told to the story that waits
            self._failed = error
        finally:
            self._idle.release()
