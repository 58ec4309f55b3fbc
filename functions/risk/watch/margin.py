"""The watch over margin: how much of the equity keeps the positions, by the broker's newest word."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from functions.core.errors import AgentTraderError
from functions.core.ledger.watching import WatchedMargin, WatchLedger
from functions.core.log import logger
from functions.core.money import rounded, text
from functions.core.ports import Ports
from functions.risk.limits import Limit
from functions.risk.share_of_equity import MAX_AGE
from functions.risk.watch.due import hold_to_limit, too_much

_log = logger("risk")
_NO_EQUITY = Decimal(1_000_000)
"""The percentage of an account whose equity is used up while something must be kept: more than any limit."""


class MarginWatch:
    """Holds each account to the limits on margin after the trade, as the rule of the same name does before it."""

    def __init__(self, reach: Ports) -> None:
        self._clock = reach.clock
        self._ledger = WatchLedger(reach.ledger)

    def sweep(self) -> int:
        """Every account at the clock's time; returns how many limits were broken. One that fails stops no other."""
        at = self._clock.now()
        broken = 0
        failure: AgentTraderError | None = None
        for one in self._ledger.watch_margin(at):
            try:
                broken += self._measure(one, at)
            except AgentTraderError as error:
                _log.error("limit not watched", limit=str(one.limit_id), code=error.code, reason=error.text)
                failure = error
        if failure is not None:
            raise failure
        return broken

    def _measure(self, one: WatchedMargin, at: datetime) -> bool:
        limit = Limit("margin_utilisation", one.scope, one.value, parameters=one.parameters)
        if Decimal((at - one.as_of).total_seconds()) > limit.parameter(MAX_AGE) * 3600:
            # An old word says nothing of now: nothing is broken by it, and nothing has recovered.
            return False
        used = used_percent(one.margin_requirement, one.equity)
        seen = _numbers(one)
        if used > one.value:
            seen["part"] = text(too_much(used, one.value))
        return hold_to_limit(self._ledger, limit.name, one, used, at, seen, one.broker_account_id)


def used_percent(requirement: Decimal, equity: Decimal) -> Decimal:
    """How much of the equity the positions require, percent."""
    if requirement <= 0:
        return Decimal(0)
    return rounded(requirement * 100 / equity) if equity > 0 else _NO_EQUITY


def _numbers(one: WatchedMargin) -> dict[str, str]:
    """What was seen beside the percentage itself."""
    return {
        "margin_requirement": text(one.margin_requirement),
        "equity": text(one.equity),
        "told_at": one.as_of.isoformat(),
    }
