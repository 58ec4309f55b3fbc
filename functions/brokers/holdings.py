"""What an account holds and may do, and what happened to it besides its orders. Decimal dollars, UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerPosition:
    """A position as the broker has it; quantity is signed, the price per share or per share of a contract.

    `available` is what no working order holds, signed as the quantity; None where the broker does not say.
    """

    symbol: str
    quantity: Decimal
    average_entry_price: Decimal
    mark: Decimal | None = None
    available: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """Cash, equity and buying power in dollars; None where the broker did not say.

    `settled_cash` is what a cash account may spend without a good-faith violation. `margin_requirement` is what keeps
    the positions. Buying power is as the broker computes it: `options_buying_power` for what has no leverage.
    """

    cash: Decimal
    equity: Decimal
    buying_power: Decimal | None
    options_buying_power: Decimal | None = None
    settled_cash: Decimal | None = None
    margin_requirement: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRules:
    """Who the account is, and what its broker lets it do.

    `account_number` is the broker's own. `options_level` is 0 for none, 1 covered calls and cash-secured puts, 2 long
    options, 3 spreads, 4 uncovered. `blocked` says why it cannot trade at all, `closing_only` that it may only close,
    `reads_only` that the credential may look and not trade.
    """

    account_number: str
    is_paper: bool
    is_margin: bool | None
    options_level: int
    may_short: bool
    closing_only: bool
    blocked: str | None
    reads_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerActivity:
    """One activity besides fills, in the ledger's words (`functions.core.ledger.activities.Activity`).

    `kind`: dividend, interest, fee, tax, deposit, withdrawal, split, expiry, exercise, assignment, transfer_in,
    transfer_out, cash_in_lieu; anything else is the broker's own word, which the ledger keeps and tells.
    `quantity` is the signed change of a position (of an exercise or assignment: the contracts, above zero), `amount` is
    cash in dollars, positive came in. `raw` is what the broker sent.
    """

    source: str
    external_id: str
    kind: str
    occurred_at: datetime
    symbol: str | None = None
    quantity: Decimal | None = None
    amount: Decimal | None = None
    price: Decimal | None = None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    underlying: str | None = None
    raw: dict[str, Any] = field(default_factory=dict)
