"""What the watch over concentration and greeks asks of the ledger: the limits, and what is held against them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, TypeAdapter

from functions.core.ledger.book_portfolio import BookEquity, BookGreeks
from functions.core.ledger.judging import BookMark
from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import Amount


class PortfolioLimit(Row):
    """A limit, and what happened to it last on the account; `today`: in the session day of the measure."""

    limit_id: UUID
    name: str
    scope: Literal["global", "user", "account", "strategy"]
    strategy_id: UUID | None
    symbol: str | None
    value: Amount
    parameters: dict[str, Amount] = Field(default_factory=dict)
    state: Literal["warned", "breached", "worse", "recovered"] | None
    today: bool


class Holding(Row):
    """What the account holds, or one of its strategies: signed shares or contracts."""

    strategy_id: UUID | None
    symbol: str
    quantity: Amount
    multiplier: Amount


class WatchedPortfolio(Row):
    """An account with its limits, and all that they are held against.

    `since` is when its holdings last changed, or the session opened where that was later. `equity` is the broker's
    newest word. Times are event time, UTC.
    """

    broker_account_id: UUID
    limits: tuple[PortfolioLimit, ...]
    held: tuple[Holding, ...]
    equity: BookEquity | None
    since: AwareDatetime | None
    in_session: bool
    marks: dict[str, BookMark] = Field(default_factory=dict)
    sectors: dict[str, str | None] = Field(default_factory=dict)
    greeks: dict[str, BookGreeks] = Field(default_factory=dict)


_PORTFOLIOS = TypeAdapter(list[WatchedPortfolio])


class PortfolioLedger(LedgerPart):
    """Limits on concentration and greeks, as they are watched."""

    def watch_portfolio(self, at: datetime, account: UUID | None = None) -> list[WatchedPortfolio]:
        """The accounts, one or all, for which such a limit is set, as of `at` (event time)."""
        said = {"p_at": at.isoformat(), "p_account_id": None if account is None else str(account)}
        return _PORTFOLIOS.validate_python(self._call("watch_portfolio", said))
