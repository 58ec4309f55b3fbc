"""What a broker's adapter signs in with, opened from a sealed credential."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr

from functions.brokers.keyring import read_keyring
from functions.brokers.sealing import Binding, Environment, Purpose, open_sealed
from functions.core.ledger.credentials import SealedCredential


class KeyPair(BaseModel):
    """Alpaca's key and secret."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: SecretStr
    secret: SecretStr


class TastytradeLogin(BaseModel):
    """tastytrade's OAuth application secret, and the refresh token that one user granted to it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    client_secret: SecretStr
    refresh_token: SecretStr


def alpaca_keys(
    row: SealedCredential, keyring: Path | None, purpose: Purpose, *, user: UUID, account: UUID, is_paper: bool
) -> KeyPair:
    """Opens an Alpaca credential that was sealed for this user, account and environment.

    Raises Misconfigured NO_KEYRING, OPEN_KEYRING or BAD_KEYRING, and its kind BadSeal.
    """
    fields = _opened(row, keyring, purpose, Binding(user, account, "alpaca", _environment(is_paper), purpose))
    return KeyPair(key=SecretStr(fields["key"]), secret=SecretStr(fields["secret"]))


def tastytrade_login(
    row: SealedCredential, keyring: Path | None, purpose: Purpose, *, user: UUID, account: UUID, is_paper: bool
) -> TastytradeLogin:
    """The same of a tastytrade credential."""
    fields = _opened(row, keyring, purpose, Binding(user, account, "tastytrade", _environment(is_paper), purpose))
    return TastytradeLogin(
        client_secret=SecretStr(fields["client_secret"]), refresh_token=SecretStr(fields["refresh_token"])
    )


def _opened(row: SealedCredential, keyring: Path | None, purpose: Purpose, binding: Binding) -> Mapping[str, str]:
    pair = read_keyring(keyring, purpose).pair(row.key_id)
    return open_sealed(row.sealed, pair.private_key, binding).fields


def _environment(is_paper: bool) -> Environment:
    return "paper" if is_paper else "live"
