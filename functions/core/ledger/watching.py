"""What the watches over limits ask of the ledger after the trade: a breach, a warning, a recovery."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from functions.core.ledger.book_results import BookResult
from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import Amount, text


class Breach(Row):
    """What the ledger did about a breach.

    `stands`: it is on record, and nothing more was done. `removed`: the limit is no longer set. `placed` are the orders
    that reduce.
    """

    status: Literal["breached", "worse", "stands", "removed"]
    breach_id: int | None = None
    act: str | None = None
    placed: tuple[UUID, ...] = ()


class WatchedResult(Row):
    """A limit on results, what its scope has won or lost now, and what happened to the limit last.

    `today`: that was in the session day of the measure.
    """

    limit_id: UUID
    name: str
    scope: Literal["user", "account", "strategy"]
    broker_account_id: UUID | None
    strategy_id: UUID | None
    value: Amount
    parameters: dict[str, Amount] = Field(default_factory=dict)
    state: Literal["warned", "breached", "worse", "recovered"] | None
    today: bool
    on: BookResult


class WatchedMargin(Row):
    """A limit on margin, an account of its scope, and the broker's newest word on it, dollars, `as_of` event time."""

    limit_id: UUID
    scope: Literal["global", "user", "account"]
    broker_account_id: UUID
    value: Amount
    parameters: dict[str, Amount] = Field(default_factory=dict)
    state: Literal["warned", "breached", "worse", "recovered"] | None
    today: bool
    margin_requirement: Amount
    equity: Amount
    as_of: AwareDatetime


class WatchLedger(LedgerPart):
    """Limits that are watched: each call is safe to repeat, and does its work once."""

    def watch_quote(self, symbol: str, mark: Decimal | None, at: datetime, source: str) -> list[WatchedResult] | None:
        """Marks what is held by a quote (None: it is marked already) and records the results of who holds it.

        At most once a second of event time; the limits to measure then. None where nobody holds it.
        """
        said = {"p_symbol": symbol, "p_mark": None if mark is None else text(mark)}
        answer = self._call("watch_quote", {**said, "p_at": at.isoformat(), "p_source": source})
        return None if answer is None else self._each(WatchedResult, answer)

    def watch_results(self, at: datetime, account: UUID | None = None) -> list[WatchedResult]:
        """Records everybody's results, or an account's owner's, as of `at` (event time); the limits to measure then."""
        said = {"p_at": at.isoformat(), "p_account_id": None if account is None else str(account)}
        return self._each(WatchedResult, self._call("watch_results", said))

    def watch_margin(self, at: datetime) -> list[WatchedMargin]:
        """The limits on margin with what the broker last said by `at` (event time); who says nothing is left out."""
        return self._each(WatchedMargin, self._call("watch_margin", {"p_at": at.isoformat()}))

    def tell_blind(self, limit: UUID, account: UUID | None, at: datetime, detail: Mapping[str, str]) -> bool:
        """Tells that a limit cannot be measured, on an account of its scope; True the first time of a session day."""
        said = {"p_limit_id": str(limit), "p_account_id": account and str(account), "p_strategy_id": None}
        return bool(self._call("tell_blind", {**said, "p_at": at.isoformat(), "p_detail": dict(detail)}))

    def breach_limit(
        self,
        limit: UUID,
        account: UUID | None,
        strategy: UUID | None,
        measured: Decimal,
        at: datetime,
        detail: Mapping[str, str] | None = None,
    ) -> Breach:
        """Says that a limit is broken, as measured on an account or strategy of its scope at `at` (event time)."""
        said = _measure(limit, account, strategy, measured, at)
        return Breach.model_validate(self._call("breach_limit", {**said, "p_detail": dict(detail or {})}))

    def warn_of_limit(
        self,
        limit: UUID,
        account: UUID | None,
        strategy: UUID | None,
        measured: Decimal,
        at: datetime,
        detail: Mapping[str, str] | None = None,
    ) -> bool:
        """Says that a limit is near; True where it was told for the first time."""
        said = _measure(limit, account, strategy, measured, at)
        return bool(self._call("warn_of_limit", {**said, "p_detail": dict(detail or {})}))

    def rearm_limit(
        self, limit: UUID, account: UUID | None, strategy: UUID | None, measured: Decimal, at: datetime
    ) -> bool:
        """Says that the measure has recovered: the limit may act again. True where it had to be told."""
        return bool(self._call("rearm_limit", _measure(limit, account, strategy, measured, at)))


def _measure(
    limit: UUID, account: UUID | None, strategy: UUID | None, measured: Decimal, at: datetime
) -> dict[str, Any]:
    return {
        "p_limit_id": str(limit),
        "p_account_id": None if account is None else str(account),
        "p_strategy_id": None if strategy is None else str(strategy),
        "p_measured": text(measured),
        "p_at": at.isoformat(),
    }
