"""What the expiry and assignment desk asks of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, TypeAdapter

from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import Amount, Total

Outcome = Literal["expires", "exercised", "assigned"]


class DeskSession(Row):
    """A session of the exchange."""

    date: date
    opens_at: AwareDatetime
    closes_at: AwareDatetime


class DeskLimit(Row):
    """A limit of the desk that applies somewhere on the account; `act` None: the first of its kind."""

    limit_id: UUID
    scope: str
    strategy_id: UUID | None
    name: str
    value: Amount
    act: str | None
    parameters: dict[str, Amount] = Field(default_factory=dict)


class ExpiringPosition(Row):
    """An open position in an option, and what becomes of it at the latest mark; see the view `expiring_positions`.

    None is what is not known: no mark, no calendar, no dividend told. Dollars, shares and contracts are signed: what is
    below zero goes, or is sold.
    """

    owner_key: str
    strategy_id: UUID | None
    symbol: str
    underlying: str
    option_right: Literal["call", "put"]
    strike: Amount
    style: Literal["american", "european"]
    settlement: Literal["physical", "cash"]
    quantity: Amount
    expires_on: date
    trades_from: AwareDatetime | None
    trades_until: AwareDatetime | None
    warned_from: AwareDatetime | None
    mark: Amount | None
    marked_at: AwareDatetime | None
    underlying_mark: Amount | None
    underlying_marked_at: AwareDatetime | None
    in_the_money: Amount | None
    if_left: Outcome | None
    shares: Total | None
    cash: Total | None
    shares_held: Total
    account_cash: Amount | None
    account_buying_power: Amount | None
    time_value: Amount | None
    next_ex_date: date | None
    dividend: Amount | None


class DeliveredShares(Row):
    """Shares that came to an owner, or went, by exercise or assignment: what they cost, and what is left of them.

    `closed` is what the desk has sold or bought back of them, `held` what the owner holds of the symbol now.
    """

    adjustment_id: UUID
    kind: Literal["exercise", "assignment"]
    option_symbol: str
    contracts: Amount
    symbol: str
    owner_key: str
    strategy_id: UUID | None
    shares: Total
    cash: Total
    price: Amount
    effective_at: AwareDatetime
    held: Total
    closed: Total
    account_cash: Amount | None


class DeskBook(Row):
    """Everything that the desk looks at for one account; `session` is the one that is open."""

    session: DeskSession | None
    next_session: DeskSession | None
    limits: list[DeskLimit]
    positions: list[ExpiringPosition]
    delivered: list[DeliveredShares]


class Notice(Row):
    """What the owner of an account is told, once for what `name` says."""

    name: str
    code: str
    severity: Literal["info", "warning", "critical"]
    text: str
    numbers: dict[str, str]


class Closing(Row):
    """What is closed or rolled of an owner's, and why; `most` is how much of it at most, None for all."""

    cause: str
    owner_key: str
    symbols: list[str]
    how: Literal["close", "roll"]
    reason: str
    most: Amount | None = None


class DeskRound(Row):
    """The orders that one round has placed, and those that it asked to be cancelled."""

    placed: list[UUID]
    canceled: list[UUID]


_ACCOUNTS = TypeAdapter(list[UUID])


class DeskLedger(LedgerPart):
    """Options that expire and shares that were delivered, by account."""

    def desks_to_watch(self, now: datetime) -> list[UUID]:
        """The accounts that hold options, or that shares were delivered to lately."""
        return _ACCOUNTS.validate_python(self._call("desks_to_watch", {"p_now": now.isoformat()}))

    def desk_book(self, account: UUID, now: datetime) -> DeskBook:
        """What is open on an account as of `now` (event time)."""
        said = {"p_account_id": str(account), "p_now": now.isoformat()}
        return DeskBook.model_validate(self._call("desk_book", said))

    def tell_desk(self, account: UUID, notices: Sequence[Notice]) -> int:
        """Tells the account's owner, each notice once; returns how many were new."""
        rows = [notice.model_dump(mode="json") for notice in notices]
        return int(self._call("tell_desk", {"p_account_id": str(account), "p_notices": rows}))

    def desk_close(self, account: UUID, closings: Sequence[Closing], now: datetime) -> DeskRound:
        """One round of closing, where the market is open at `now` (event time). Safe to repeat."""
        rows = [closing.model_dump(mode="json") for closing in closings]
        said = {"p_account_id": str(account), "p_closings": rows, "p_now": now.isoformat()}
        return DeskRound.model_validate(self._call("desk_close", said))
