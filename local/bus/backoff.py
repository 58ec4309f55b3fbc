"""How long to wait before a delivery is tried again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubles from `first` up to `cap` (seconds). After `attempts` failed deliveries a message is given up.

    A runner that is not there is asked again sooner (at most `down_cap`): it is being restarted, and no message of it
    is at fault.
    """

    first: float = 0.1
    cap: float = 10.0
    attempts: int = 20
    down_first: float = 0.05
    down_cap: float = 1.0

    def after_failure(self, failures: int) -> float:
        return _doubled(self.first, failures, self.cap)

    def while_down(self, times: int) -> float:
        return _doubled(self.down_first, times, self.down_cap)


def _doubled(first: float, times: int, cap: float) -> float:
    # The exponent is bounded: 2.0 ** 2000 is an error, not a long wait.
    return min(cap, first * 2.0 ** min(times - 1, 60))
