"""Circuit breakers: what goes wrong too often, or moves too far, halts the scope on which the limit is set."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from functions.core.events import QuoteData
from functions.core.ledger.breakers import BreakerLedger, BreakerRound
from functions.core.log import logger
from functions.core.money import text
from functions.core.ports import Ports
from functions.core.quiet import Quiet
from functions.risk.limits import ALL_SCOPES, WIDE_SCOPES, Act, LimitKind, Parameter

_ACTS: tuple[Act, ...] = ("block_entries", "cancel", "flatten", "deactivate", "warn")
# What happened longer ago says nothing of how things are: all is measured as of now instead.
_FRESH = timedelta(minutes=1)
# The middle of a wider quote is no price: of a bid of 90 and an ask of 110 it may be either.
_WIDEST = Decimal("0.1")
# A breaker that was set meanwhile is measured by the sweep.
_quiet = Quiet(timedelta(seconds=5))

CIRCUIT_VOLATILITY = LimitKind(
    name="circuit_volatility",
    unit="percent",
    scopes=ALL_SCOPES,
    family="breaker",
    parameters=(Parameter("within_minutes", "minutes", Decimal(5), "How far back prices are looked at."),),
    acts=_ACTS,
    summary="Between the lowest and the highest price of a symbol within the time there is at most so much, in percent "
    "of the lowest: by its one-minute bars and its newest quote. Without a symbol, that of any symbol that is held in "
    "the scope or that an active strategy there trades; options are watched by their underlying. Where no price comes "
    "while the market is open it does nothing, and an alert says so.",
)
CIRCUIT_LOSSES = LimitKind(
    name="circuit_losses",
    unit="losses",
    scopes=("user", "account", "strategy", "symbol"),
    family="breaker",
    parameters=(Parameter("within_minutes", "minutes", Decimal(1440), "How far back closed trades are looked at."),),
    acts=_ACTS,
    summary="At most so many closed trades in a row lose. One that does not lose ends the row.",
)
CIRCUIT_REJECTS = LimitKind(
    name="circuit_rejects",
    unit="rejected orders",
    scopes=WIDE_SCOPES,
    family="breaker",
    parameters=(Parameter("within_minutes", "minutes", Decimal(5), "How far back rejections are counted."),),
    acts=_ACTS,
    summary="At most so many orders are rejected within the time, by the rules or by the broker. What a closed gate or "
    "a protection refuses is not counted.",
)
CIRCUIT_ERROR_RATE = LimitKind(
    name="circuit_error_rate",
    unit="percent of orders",
    scopes=WIDE_SCOPES,
    family="breaker",
    parameters=(
        Parameter("within_minutes", "minutes", Decimal(15), "How far back the orders were decided."),
        Parameter("orders", "orders", Decimal(5), "How many must have been sent for the share to say something."),
    ),
    acts=_ACTS,
    summary="Of the orders that were sent, at most so many percent had no clear answer from the broker: unknown, not "
    "taken, or not seen when it was asked again.",
)
BREAKERS: tuple[LimitKind, ...] = (CIRCUIT_VOLATILITY, CIRCUIT_LOSSES, CIRCUIT_REJECTS, CIRCUIT_ERROR_RATE)


class Breakers:
    """Has the breakers measured when something happened that may move them; each way is one call of the ledger.

    The ledger counts what came since a breaker has acted last, and acts once on it, so an event that comes twice does
    nothing more.
    """

    def __init__(self, reach: Ports) -> None:
        self._clock = reach.clock
        self._ledger = BreakerLedger(reach.ledger)

    def on_trade(self, account: UUID, at: datetime) -> int:
        """An order was rejected, filled or lost sight of at `at` (event time); returns how many breakers acted."""
        now = self._clock.now()
        return _said(self._ledger.run_breakers_of_account(at if now - at <= _FRESH else now, account))

    def on_quote(self, quote: QuoteData) -> int:
        """A symbol has a new quote; returns how many breakers acted. One that is late, or wide, is no price."""
        middle = (quote.bid + quote.ask) / 2
        late = quote.delay_seconds > 0 or self._clock.now() - quote.quoted_at > _FRESH
        if late or quote.ask - quote.bid > middle * _WIDEST:
            return 0
        if _quiet.about(quote.symbol, quote.quoted_at):
            return 0
        done = self._ledger.run_breakers_of_symbol(quote.quoted_at, quote.symbol, middle)
        if not done.watched:
            _quiet.nobody_asks(quote.symbol, quote.quoted_at)
        return _said(done)

    def sweep(self) -> int:
        """All of them, as of now: what no message has brought, and those that see nothing."""
        return _said(self._ledger.run_breakers(self._clock.now()))


def _said(done: BreakerRound) -> int:
    for event in done.happened:
        logger("risk").warning(
            "breaker",
            limit=event.name,
            status=event.status,
            measured=None if event.measured is None else text(event.measured),
            value=None if event.value is None else text(event.value),
            act=event.act,
            symbol=event.symbol,
        )
    return sum(event.status in ("breached", "worse") for event in done.happened)
