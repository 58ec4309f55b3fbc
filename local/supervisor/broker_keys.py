"""The broker simulator's accounts, and the private keys that open what traders seal: secrets of the local stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from functions.brokers.keyring import Keyring, SealingPair, read_keyring
from functions.brokers.sealing import Purpose
from functions.core.identity import named_uuid
from local.stack import Stack, write_private

# Fixed, so that two replays show the same account, to the ledger and at the broker.
LEDGER_ACCOUNT: Final = named_uuid("local", "account")
BROKER_ACCOUNT: Final = "PA3LOCAL0001"
TASTYTRADE_LEDGER_ACCOUNT: Final = named_uuid("local", "tastytrade", "ledger-account")
TASTYTRADE_ACCOUNT: Final = "5WT00001"
PURPOSES: Final[tuple[Purpose, ...]] = ("trading", "data")
_DATA_ACCOUNT: Final = "PA3LOCALDATA"
_CASH: Final = "100000"


def accounts_file(stack: Stack) -> Path:
    return stack.state / "accounts.json"


def tastytrade_accounts_file(stack: Stack) -> Path:
    return stack.state / "tastytrade-accounts.json"


def keyring_file(stack: Stack, purpose: Purpose) -> Path:
    return stack.state / f"{purpose}-keys.json"


def write_keys(stack: Stack) -> None:
    """Writes the simulator's accounts anew, and a keyring for each purpose where there is none (mode 0600).

    The simulator has one account that trades, and an empty one whose key reads market data, the clock and the calendar:
    the broker answers those two on its trading API only.
    """
    secrets = stack.secrets
    accounts = [
        {"account_id": BROKER_ACCOUNT, "key": secrets.broker_key, "secret": secrets.broker_secret, "cash": _CASH},
        {"account_id": _DATA_ACCOUNT, "key": secrets.data_key, "secret": secrets.data_secret, "cash": "0"},
    ]
    write_private(accounts_file(stack), json.dumps(accounts, indent=2) + "\n")
    write_private(tastytrade_accounts_file(stack), json.dumps(_tastytrade_accounts(stack), indent=2) + "\n")
    for purpose in PURPOSES:
        if not keyring_file(stack, purpose).exists():
            keep_keyring(stack, Keyring(purpose, (SealingPair.generate(),)))


def _tastytrade_accounts(stack: Stack) -> list[dict[str, object]]:
    """One account with two grants of one OAuth application: one trades, the other reads, market data for one."""
    secrets = stack.secrets
    grant = {"account_number": TASTYTRADE_ACCOUNT, "client_secret": secrets.tastytrade_secret}
    return [
        {**grant, "refresh_token": secrets.tastytrade_trading_grant, "cash": _CASH},
        {**grant, "refresh_token": secrets.tastytrade_data_grant, "data_only": True},
    ]


def keep_keyring(stack: Stack, keyring: Keyring) -> None:
    write_private(keyring_file(stack, keyring.purpose), keyring.document())


def stack_keyring(stack: Stack, purpose: Purpose) -> Keyring:
    """Raises Misconfigured, as `read_keyring`."""
    return read_keyring(keyring_file(stack, purpose), purpose)
