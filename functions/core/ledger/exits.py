"""What the watch of protective exits asks of the ledger."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, TypeAdapter

from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import Amount, text

By = Literal["stop", "target", "trail", "time", "delta", "underlying", "strike", "rest"]
"""What fires an exit; `rest` is one that has fired and goes on."""


class ExitLeg(Row):
    """What an exit is of: `sign` is 1 where it is held long, -1 short, `ratio` how many of it are in a unit.

    `delta` is the feed's own word, as of `delta_at`; None where it says none, and for what is no option.
    """

    symbol: str
    sign: Literal[1, -1]
    ratio: int
    kind: str
    underlying: str | None = None
    option_right: Literal["call", "put"] | None = None
    strike: Amount | None = None
    expires_on: date | None = None
    delta: Amount | None = None
    delta_at: AwareDatetime | None = None


class ExitQuote(Row):
    """The latest stored quote of what an exit watches: dollars, UTC."""

    bid: Amount
    ask: Amount
    quoted_at: AwareDatetime
    delay_seconds: int


class LiveExit(Row):
    """An exit that is armed or under way. Prices in dollars of its position: of a package, of closing one unit.

    `open_since` is when the session began that the asking moment is in; None out of session. With
    `awaits_split` prices are in shares that the broker has not booked yet. `rest_due` says that something is to be done
    for the order that rests for it at the broker, `crossed_at` since when the broker is left to fire it. Times are
    event time, UTC.
    """

    exit_id: UUID
    broker_account_id: UUID
    is_paper: bool
    symbol: str
    direction: Literal["long", "short"]
    stop_price: Amount | None = None
    target_price: Amount | None = None
    trail_amount: Amount | None = None
    trail_percent: Amount | None = None
    best_price: Amount | None = None
    exit_at: AwareDatetime | None = None
    delta_limit: Amount | None = None
    underlying_below: Amount | None = None
    underlying_above: Amount | None = None
    short_strike: bool = False
    status: Literal["armed", "triggered"]
    fired: bool = False
    armed_from: AwareDatetime | None = None
    blind_since: AwareDatetime | None = None
    open_since: AwareDatetime | None = None
    awaits_split: bool = False
    rest_due: bool = False
    crossed_at: AwareDatetime | None = None
    legs: list[ExitLeg]
    quotes: dict[str, ExitQuote] | None = Field(default_factory=dict)


class Fired(Row):
    """What became of an exit that was asked to fire; `waits_for` says why it has not."""

    status: str
    trade_id: UUID | None = None
    waits_for: str | None = None


class Rested(Row):
    """What was done for the order that rests at the broker for an exit; `resting` is whether it may still fill."""

    step: Literal["adopt", "cancel", "refused", "taken", "place"] | None = None
    resting: bool = False


_IDS = TypeAdapter(list[UUID])


class ExitLedger(LedgerPart):
    """Exits to watch, and what becomes of them."""

    def live_exits(self, symbol: str | None, now: datetime) -> list[LiveExit]:
        """The exits that ask for quotes of a symbol, or all; oldest first."""
        return self._each(LiveExit, self._call("live_exits", {"p_symbol": symbol, "p_now": now.isoformat()}))

    def follow_price(self, exit_id: UUID, price: Decimal, at: datetime) -> bool:
        """Moves a trailing stop after a price that got better; True where it moved."""
        said = {"p_exit_id": str(exit_id), "p_price": text(price), "p_at": at.isoformat()}
        return bool(self._call("follow_price", said))

    def trigger_exit(self, exit_id: UUID, by: By, price: Decimal | None, at: datetime) -> Fired | None:
        """Fires an armed exit; None where it has moved since it was read and this does not reach it any more."""
        said = {"p_exit_id": str(exit_id), "p_by": by, "p_price": None if price is None else text(price)}
        try:
            return Fired.model_validate(self._call("trigger_exit", said | {"p_at": at.isoformat()}))
        except LedgerRefused as error:
            if error.code == "NOT_CROSSED":
                return None
            raise

    def settle_exits(self, account: UUID | None) -> int:
        """Ends what is over and arms again what is not, of an account or of all; returns how many exits moved."""
        settled: int = self._call("settle_exits", {"p_account_id": str(account) if account else None})
        return settled

    def exits_to_rest(self, account: UUID | None, now: datetime) -> list[UUID]:
        """Exits, of an account or of all, with something to be done for the order that rests for them."""
        said = {"p_account_id": str(account) if account else None, "p_at": now.isoformat()}
        return _IDS.validate_python(self._call("exits_to_rest", said))

    def rest_exit(self, exit_id: UUID, at: datetime) -> Rested:
        """Takes the next step of the order that rests at the broker for an exit."""
        return Rested.model_validate(self._call("rest_exit", {"p_exit_id": str(exit_id), "p_at": at.isoformat()}))

    def uncross_exit(self, exit_id: UUID, at: datetime) -> bool:
        """Says that the price came back from a stop that the broker was left to fire; False where that was known."""
        return bool(self._call("uncross_exit", {"p_exit_id": str(exit_id), "p_at": at.isoformat()}))

    def mark_exit_blind(self, exit_id: UUID, blind: bool, at: datetime, seen_at: datetime | None) -> bool:
        """Says that no fresh price of an armed exit comes, or that it sees again; False where that was known."""
        said = {"p_exit_id": str(exit_id), "p_blind": blind, "p_at": at.isoformat()}
        return bool(
            self._call("mark_exit_blind", said | {"p_seen_at": seen_at.isoformat() if seen_at is not None else None})
        )
