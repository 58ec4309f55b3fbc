"""The watch over what is won and lost: marks, measures, warns, and says what is broken. Everything by event time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from functions.core.errors import AgentTraderError
from functions.core.events import OptionQuoteData, QuoteData
from functions.core.ledger.watching import WatchedResult, WatchLedger
from functions.core.log import logger
from functions.core.money import text
from functions.core.ports import Ports
from functions.core.quiet import Quiet
from functions.risk.limits import Limit
from functions.risk.losses import BLIND_AFTER
from functions.risk.reading_results import scope_result
from functions.risk.watch.due import hold_to_limit
from functions.risk.watch.measuring import measured

_log = logger("risk")
# What is filled meanwhile is measured by its fill, and marked by the next quote.
_quiet = Quiet(timedelta(seconds=1))
# The middle of a wider quote is no price: of a bid of 90 and an ask of 110 it may be either.
_WIDEST = Decimal("0.1")


class ResultWatch:
    """Records how far everybody has come and holds it against their limits.

    The ledger decides what a breach does, once; asking again changes nothing.
    """

    def __init__(self, reach: Ports) -> None:
        self._clock = reach.clock
        self._ledger = WatchLedger(reach.ledger)

    def on_quote(self, quote: QuoteData) -> int:
        """A quote of what is no option; how many limits it broke. A delayed one, or a wide one, marks nothing."""
        middle = (quote.bid + quote.ask) / 2
        if quote.delay_seconds > 0 or quote.ask - quote.bid > middle * _WIDEST:
            return 0
        return self._quoted(quote, middle)

    def on_option_quote(self, quote: OptionQuoteData) -> int:
        """A quote of an option: who asked for it has marked it before it was published."""
        return self._quoted(quote, None)

    def _quoted(self, quote: QuoteData | OptionQuoteData, middle: Decimal | None) -> int:
        at = quote.quoted_at
        if _quiet.about(quote.symbol, at):
            return 0
        found = self._ledger.watch_quote(quote.symbol, middle, at, f"quote {quote.feed}")
        if found is None:
            _quiet.nobody_asks(quote.symbol, at)
            return 0
        return self._hold(found, at)

    def on_fill(self, account: UUID, at: datetime) -> int:
        """Something was filled on an account at `at` (event time)."""
        return self._hold(self._ledger.watch_results(at, account), at)

    def sweep(self) -> int:
        """Everybody, at the clock's time: what no quote and no fill has brought, and the begin of a day."""
        at = self._clock.now()
        return self._hold(self._ledger.watch_results(at), at)

    def _hold(self, watched: Sequence[WatchedResult], at: datetime) -> int:
        """Holds each result against its limit. One that fails keeps no other from its turn; it is raised last."""
        broken = 0
        failure: AgentTraderError | None = None
        for one in watched:
            try:
                broken += self._measure(one, at)
            except AgentTraderError as error:
                _log.error("limit not watched", limit=str(one.limit_id), code=error.code, reason=error.text)
                failure = error
        if failure is not None:
            raise failure
        return broken

    def _measure(self, one: WatchedResult, at: datetime) -> bool:
        limit = Limit(one.name, one.scope, one.value, parameters=one.parameters)
        found = measured(limit, scope_result(one.on))
        if found.lost is None or found.stands == "blind":
            self._blind(one, limit, at)
            return False
        return hold_to_limit(self._ledger, one.name, one, found.lost, at, _numbers(one))

    def _blind(self, one: WatchedResult, limit: Limit, at: datetime) -> None:
        """Without a price nothing is broken and nothing has recovered; when it lasts, a person should know."""
        since = one.on.missing_since
        lasted = one.on.mark_age if since is None else Decimal((at - since).total_seconds())
        if lasted >= limit.parameter(BLIND_AFTER) * 60:
            self._ledger.tell_blind(
                one.limit_id, None, at, {"no_mark": ", ".join(one.on.missing), "mark_age": text(one.on.mark_age)}
            )


def _numbers(one: WatchedResult) -> dict[str, str]:
    """What was seen beside the loss itself."""
    seen = {"result": one.on.result, "peak": one.on.peak, "session_open": one.on.session_open}
    return {name: text(value) for name, value in seen.items() if value is not None}
