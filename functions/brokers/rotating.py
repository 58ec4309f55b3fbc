"""Rotation of a sealing key pair, safe to be killed after every step and to be run again.

The order is the whole proof. The private half is kept before the public half is shown, so nothing is ever sealed with a
key that nobody has. The old private half is dropped last, when the ledger says that nothing is under it. Whoever opens
credentials meanwhile finds both private keys in the keyring.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from functions.brokers.keyring import Keyring, SealingPair
from functions.brokers.sealing import BadSeal, Purpose, seal_padded, unseal
from functions.core.ledger.credentials import CredentialLedger, SealedCredential
from functions.core.ledger.errors import LedgerRefused

# A trader may enter a credential under the old key until it is retired, so it is looked again; not for ever.
_MOST_LOOKS: Final = 10


class KeyringStore(Protocol):
    """Where a keyring is kept: a file here, a secret's newest version in the cloud."""

    def read(self, purpose: Purpose) -> Keyring: ...

    def keep(self, keyring: Keyring) -> None:
        """Returns when it is durable; whole or not at all."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did. `unreadable` are accounts whose trader has to enter the credential again."""

    purpose: Purpose
    key: str
    resumed: bool
    resealed: int
    unreadable: tuple[UUID, ...]

    @property
    def complete(self) -> bool:
        """Whether the old keys are retired and their private halves gone."""
        return not self.unreadable


def rotate(
    purpose: Purpose, store: KeyringStore, ledger: CredentialLedger, step: Callable[[str], None] = lambda _: None
) -> Rotated:
    """Makes a new pair, or goes on with a rotation that was cut short; re-seals everything; retires what was before.

    `step` is told after each durable step. Raises Misconfigured where the keyring cannot be read, and the ledger's
    errors; run it again then.
    """
    keyring = store.read(purpose)
    resumed = len(keyring.pairs) > 1
    if not resumed:
        keyring = Keyring(purpose, (*keyring.pairs, SealingPair.generate()))
        store.keep(keyring)
        step("private key kept")
    new = keyring.newest
    ledger.register_sealing_key(purpose, new.public_text)
    step("public key registered")
    resealed = 0
    for _ in range(_MOST_LOOKS):
        done, unreadable = _reseal(keyring, ledger, step)
        resealed += done
        if unreadable or _retire_others(purpose, new, ledger):
            break
        step("looked again")
    else:
        raise LedgerRefused("KEY_IN_USE", "traders keep entering credentials under the old key; run this again", 409)
    if not unreadable:
        step("old keys retired")
        store.keep(Keyring(purpose, (new,)))
        step("old private keys dropped")
    return Rotated(purpose, new.id, resumed, resealed, unreadable)


def _reseal(keyring: Keyring, ledger: CredentialLedger, step: Callable[[str], None]) -> tuple[int, tuple[UUID, ...]]:
    done, unreadable, after = 0, list[UUID](), None
    while rows := ledger.credentials_to_reseal(keyring.purpose, keyring.newest.id, after):
        for row in rows:
            sealed = _sealed_again(row, keyring)
            if sealed is None:
                unreadable.append(row.broker_account_id)
            elif ledger.reseal_credentials(row, keyring.newest.id, sealed):
                # Otherwise the trader has entered another one meanwhile: theirs stays, and the next look finds it.
                done += 1
                step("re-sealed one")
        after = rows[-1].broker_account_id
    return done, tuple(unreadable)


def _sealed_again(row: SealedCredential, keyring: Keyring) -> str | None:
    try:
        return seal_padded(unseal(row.sealed, keyring.pair(row.key_id).private_key), keyring.newest.public_key)
    except BadSeal:
        return None


def _retire_others(purpose: Purpose, new: SealingPair, ledger: CredentialLedger) -> bool:
    """False where a credential came under an old key meanwhile."""
    for key in ledger.active_sealing_keys(purpose):
        if key == new.id:
            continue
        try:
            ledger.retire_sealing_key(key)
        except LedgerRefused as error:
            if error.code != "KEY_IN_USE":
                raise
            return False
    return True
