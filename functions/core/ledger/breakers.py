"""What the circuit breakers ask of the ledger: to measure, and to act once where there is too much."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import Total, text


class BreakerEvent(Row):
    """What became of one breaker: what it measured in the limit's unit, and what was done.

    `blind`: it has no prices of `symbol` and does nothing. `recovered`: it may act again.
    """

    limit_id: UUID
    name: str
    status: str
    measured: Total | None = None
    value: Total | None = None
    act: str | None = None
    symbol: str | None = None


class BreakerRound(Row):
    """How many breakers were measured, and what became of those to which something happened."""

    watched: int
    happened: list[BreakerEvent]


class BreakerLedger(LedgerPart):
    """The circuit breakers: each call is safe to repeat."""

    def run_breakers(self, at: datetime) -> BreakerRound:
        """Measures all of them at `at` (event time)."""
        return self._run(at)

    def run_breakers_of_account(self, at: datetime, account: UUID) -> BreakerRound:
        """Those that an account's orders move: losses, rejects, errors."""
        return self._run(at, account=account)

    def run_breakers_of_symbol(self, at: datetime, symbol: str, price: Decimal) -> BreakerRound:
        """Those that a symbol's price moves, which is `price` dollars at `at`."""
        return self._run(at, symbol=symbol, price=price)

    def _run(
        self, at: datetime, account: UUID | None = None, symbol: str | None = None, price: Decimal | None = None
    ) -> BreakerRound:
        said = {
            "p_at": at.isoformat(),
            "p_account_id": None if account is None else str(account),
            "p_symbol": symbol,
            "p_price": None if price is None else text(price),
        }
        return BreakerRound.model_validate(self._call("run_breakers", said))
