"""Halts, and deactivations of strategies, that flatten: round by round, until nothing in their scope is open."""

from __future__ import annotations

from functions.core.errors import AgentTraderError
from functions.core.ledger.judging import RiskLedger
from functions.core.log import logger
from functions.core.ports import Ports

_log = logger("risk")


class Flattener:
    """Asks the ledger for one round on every account that a halt or a deactivation has still to close something of.

    The ledger decides what is closed, under its own locks; the orders walk the road of every order.
    """

    def __init__(self, reach: Ports) -> None:
        self._clock = reach.clock
        self._ledger = RiskLedger(reach.ledger)

    def continue_halts(self) -> int:
        """One round; returns how many closing orders were placed.

        An account whose round fails does not hold up the others; the last failure is raised when all had their turn.
        """
        placed = 0
        failure: AgentTraderError | None = None
        for account in self._ledger.halts_to_continue():
            try:
                done = self._ledger.continue_halt(account, self._clock.now())
            except AgentTraderError as error:
                _log.error("halt not continued", account=str(account), code=error.code, reason=error.text)
                failure = error
                continue
            placed += len(done.placed)
            if done.placed or done.canceled:
                _log.warning(
                    "flattening", account=str(account), placed=len(done.placed), cancels_asked_for=len(done.canceled)
                )
        if failure is not None:
            raise failure
        return placed
