"""Waiting until one tape event has settled: nothing in flight, every stream handled, no row left unfinished."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from functions.core.errors import Unavailable
from local.conductor.control import Control
from local.conductor.errors import NotSettled, Stuck
from local.conductor.market import Market
from local.conductor.snapshot import Snapshot, take

# Each look costs the database some milliseconds that the flow itself needs.
_FIRST_PAUSE: Final = 0.004
_LONGEST_PAUSE: Final = 0.02
_RECONNECT_PAUSE: Final = 0.05
_REMIND_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """`seconds` is machine time one tape event may take; `rounds` is how often the sweeps run before we give up."""

    seconds: float = 60.0
    rounds: int = 5


class Settler:
    """Waits. Survives a restart of Postgres, the scheduler or the simulator within its patience."""

    def __init__(
        self,
        database_url: str,
        market: Market,
        scheduler: Control,
        sweep_functions: Sequence[str],
        patience: Patience,
        *,
        keep_clock: Callable[[datetime], None] = lambda _: None,
    ) -> None:
        """`keep_clock` is called while something takes long: a restarted hot store has lost the replay's clock."""
        self._database_url = database_url
        self._market, self._scheduler = market, scheduler
        self._sweeps, self._patience, self._keep_clock = list(sweep_functions), patience, keep_clock
        self._connection: psycopg.Connection[Any] | None = None

    def settle(self, now: datetime) -> None:
        """Returns when the event has settled; `now` is tape time (UTC), for the sweeps.

        Raises NotSettled NOT_SETTLED, naming what is still in flight, and Stuck ROWS_UNFINISHED, naming the rows.
        """
        deadline = time.monotonic() + self._patience.seconds
        for swept in range(self._patience.rounds):
            unfinished = self._wait_quiet(now, deadline).unfinished
            # What waits for a quote, after the sweeps have asked for it, waits for the market: the tape goes on.
            if not unfinished or (swept and set(unfinished) == {"awaiting_quotes"}):
                return
            self._sweep(now, deadline)
        unfinished = self._wait_quiet(now, deadline).unfinished
        if unfinished:
            raise Stuck(
                "ROWS_UNFINISHED",
                f"nothing is in flight, and after {self._patience.rounds} rounds of the sweeps rows are unfinished: "
                f"{_listed(unfinished)}; the logs of the functions say why",
                **unfinished,
            )

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def connection(self) -> psycopg.Connection[Any]:
        """The connection the snapshots are read with, in autocommit mode."""
        if self._connection is None:
            self._connection = psycopg.connect(self._database_url, autocommit=True, connect_timeout=5)
        return self._connection

    def _wait_quiet(self, now: datetime, deadline: float) -> Snapshot:
        pause = _FIRST_PAUSE
        remind_at = time.monotonic() + _REMIND_SECONDS
        while True:
            why, snapshot = self._look()
            if snapshot is not None and why is None:
                return snapshot
            if time.monotonic() > deadline:
                raise NotSettled("NOT_SETTLED", f"one tape event did not settle in {self._patience.seconds:g} s: {why}")
            if time.monotonic() > remind_at:
                self._remind(now)
                remind_at = time.monotonic() + _REMIND_SECONDS
            time.sleep(pause)  # the poll: several processes work meanwhile, and none of them could tell us all of it
            pause = min(_LONGEST_PAUSE, pause * 1.7)

    def _look(self) -> tuple[str | None, Snapshot | None]:
        """What is still going on (None: nothing), and the snapshot where there is one.

        The rows are read before the market's positions: an order that reached the broker before the snapshot shows in
        positions read after it, so nothing can hide between the two.
        """
        try:
            snapshot = take(self.connection())
            if not snapshot.quiet:
                return f"in flight: {_listed(snapshot.in_flight)}", snapshot
            late = snapshot.behind(self._market.positions())
        except psycopg.OperationalError as error:
            self.close()
            time.sleep(_RECONNECT_PAUSE)  # Postgres is being restarted; its supervisor needs the processor more
            return f"the database does not answer: {error}", None
        except Unavailable as error:
            return error.text, None
        return (f"streams behind: {late}" if late else None), snapshot

    def _remind(self, now: datetime) -> None:
        with contextlib.suppress(Unavailable):  # it is being restarted; the next reminder comes soon
            self._keep_clock(now)

    def _sweep(self, now: datetime, deadline: float) -> None:
        """Returns when every sweep ran without an error: one that could not reach the ledger has looked at nothing."""
        while True:
            try:
                answer = self._scheduler.post("/run", {"functions": self._sweeps, "now": now.isoformat()})
                errors = [f"{run['function']}: {run['error']}" for run in answer["runs"] if run["error"]]
            except Unavailable as error:
                errors = [error.text]
            if not errors:
                return
            if time.monotonic() > deadline:
                raise NotSettled("NOT_SETTLED", f"the sweeps could not be run: {'; '.join(errors)}")
            self._remind(now)
            time.sleep(_RECONNECT_PAUSE)  # something is being restarted


def _listed(counts: object) -> str:
    items = counts.items() if isinstance(counts, dict) else ()
    return ", ".join(f"{name} {count}" for name, count in items if count)
