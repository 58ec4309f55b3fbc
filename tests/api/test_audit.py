"""Everybody reads the audit trail of their own rows, to the last digit."""

from __future__ import annotations

import hashlib

from tests.api.conftest import Caller
from tests.integration.ledger.ledger import Ledger


def test_audit_when_read_then_own_rows_with_the_hashes_on_record(
    owner: Caller, stranger: Caller, ledger: Ledger
) -> None:
    page = owner.get("/audit", params={"limit": 200, "chain": str(owner.desk and owner.desk.account)}).json()
    assert page["data"]
    link = page["data"][0]
    ((content, hashed),) = ledger.rows(
        "select private.audit_content(chain, sequence, at, actor, action, table_name, row_id, user_id, before, after), "
        "encode(hash, 'hex') from public.audit_log where chain = %s and sequence = %s",
        link["chain"],
        link["sequence"],
    )
    assert link["hash"] == hashed
    assert hashlib.sha256(bytes.fromhex(link["previous_hash"]) + content.encode()).hexdigest() == link["hash"]
    assert f'"after": {link["after"]}' in content
    of_stranger = stranger.get("/audit", params={"chain": link["chain"]}).json()
    assert of_stranger == {"data": [], "next_cursor": None}


def test_audit_when_narrowed_then_those_rows_alone(owner: Caller) -> None:
    assert owner.desk is not None
    asked = {"table_name": "broker_accounts", "row_id": str(owner.desk.account), "action": "INSERT"}
    links = owner.get("/audit", params=asked).json()["data"]
    assert [(link["table_name"], link["action"], link["before"]) for link in links] == [
        ("broker_accounts", "INSERT", None)
    ]
