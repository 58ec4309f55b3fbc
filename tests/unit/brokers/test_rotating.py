"""A rotation that is killed after any step and run again ends like one that was left alone; nothing is ever lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from functions.brokers.keyring import Keyring, SealingPair
from functions.brokers.rotating import rotate
from functions.brokers.sealing import Binding, Credential, Purpose, key_id, open_sealed, seal
from functions.core.ledger.credentials import CredentialLedger
from functions.core.ledger.errors import LedgerRefused

OLD = SealingPair.generate()
USER = UUID(int=1)
ACCOUNTS = [UUID(int=number) for number in (2, 3)]
WHEN = datetime(2026, 11, 23, tzinfo=UTC)


def credential(account: UUID, word: str = "hush") -> Credential:
    return Credential(Binding(USER, account, "alpaca", "paper", "trading"), {"key": "PK", "secret": word}, WHEN)


class Killed(Exception):
    """The process died here."""


@dataclass
class LedgerInMemory:
    """The rules of Postgres that rotation leans on."""

    keys: dict[str, str] = field(default_factory=dict)
    rows: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    meanwhile: list[UUID] = field(default_factory=list)

    def enter(self, account: UUID, pair: SealingPair, word: str = "hush") -> None:
        assert self.keys[pair.id] == "active"
        version = self.rows.get(account, {"version": 0})["version"] + 1
        self.rows[account] = {
            "broker_account_id": str(account),
            "purpose": "trading",
            "key_id": pair.id,
            "sealed": seal(credential(account, word), pair.public_key),
            "version": version,
            "entered_at": WHEN.isoformat(),
        }

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        return getattr(self, function)(*arguments.values())

    def register_sealing_key(self, _purpose: str, public_key: str) -> str:
        import base64

        key = key_id(base64.b64decode(public_key))
        self.keys.setdefault(key, "active")
        return key

    def active_sealing_keys(self, _purpose: str) -> list[str]:
        return [key for key, status in self.keys.items() if status == "active"]

    def retire_sealing_key(self, key: str) -> None:
        if any(row["key_id"] == key for row in self.rows.values()):
            raise LedgerRefused("KEY_IN_USE", "in use", 409)
        self.keys[key] = "retired"

    def credentials_to_reseal(self, _purpose: str, key: str, after: str | None) -> list[dict[str, Any]]:
        found = [dict(self.rows[one]) for one in sorted(self.rows) if self.rows[one]["key_id"] != key]
        page = [row for row in found if after is None or row["broker_account_id"] > after][:1]
        while self.meanwhile:
            # A trader who read the old public key a moment ago enters another secret, after we have looked.
            self.enter(self.meanwhile.pop(), OLD, "entered-meanwhile")
        return page

    def reseal_credentials(self, account: str, _purpose: str, version: int, key: str, sealed: str) -> bool:
        row = self.rows[UUID(account)]
        if row["version"] != version:
            return False
        row |= {"key_id": key, "sealed": sealed, "version": version + 1}
        return True


@dataclass
class Store:
    keyring: Keyring

    def read(self, _purpose: Purpose) -> Keyring:
        return self.keyring

    def keep(self, keyring: Keyring) -> None:
        self.keyring = keyring


def world() -> tuple[LedgerInMemory, Store]:
    ledger = LedgerInMemory({OLD.id: "active"})
    for account in ACCOUNTS:
        ledger.enter(account, OLD)
    return ledger, Store(Keyring("trading", (OLD,)))


def require_every_credential_opens(ledger: LedgerInMemory, store: Store, word: str = "hush") -> None:
    for account, row in ledger.rows.items():
        private = store.keyring.pair(row["key_id"]).private_key
        assert open_sealed(row["sealed"], private, credential(account).binding).fields["secret"] == word


def require_rotated(ledger: LedgerInMemory, store: Store) -> None:
    assert len(store.keyring.pairs) == 1
    new = store.keyring.newest
    assert new.id != OLD.id
    assert ledger.keys == {OLD.id: "retired", new.id: "active"}
    assert {row["key_id"] for row in ledger.rows.values()} == {new.id}


def test_rotation_when_left_alone_then_everything_is_under_the_new_key_and_the_old_is_gone() -> None:
    ledger, store = world()
    steps: list[str] = []
    done = rotate("trading", store, CredentialLedger(ledger), steps.append)
    assert (done.resealed, done.resumed, done.complete) == (2, False, True)
    require_rotated(ledger, store)
    require_every_credential_opens(ledger, store)
    assert steps == [
        "private key kept",
        "public key registered",
        "re-sealed one",
        "re-sealed one",
        "old keys retired",
        "old private keys dropped",
    ]


@pytest.mark.parametrize("at", range(6))
def test_rotation_when_killed_after_a_step_then_everything_opens_and_the_next_run_ends_it(at: int) -> None:
    ledger, store = world()
    left = at

    def die(_: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    with pytest.raises(Killed):
        rotate("trading", store, CredentialLedger(ledger), die)
    # Trading goes on with whatever is there.
    require_every_credential_opens(ledger, store)
    if at < 5:
        again = rotate("trading", store, CredentialLedger(ledger))
        assert again.resumed
        require_rotated(ledger, store)
    require_every_credential_opens(ledger, store)


def test_rotation_when_a_trader_enters_another_secret_meanwhile_then_theirs_stays() -> None:
    ledger, store = world()
    ledger.meanwhile = list(ACCOUNTS)
    done = rotate("trading", store, CredentialLedger(ledger))
    assert done.complete
    require_rotated(ledger, store)
    require_every_credential_opens(ledger, store, "entered-meanwhile")


def test_rotation_when_one_credential_cannot_be_opened_then_the_old_key_stays_until_it_is_entered_again() -> None:
    ledger, store = world()
    lost = SealingPair.generate()
    ledger.keys[lost.id] = "active"
    ledger.enter(ACCOUNTS[0], lost)
    done = rotate("trading", store, CredentialLedger(ledger))
    assert done.unreadable == (ACCOUNTS[0],)
    assert not done.complete
    assert OLD in store.keyring.pairs
    ledger.enter(ACCOUNTS[0], store.keyring.newest)
    assert rotate("trading", store, CredentialLedger(ledger)).complete
    assert list(ledger.keys.values()).count("active") == 1
    assert len(store.keyring.pairs) == 1
