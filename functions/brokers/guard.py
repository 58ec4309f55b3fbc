"""What stands before every call to a broker: its rate budget and the breaker on its availability.

Broker-neutral. Calls in the urgent lane (cancels, closes, exits) are counted and never held back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from functions.brokers.breaker import Breaker
from functions.brokers.errors import NotConnected
from functions.brokers.rate_budget import RateBudget

# Longer than this a caller rather comes back: it may hold a lease.
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Guard:
    """Blocks for two seconds at most; call it from a worker thread. Thread-safe."""

    budget: RateBudget
    breaker: Breaker
    sleep: Callable[[float], None] = time.sleep

    def admit(self, *, urgent: bool = False) -> None:
        """Lets one call through. Raises NotConnected BROKER_DOWN or RATE_BUDGET; nothing was sent then."""
        if urgent:
            self.budget.take(urgent=True)
            return
        self.breaker.admit()
        waited = 0.0
        while (wait := self.budget.take()) > 0:
            if waited + wait > _PATIENCE:
                # The probe of a half-open breaker was not made.
                self.breaker.withdrawn()
                raise NotConnected("RATE_BUDGET", f"the rate budget is used up; there is more in {wait:.1f} s")
            self.sleep(wait)
            waited += wait

    def answered(self) -> None:
        """The broker answered, whatever it said."""
        self.breaker.succeeded()

    def failed(self) -> None:
        """The broker did not answer, or answered that it cannot."""
        self.breaker.failed()

    def slowed(self, seconds: float | None) -> None:
        """The broker asked to slow down: nobody asks it again for so long; None where it did not say."""
        self.budget.exhausted(seconds)
        self.breaker.succeeded()
