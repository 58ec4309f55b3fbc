"""That nobody asks for a symbol's quotes is remembered for a moment: quotes are many, who asks is few."""

from __future__ import annotations

from datetime import datetime, timedelta

_MOST = 10_000


class Quiet:
    """Symbols that nobody asks for, each believed for `lasts` of event time, so that a replay asks as often anywhere.

    What begins meanwhile misses the quotes until then, or is seen by a sweep: a watch says how long it can bear. A
    quote from before the asking is asked about anew.
    """

    __slots__ = ("_lasts", "_since")

    def __init__(self, lasts: timedelta) -> None:
        self._lasts = lasts
        self._since: dict[str, datetime] = {}

    def about(self, symbol: str, at: datetime) -> bool:
        """Whether nobody asked for the symbol a moment before `at`."""
        since = self._since.get(symbol)
        return since is not None and since <= at < since + self._lasts

    def nobody_asks(self, symbol: str, at: datetime) -> None:
        """As of `at`, event time."""
        if len(self._since) >= _MOST:
            self._since.clear()
        self._since[symbol] = at

    def forget(self) -> None:
        """All of it: what is asked next is asked."""
        self._since.clear()
