"""The expiry and assignment desk: looks at every account that holds options, tells, and closes what it is asked to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from functions.core.errors import AgentTraderError
from functions.core.ledger.desk import DeskLedger
from functions.core.ledger.watching import WatchLedger
from functions.core.log import logger
from functions.core.ports import Ports
from functions.risk.watch.expiring import look

_log = logger("risk")


class ExpiryDesk:
    """One look at a time; the ledger decides under its own locks what is closed, and says nothing twice."""

    def __init__(self, reach: Ports) -> None:
        self._clock = reach.clock
        self._ledger = DeskLedger(reach.ledger)
        self._limits = WatchLedger(reach.ledger)

    def watch(self) -> int:
        """Looks at every account; returns how many orders were placed.

        An account whose look fails does not hold up the others; the last failure is raised when all had their turn.
        """
        now = self._clock.now()
        placed = 0
        failure: AgentTraderError | None = None
        for account in self._ledger.desks_to_watch(now):
            try:
                placed += self._look_at(account, now)
            except AgentTraderError as error:
                _log.error("options not looked at", account=str(account), code=error.code, reason=error.text)
                failure = error
        if failure is not None:
            raise failure
        return placed

    def _look_at(self, account: UUID, now: datetime) -> int:
        found = look(self._ledger.desk_book(account, now), now)
        placed = 0
        # What protects comes first: no alert that cannot be told keeps a position from being closed.
        if found.closings:
            done = self._ledger.desk_close(account, found.closings, now)
            placed = len(done.placed)
            if done.placed or done.canceled:
                _log.warning("expiry desk", account=str(account), placed=placed, cancels_asked_for=len(done.canceled))
        if found.notices:
            self._ledger.tell_desk(account, found.notices)
        for broken in found.broken:
            self._limits.breach_limit(broken.limit_id, account, broken.strategy_id, broken.measured, now, broken.detail)
        return placed
