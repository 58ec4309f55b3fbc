"""Reading the accounts that a simulator starts with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from functions.core.errors import BadInput, Misconfigured
from functions.core.money import decimal
from local.simulators.venue.fees import NO_FEES, FeeSchedule

_KNOWN = {
    *("account_id", "key", "secret", "cash", "data_only", "fees", "shorting", "multiplier"),
    *("options_level", "blocked", "closing_only", "early_assignment_percent"),
}
_ACCOUNT_NUMBER = re.compile(r"PA[0-9A-Z]{10}|[0-9][0-9A-Z]{7}|[0-9]{9}")
_MOST_OPTIONS_LEVEL = 4
_MOST_PERCENT = 100
_MULTIPLIERS = (Decimal(1), Decimal(2), Decimal(4))


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account and its key. `cash` in dollars; `multiplier` is how much one dollar of equity may hold.

    A `data_only` key reads market data and has no account to trade. `options_level` is 0 for none, 1 covered calls and
    cash-secured puts, 2 long options, 3 spreads, 4 uncovered. `blocked` trades nothing, `closing_only` opens nothing.
    `early_assignment_percent` is how often a short option in the money is assigned at a close before its expiry.
    """

    account_id: str
    key: str
    secret: str = field(repr=False)
    cash: Decimal
    data_only: bool = False
    shorting: bool = True
    multiplier: Decimal = Decimal(2)
    fees: FeeSchedule = NO_FEES
    options_level: int = 3
    blocked: bool = False
    closing_only: bool = False
    early_assignment_percent: int = 0

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
        account_id = _account_id(values["account_id"])
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
            options_level=_whole(values, "options_level", 3, _MOST_OPTIONS_LEVEL),
            blocked=values.get("blocked", False) is True,
            closing_only=values.get("closing_only", False) is True,
            early_assignment_percent=_whole(values, "early_assignment_percent", 0, _MOST_PERCENT),
        )


def _account_id(given: str) -> str:
    """A UUID, or an account number as a broker that counts its accounts has it."""
    if _ACCOUNT_NUMBER.fullmatch(given):
        return given
    try:
        return str(UUID(given))
    except ValueError:
        raise BadInput(
            "BAD_ACCOUNT", f"account_id must be a UUID or an account number, was {given!r}", field="account_id"
        ) from None


def _whole(values: Mapping[str, Any], name: str, default: int, most: int) -> int:
    value = values.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise BadInput("BAD_ACCOUNT", f"{name} must be 0 to {most}, was {value!r}", field=name)
    return value


def read_accounts(path: Path) -> list[AccountSettings]:
    """The accounts of a JSON file: a list of objects. Raises Misconfigured BAD_ACCOUNTS_FILE, and as `read` does."""
    try:
        rows = json.loads(path.read_text(), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise Misconfigured("BAD_ACCOUNTS_FILE", f"{path} cannot be read: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Misconfigured("BAD_ACCOUNTS_FILE", f"{path} must hold a list of accounts")
    return [AccountSettings.read(row) for row in rows]
