"""What a broker's adapter signs in with, opened from a sealed credential."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr

from functions.brokers.keyring import read_keyring
from functions.brokers.sealing import Binding, Purpose, open_sealed
from functions.core.ledger.credentials import SealedCredential


class KeyPair(BaseModel):
    """Alpaca's key and secret."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: SecretStr
    secret: SecretStr


def alpaca_keys(
    row: SealedCredential, keyring: Path | None, purpose: Purpose, *, user: UUID, account: UUID, is_paper: bool
) -> KeyPair:
    """Opens an Alpaca credential that was sealed for this user, account and environment.

    Raises Misconfigured NO_KEYRING, OPEN_KEYRING or BAD_KEYRING, and its kind BadSeal.
    """
    binding = Binding(user, account, "alpaca", "paper" if is_paper else "live", purpose)
    pair = read_keyring(keyring, purpose).pair(row.key_id)
    fields = open_sealed(row.sealed, pair.private_key, binding).fields
    return KeyPair(key=SecretStr(fields["key"]), secret=SecretStr(fields["secret"]))
