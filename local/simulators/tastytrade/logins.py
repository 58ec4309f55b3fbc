"""The accounts that a simulator starts with, and the OAuth grant that opens each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

from functions.core.errors import BadInput, Misconfigured
from local.simulators.venue.account_settings import AccountSettings

_NUMBER: Final = re.compile(r"[0-9][0-9A-Z]{7}")
_OWN: Final = frozenset({"account_number", "refresh_token", "client_secret"})


@dataclass(frozen=True, slots=True)
class Login:
    """A grant. One with `reads_only` may look at its account and at the market, and may not trade."""

    refresh_token: str
    client_secret: str = field(repr=False)
    account_number: str | None
    reads_only: bool = False


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A grant and, where it is not for reading alone, the account behind it."""

    login: Login
    account: AccountSettings | None

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """From {"account_number", "refresh_token", "client_secret", "cash", ...} as the venue's accounts take them.

        With `data_only` the grant reads only; its account, if it names one, is another grant's. Raises BadInput.
        """
        for name in ("refresh_token", "client_secret"):
            if not isinstance(values.get(name), str) or not values[name]:
                raise BadInput("BAD_ACCOUNT", f"{name} must be a text, was {values.get(name)!r}", field=name)
        data_only = values.get("data_only") is True
        number = values.get("account_number")
        if not (number is None and data_only) and not (isinstance(number, str) and _NUMBER.fullmatch(number)):
            raise BadInput("BAD_ACCOUNT", f"account_number must be eight digits and capitals, was {number!r}")
        login = Login(values["refresh_token"], values["client_secret"], number, reads_only=data_only)
        if data_only:
            return cls(login, None)
        rest = {name: value for name, value in values.items() if name not in _OWN}
        named = {"account_id": number, "key": login.refresh_token, "secret": login.client_secret}
        return cls(login, AccountSettings.read({**rest, **named}))


def read_accounts(path: Path) -> list[AccountRow]:
    """The accounts of a JSON file: a list of objects. Raises Misconfigured BAD_ACCOUNTS_FILE, and as `read` does."""
    try:
        rows = json.loads(path.read_text(), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise Misconfigured("BAD_ACCOUNTS_FILE", f"{path} cannot be read: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Misconfigured("BAD_ACCOUNTS_FILE", f"{path} must hold a list of accounts")
    return [AccountRow.read(row) for row in rows]
