"""The watch over margin: how much of the equity keeps the positions, by the broker's newest word."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from functions.core.errors import AgentTraderError
from functions.core.ledger.watching import WatchedMargin, WatchLedger
from functions.core.log import logger
from functions.core.money import rounded, text
from functions.core.ports import Ports
from functions.risk.limits import Limit
from functions.risk.losses import WARN_AT
from functions.risk.share_of_equity import MAX_AGE

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
        where = (one.limit_id, one.broker_account_id, None)
        if used > one.value:
            seen = _numbers(one) | {"part": text(too_much(used, one.value))}
            done = self._ledger.breach_limit(*where, used, at, seen)
            return done.status in ("breached", "worse")
        if used >= one.value * limit.parameter(WARN_AT) / 100 and used > 0:
            if one.state in (None, "recovered") or not one.today:
                self._ledger.warn_of_limit(*where, used, at, _numbers(one))
        elif one.state not in (None, "recovered"):
            self._ledger.rearm_limit(*where, used, at)
        return False


def used_percent(requirement: Decimal, equity: Decimal) -> Decimal:
    """How much of the equity the positions require, percent."""
    if requirement <= 0:
        return Decimal(0)
    return rounded(requirement * 100 / equity) if equity > 0 else _NO_EQUITY


def too_much(used: Decimal, limit: Decimal) -> Decimal:
    """What part of the positions is to go so that the rest is within the limit; rounded up."""
    return ((used - limit) / used).quantize(Decimal("0.0001"), ROUND_CEILING)


def _numbers(one: WatchedMargin) -> dict[str, str]:
    """What was seen beside the percentage itself."""
    return {
        "margin_requirement": text(one.margin_requirement),
        "equity": text(one.equity),
        "told_at": one.as_of.isoformat(),
    }
