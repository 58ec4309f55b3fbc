"""The keys of the broker simulator's accounts: what the simulator accepts, and what functions present to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final
from uuid import UUID

from functions.core.identity import named_uuid
from local.stack import Stack, write_private

# Fixed, so that two replays show the same account, to the ledger and at the broker.
LEDGER_ACCOUNT: Final = named_uuid("local", "account")
BROKER_ACCOUNT: Final = str(named_uuid("local", "alpaca", "account"))
_DATA_ACCOUNT: Final = str(named_uuid("local", "alpaca", "data"))
_CASH: Final = "100000"


def accounts_file(stack: Stack) -> Path:
    return stack.state / "accounts.json"


def secrets_file(stack: Stack) -> Path:
    return stack.state / "broker-keys.json"


def write_keys(stack: Stack) -> None:
    """Writes both files (mode 0600) anew from the stack's secrets, without whatever `link_account` had added.

    The simulator has one account that trades, and an empty one whose key reads market data, the clock and the calendar:
    the broker answers those two on its trading API only. Functions find the trading key by
    the ledger's id of the account.
    """
    secrets = stack.secrets
    trading = {"key": secrets.broker_key, "secret": secrets.broker_secret}
    data = {"key": secrets.data_key, "secret": secrets.data_secret}
    accounts = [
        {"account_id": BROKER_ACCOUNT, **trading, "cash": _CASH},
        {"account_id": _DATA_ACCOUNT, **data, "cash": "0"},
    ]
    write_private(accounts_file(stack), json.dumps(accounts, indent=2) + "\n")
    keys = {"data": data, "accounts": {str(LEDGER_ACCOUNT): trading}}
    write_private(secrets_file(stack), json.dumps(keys, indent=2) + "\n")


def link_account(stack: Stack, ledger_account: UUID, key: str, secret: str) -> None:
    """Adds the trading key of a further account to the functions' file; they read it anew at each use."""
    keys = json.loads(secrets_file(stack).read_text())
    keys["accounts"][str(ledger_account)] = {"key": key, "secret": secret}
    write_private(secrets_file(stack), json.dumps(keys, indent=2) + "\n")
