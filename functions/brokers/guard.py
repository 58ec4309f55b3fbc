"""What stands before every call to a broker: its rate budget and the breaker on its availability.

Broker-neutral. Calls in the urgent lane (cancels, closes, exits) are counted and never held back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from functions.brokers.breaker import Breaker, BreakerRule
from functions.brokers.errors import NotConnected
from functions.brokers.rate_budget import Rate, RateBudget
from functions.core.hotstore.port import HotStore
from functions.core.identity import named_uuid
from functions.core.settings import Settings

# Longer than this a caller rather comes back: it may hold a lease.
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Guard:
    """Blocks for two seconds at most; call it from a worker thread. Thread-safe. `budget` None is no limit."""

    budget: RateBudget | None
    breaker: Breaker
    sleep: Callable[[float], None] = time.sleep

    def admit(self, *, urgent: bool = False) -> None:
        """Lets one call through. Raises NotConnected BROKER_DOWN or RATE_BUDGET; nothing was sent then."""
        if urgent:
            if self.budget is not None:
                self.budget.take(urgent=True)
            return
        self.breaker.admit()
        waited = 0.0
        while self.budget is not None and (wait := self.budget.take()) > 0:
            if waited + wait > _PATIENCE:
                # The probe of a half-open breaker was not made.
                self.breaker.withdrawn()
                raise NotConnected("RATE_BUDGET", f"the rate budget is used up; there is more in {wait:.1f} s")
            self.sleep(wait)
            waited += wait

    def withdrawn(self) -> None:
        """A call that was let through ended before anything was heard."""
        self.breaker.withdrawn()

    def answered(self) -> None:
        """The broker answered, whatever it said."""
        self.breaker.succeeded()

    def failed(self) -> None:
        """The broker did not answer, or answered that it cannot."""
        self.breaker.failed()

    def slowed(self, seconds: float | None) -> None:
        """The broker asked to slow down: nobody asks it again for so long; None where it did not say."""
        if self.budget is not None:
            self.budget.exhausted(seconds)
        self.breaker.succeeded()


def guard_of(hot: HotStore, configuration: Settings, broker: str, key: str, *, is_paper: bool) -> Guard:
    """The guard of one key at a broker: a budget of its own, the breaker shared with everybody who trades there."""
    place = f"{broker}-{'paper' if is_paper else 'live'}"
    calls = configuration.broker_calls_per_minute
    budget = RateBudget(hot, f"{place}:{named_uuid('rate', key)}", Rate.of(calls)) if calls else None
    rule = BreakerRule(failures=configuration.breaker_failures, seconds=configuration.breaker_seconds)
    return Guard(budget, Breaker(hot, place, rule))
