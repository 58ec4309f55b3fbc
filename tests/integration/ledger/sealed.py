"""Sealing keys and sealed credentials of the ledger tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from functions.brokers.keyring import SealingPair
from functions.brokers.sealing import Binding, Credential, Purpose, seal
from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Ledger

OPENERS: dict[Purpose, str] = {"trading": "fn_execute", "data": "fn_ingest"}


def register(ledger: Ledger, purpose: Purpose = "trading", pair: SealingPair | None = None) -> SealingPair:
    """A key pair whose public half is registered."""
    pair = pair or SealingPair.generate()
    ledger.call("register_sealing_key", OPENERS[purpose], p_purpose=purpose, p_public_key=pair.public_text)
    return pair


def sealed_for(
    desk: Desk, pair: SealingPair, purpose: Purpose = "trading", fields: Mapping[str, str] | None = None
) -> str:
    binding = Binding(desk.user, desk.account, "alpaca", "paper", purpose)
    credential = Credential(binding, fields or {"key": "PK", "secret": "hush"}, datetime.now(UTC))
    return seal(credential, pair.public_key)


def store(
    desk: Desk, pair: SealingPair, purpose: Purpose = "trading", *, by: UUID | None = None, **more: Any
) -> dict[str, Any]:
    """Enters a credential as the owner, or as somebody else."""
    asked = {
        "p_account_id": desk.account,
        "p_purpose": purpose,
        "p_key_id": pair.id,
        "p_sealed": sealed_for(desk, pair, purpose),
    }
    answer: dict[str, Any] = desk.ledger.call("store_credentials", "authenticated", by or desk.user, **(asked | more))
    return answer


def fetch(desk: Desk, purpose: Purpose = "trading", role: str | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = desk.ledger.call(
        "broker_credentials", role or OPENERS[purpose], p_account_id=desk.account, p_purpose=purpose
    )
    return answer


def verdict(desk: Desk, state: str = "verified", role: str = "fn_execute", **more: Any) -> dict[str, Any]:
    """What the broker said to the credential that is there, as `verify_account` records it."""
    entered = desk.ledger.one("select trading_entered_at from public.broker_accounts where id = %s", desk.account)
    said = {"p_account_id": desk.account, "p_entered_at": entered, "p_state": state}
    why = {} if state == "verified" else {"p_code": "BAD_KEYS", "p_reason": "enter them again"}
    answer: dict[str, Any] = desk.ledger.call("record_account_verification", role, **(said | why | more))
    return answer
