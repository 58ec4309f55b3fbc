"""Sealed credentials and the keys they are sealed with, as the functions that open or rotate them ask for them."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter

from functions.core.ledger.part import Row
from functions.core.ledger.transport import Transport


class SealedCredential(Row):
    """One ciphertext, in base64. `entered_at` is when the trader entered it; re-sealing leaves it."""

    broker_account_id: UUID
    purpose: str
    key_id: str
    sealed: str
    version: int
    entered_at: AwareDatetime


class DataAccount(Row):
    """An active account whose data credential may read market data; entered again, it is another."""

    broker_account_id: UUID
    user_id: UUID
    broker: str
    is_paper: bool
    data_entered_at: AwareDatetime


_ROWS = TypeAdapter(list[SealedCredential])
_ACCOUNTS = TypeAdapter(list[DataAccount])


class CredentialLedger:
    """`fn_execute` reaches what is for trading, `fn_ingest` what is for data; the ledger refuses the rest."""

    def __init__(self, transport: Transport) -> None:
        self._call = transport.call

    def broker_credentials(self, account: UUID, purpose: str) -> SealedCredential:
        """Raises LedgerRefused NO_CREDENTIALS where the trader entered none."""
        return SealedCredential.model_validate(
            self._call("broker_credentials", {"p_account_id": str(account), "p_purpose": purpose})
        )

    def data_accounts(self) -> list[DataAccount]:
        """The active accounts with a data credential, the one linked first at the front."""
        return _ACCOUNTS.validate_python(self._call("data_accounts", {}))

    def register_sealing_key(self, purpose: str, public_key: str) -> str:
        """Traders seal with this key from now on; returns its id. Safe to repeat."""
        return str(self._call("register_sealing_key", {"p_purpose": purpose, "p_public_key": public_key}))

    def retire_sealing_key(self, key: str) -> None:
        """Nothing is sealed with it any more. Safe to repeat. Raises LedgerRefused KEY_IN_USE or LAST_KEY."""
        self._call("retire_sealing_key", {"p_key_id": key})

    def active_sealing_keys(self, purpose: str) -> list[str]:
        """Ids of the keys that are not retired, oldest first."""
        return [str(key) for key in self._call("active_sealing_keys", {"p_purpose": purpose})]

    def credentials_to_reseal(self, purpose: str, key: str, after: UUID | None) -> list[SealedCredential]:
        """Some of the ciphertexts that are not under this key, by account id, after the given one."""
        return _ROWS.validate_python(
            self._call(
                "credentials_to_reseal",
                {"p_purpose": purpose, "p_key_id": key, "p_after": str(after) if after else None},
            )
        )

    def reseal_credentials(self, row: SealedCredential, key: str, sealed: str) -> bool:
        """Replaces the ciphertext where the row is still as it was read; False where the trader was quicker."""
        return bool(
            self._call(
                "reseal_credentials",
                {
                    "p_account_id": str(row.broker_account_id),
                    "p_purpose": row.purpose,
                    "p_version": row.version,
                    "p_key_id": key,
                    "p_sealed": sealed,
                },
            )
        )
