"""The brokers of the accounts: made of the keys as they are, kept, and made anew when the keys were refused."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest

from functions.core.errors import Misconfigured
from functions.core.ledger.executing import ExecutionLedger
from functions.execute.accounts import Accounts
from tests.unit.core.doubles import World
from tests.unit.execute.desk_made import ALICE, BOB, account_row


def write_keys(path: Path, *accounts: UUID) -> Path:
    pairs = {str(account): {"key": "PK", "secret": "hush"} for account in accounts}
    path.write_text(json.dumps({"data": {"key": "DK", "secret": "hush"}, "accounts": pairs}))
    path.chmod(0o600)
    return path


def accounts_of(path: Path, broker: str = "alpaca") -> tuple[World, Accounts]:
    world = World(
        {"trading_accounts": [account_row(ALICE, broker)]}, secrets_file=path, alpaca_trading_url="http://127.0.0.1:9"
    )
    return world, Accounts(world.ports, ExecutionLedger(world.ledger))


def test_broker_when_asked_twice_then_it_is_the_same_and_the_ledger_was_asked_once(tmp_path: Path) -> None:
    world, accounts = accounts_of(write_keys(tmp_path / "keys.json", ALICE))
    assert accounts.broker(ALICE) is accounts.broker(ALICE)
    assert world.said() == ["trading_accounts"]


def test_broker_when_its_keys_were_refused_then_the_next_is_made_of_the_keys_as_they_are_then(tmp_path: Path) -> None:
    path = write_keys(tmp_path / "keys.json", ALICE)
    _, accounts = accounts_of(path)
    before = accounts.broker(ALICE)
    accounts.forget(ALICE)
    assert accounts.broker(ALICE) is not before
    accounts.forget(ALICE)
    write_keys(path)
    with pytest.raises(Misconfigured):
        accounts.broker(ALICE)


def test_forget_when_there_is_no_broker_then_it_is_fine(tmp_path: Path) -> None:
    _, accounts = accounts_of(tmp_path / "keys.json")
    accounts.forget(BOB)


@pytest.mark.parametrize(
    ("account", "broker", "keys", "code"),
    [
        (BOB, "alpaca", [ALICE, BOB], "NO_ACCOUNT"),
        (ALICE, "alpaca", [BOB], "NO_BROKER_KEYS"),
        (ALICE, "etrade", [ALICE], "UNKNOWN_BROKER"),
    ],
)
def test_broker_when_it_cannot_be_made_then_the_reason_is_said(
    account: UUID, broker: str, keys: list[UUID], code: str, tmp_path: Path
) -> None:
    _, accounts = accounts_of(write_keys(tmp_path / "keys.json", *keys), broker)
    with pytest.raises(Misconfigured) as refused:
        accounts.broker(account)
    assert refused.value.code == code
    assert "hush" not in str(refused.value)
