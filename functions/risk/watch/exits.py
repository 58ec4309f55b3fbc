"""Protective exits are watched on quotes, by the minute, and after the orders that they have placed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from functions.core.errors import AgentTraderError, Final, Mistake, Temporary
from functions.core.events import OptionQuoteData, QuoteData
from functions.core.hotstore.keys import quote_key
from functions.core.ledger.exits import By, ExitLedger, Fired, LiveExit
from functions.core.log import logger
from functions.core.ports import Ports
from functions.core.quiet import Quiet
from functions.risk.watch.crossing import (
    Crossing,
    Quotes,
    Seen,
    best_after,
    crossed,
    position_price,
    prices_matter,
    trails,
    underlying_matters,
)

_log = logger("risk")

BLIND_AFTER = timedelta(minutes=2)
"""So long in session without a price that counts, and somebody is told. Options are asked for every minute."""
_OPTIONS_BLIND_AFTER = timedelta(minutes=3)
# The next quote after it, or the sweep, sees an exit that was armed meanwhile.
_quiet = Quiet(timedelta(seconds=1))


class ExitWatch:
    """Looks at exits with the quotes that count and asks the ledger to fire those that are reached.

    The ledger decides again, under its locks; the orders walk the road of every order. An exit whose turn fails does
    not hold up the others: the last failure is raised when all had theirs.
    """

    def __init__(self, reach: Ports) -> None:
        self._clock = reach.clock
        self._hot = reach.hot
        self._ledger = ExitLedger(reach.ledger)

    def on_quote(self, quote: QuoteData | OptionQuoteData) -> int:
        """A new quote of a symbol; returns how many exits it fired."""
        if _quiet.about(quote.symbol, quote.quoted_at):
            return 0
        now = self._clock.now()
        exits = self._ledger.live_exits(quote.symbol, now)
        if not exits:
            _quiet.nobody_asks(quote.symbol, quote.quoted_at)
            return 0
        told = {quote.symbol: _seen(quote)}
        try:
            return self._each(exits, lambda one: self._look(one, self._quotes(one, told), now))
        finally:
            self._rest([one.exit_id for one in exits if one.rest_due], now)

    def settle(self, account: UUID | None) -> int:
        """After an order has ended: ends what is over, and goes on with what has fired; returns how many it fired."""
        moved = self._ledger.settle_exits(account)
        now = self._clock.now()
        fired = 0
        if moved > 0:
            left = [one for one in self._ledger.live_exits(None, now) if account in (None, one.broker_account_id)]
            fired = self._each([one for one in left if one.fired], lambda one: self._goes_on(one, now))
        self._rest(self._ledger.exits_to_rest(account, now), now)
        return fired

    def sweep(self) -> int:
        """By the minute: exits by time, lost quotes, and exits that nothing is heard of; returns how many it fired."""
        self._ledger.settle_exits(None)
        now = self._clock.now()
        try:
            return self._each(self._ledger.live_exits(None, now), lambda one: self._swept(one, now))
        finally:
            self._rest(self._ledger.exits_to_rest(None, now), now)

    def _each(self, exits: Iterable[LiveExit], look: Callable[[LiveExit], bool]) -> int:
        return _in_turn((one.exit_id, partial(look, one)) for one in exits if one.status == "armed")

    def _look(self, one: LiveExit, quotes: Quotes, now: datetime) -> bool:
        if one.open_since is None:
            return False  # Out of session nothing fires: the first price of the next one does.
        if one.fired:
            return self._goes_on(one, now)
        counting = {
            symbol: quote
            for symbol, quote in quotes.items()
            if quote.counts(is_paper=one.is_paper, now=now) and not one.awaits_split
        }
        self._follow(one, counting)
        found = crossed(one, counting, now)
        if found is not None:
            return self._fire(one, found)
        if one.crossed_at is not None and (seen := position_price(one, counting)) is not None:
            self._ledger.uncross_exit(one.exit_id, seen[1])
        return False

    def _rest(self, exits: Iterable[UUID], now: datetime) -> None:
        """What is to rest at the broker is placed, moved, or cancelled."""

        def step(exit_id: UUID) -> int:
            done = self._ledger.rest_exit(exit_id, now)
            _log.info("resting stop", exit=str(exit_id), step=done.step, resting=done.resting)
            return 0

        _in_turn((exit_id, partial(step, exit_id)) for exit_id in exits)

    def _follow(self, one: LiveExit, quotes: Quotes) -> None:
        seen = position_price(one, quotes) if trails(one) else None
        if seen is not None and best_after(one, seen[0]) != one.best_price:
            self._ledger.follow_price(one.exit_id, *seen)

    def _swept(self, one: LiveExit, now: datetime) -> bool:
        quotes = self._quotes(one, {})
        self._notice(one, quotes, now)
        return self._look(one, quotes, now)

    def _goes_on(self, one: LiveExit, now: datetime) -> bool:
        return self._fire(one, Crossing("rest", None, now))

    def _fire(self, one: LiveExit, found: Crossing) -> bool:
        by: By = found.by
        done: Fired | None = self._ledger.trigger_exit(one.exit_id, by, found.price, found.at)
        if done is None:
            return False
        _log.warning(
            "exit", exit=str(one.exit_id), symbol=one.symbol, by=by, price=str(found.price), status=done.status,
            trade=str(done.trade_id), waits_for=done.waits_for,
        )  # fmt: skip
        return done.status == "triggered"

    def _quotes(self, one: LiveExit, told: dict[str, Seen]) -> Quotes:
        """The newest of each symbol that it watches: as told, else the hot store's or the ledger's."""
        found: dict[str, Seen] = {
            symbol: Seen(quote.bid, quote.ask, quote.quoted_at, quote.delay_seconds)
            for symbol, quote in (one.quotes or {}).items()
        }
        wanted = {leg.symbol: leg.kind for leg in one.legs}
        if underlying_matters(one):
            wanted |= {leg.underlying: "equity" for leg in one.legs if leg.underlying is not None}
        missing = {quote_key(symbol): symbol for symbol in wanted if symbol not in told}
        try:
            kept = self._hot.get_many(list(missing)) if missing else {}
        except Temporary as error:
            _log.warning("hot store down, using the stored quotes", reason=str(error))
            kept = {}
        for key, entry in kept.items():
            symbol = missing[key]
            shape = OptionQuoteData if wanted[symbol] == "option" else QuoteData
            quote = _seen(shape.model_validate(entry.value))
            if symbol not in found or found[symbol].quoted_at < quote.quoted_at:
                found[symbol] = quote
        return found | told

    def _notice(self, one: LiveExit, quotes: Quotes, now: datetime) -> None:
        """Tells once of an exit that goes by prices and gets none, in session; and when it sees again."""
        needed = {leg.symbol for leg in one.legs} if prices_matter(one) or one.delta_limit is not None else set()
        if underlying_matters(one):
            needed |= {leg.underlying for leg in one.legs if leg.underlying is not None}
        if not needed or one.open_since is None:
            return
        heard = [quotes[symbol] for symbol in needed if symbol in quotes]
        whole = len(heard) == len(needed) and (not prices_matter(one) or position_price(one, quotes) is not None)
        usable = whole and all(one.is_paper or quote.delay_seconds == 0 for quote in heard)
        seen_at = min(quote.quoted_at for quote in heard) if usable else None
        late = timedelta(seconds=max((quote.delay_seconds for quote in heard), default=0))
        most = (_OPTIONS_BLIND_AFTER if any(leg.kind == "option" for leg in one.legs) else BLIND_AFTER) + late
        since = max(moment for moment in (seen_at, one.open_since, one.armed_from) if moment is not None)
        blind = now - since > most
        if blind != (one.blind_since is not None):
            self._ledger.mark_exit_blind(one.exit_id, blind, now, seen_at)


def _in_turn(turns: Iterable[tuple[UUID, Callable[[], int]]]) -> int:
    """Each exit has its turn, whatever becomes of the others; returns the sum."""
    total = 0
    failure: AgentTraderError | None = None
    for exit_id, turn in turns:
        try:
            total += turn()
        except Temporary:
            raise
        except Final as error:
            _log.error("exit not watched", exit=str(exit_id), code=error.code, reason=error.text)
            failure = error
        except Exception as error:  # noqa: BLE001 - a mistake that one exit meets keeps no other from being watched
            _log.error("a mistake of ours", exit=str(exit_id), exc_info=error)
            failure = Mistake("PLATFORM_ERROR", f"the exit {exit_id} met {type(error).__name__}")
    if failure is not None:
        raise failure
    return total


def _seen(quote: QuoteData | OptionQuoteData) -> Seen:
    return Seen(quote.bid, quote.ask, quote.quoted_at, quote.delay_seconds)
