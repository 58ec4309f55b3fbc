"""Reading the accounts that a simulator starts with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from functions.core.errors import BadInput, Misconfigured
from functions.core.money import decimal
from local.simulators.venue.fees import NO_FEES, FeeSchedule

_KNOWN = {"account_id", "key", "secret", "cash", "data_only", "fees", "shorting", "multiplier"}
_MULTIPLIERS = (Decimal(1), Decimal(2), Decimal(4))


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account and its key. `cash` in dollars; `multiplier` is how much one dollar of equity may hold.

    A `data_only` key reads market data and has no account to trade.
    """

    account_id: str
    key: str
    secret: str = field(repr=False)
    cash: Decimal
    data_only: bool = False
    shorting: bool = True
    multiplier: Decimal = Decimal(2)
    fees: FeeSchedule = NO_FEES

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """Raises BadInput BAD_ACCOUNT, BAD_FEES or NOT_A_NUMBER."""
        unknown = sorted(set(values) - _KNOWN)
        if unknown:
            raise BadInput("BAD_ACCOUNT", f"an account takes {', '.join(sorted(_KNOWN))}, was {', '.join(unknown)}")
        data_only = values.get("data_only", False) is True
        for name in ("account_id", "key", "secret"):
            if not isinstance(values.get(name), str) or not values[name]:
                raise BadInput("BAD_ACCOUNT", f"{name} must be a text, was {values.get(name)!r}", field=name)
        try:
            account_id = str(UUID(values["account_id"]))
        except ValueError:
            raise BadInput("BAD_ACCOUNT", f"account_id must be a UUID, was {values['account_id']!r}") from None
        cash = decimal(values.get("cash", 0 if data_only else None), "cash")
        if cash < 0:
            raise BadInput("BAD_ACCOUNT", f"cash must not be below zero, was {cash}", field="cash")
        multiplier = decimal(values.get("multiplier", 2), "multiplier")
        if multiplier not in _MULTIPLIERS:
            raise BadInput("BAD_ACCOUNT", f"multiplier must be 1, 2 or 4, was {multiplier}", field="multiplier")
        fees = values.get("fees", {})
        if not isinstance(fees, Mapping):
            raise BadInput("BAD_ACCOUNT", f"fees must be an object, was {fees!r}", field="fees")
        return cls(
            account_id=account_id,
            key=values["key"],
            secret=values["secret"],
            cash=cash,
            data_only=data_only,
            shorting=values.get("shorting", True) is True,
            multiplier=multiplier,
            fees=FeeSchedule.read(fees),
        )


def read_accounts(path: Path) -> list[AccountSettings]:
    """The accounts of a JSON file: a list of objects. Raises Misconfigured BAD_ACCOUNTS_FILE, and as `read` does."""
    try:
        rows = json.loads(path.read_text(), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise Misconfigured("BAD_ACCOUNTS_FILE", f"{path} cannot be read: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Misconfigured("BAD_ACCOUNTS_FILE", f"{path} must hold a list of accounts")
    return [AccountSettings.read(row) for row in rows]
