"""The clock of a replay: the tape's time, which the conductor of the replay writes into the hot store."""

from __future__ import annotations

from datetime import datetime

from functions.core.clock import require_utc
from functions.core.errors import Unavailable
from functions.core.hotstore import HotStore

CLOCK_KEY = "clock"


class ReplayClock:
    """Reads the tape's time. Raises Unavailable NO_REPLAY_CLOCK until the conductor has written it (again)."""

    def __init__(self, hot: HotStore) -> None:
        self._hot = hot

    def now(self) -> datetime:
        entry = self._hot.get(CLOCK_KEY)
        if entry is None:
            raise Unavailable(
                "NO_REPLAY_CLOCK", "the replay's clock is not in the hot store yet; try again in a moment"
            )
        return require_utc(datetime.fromisoformat(entry.value))
