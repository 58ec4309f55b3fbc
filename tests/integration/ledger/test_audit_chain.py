"""The audit trail: hash-chained, so that a change behind its back is found, and found where it begins."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.ledger.desk import Desk, calling
from tests.integration.ledger.ledger import THREADS, Ledger

CHANGES = {
    "at": "at + interval '1 microsecond'",
    "actor": "'somebody else'",
    "action": "case action when 'INSERT' then 'UPDATE' else 'INSERT' end",
    "table_name": "table_name || 'x'",
    "row_id": "row_id || 'x'",
    "user_id": "gen_random_uuid()",
    "before": "'{\"forged\": true}'",
    "after": "'{\"forged\": true}'",
    "previous_hash": "sha256(previous_hash)",
    "hash": "sha256(hash)",
    "chain": "'another'",
    "sequence": "sequence + 1000",
}


def _verify(ledger: Ledger) -> dict[str, Any]:
    found: dict[str, Any] = ledger.call("verify_audit_chain", "fn_report")
    return found


@pytest.fixture
def traded(fresh_desk: Desk) -> Desk:
    """A ledger with a few trades on one chain."""
    for _ in range(3):
        _, order = fresh_desk.working(quantity="1")
        fresh_desk.fill(order, "1", "10")
    return fresh_desk


def test_chain_when_untouched_then_ok(traded: Desk) -> None:
    found = _verify(traded.ledger)
    assert (found["ok"], found["first_broken"]) == (True, None)
    assert found["links"] == traded.ledger.one("select count(*) from public.audit_log") > 10


def test_chain_when_any_column_of_a_link_is_tampered_then_that_link_is_found(traded: Desk) -> None:
    ledger, chain = traded.ledger, str(traded.account)
    columns = {
        name
        for (name,) in ledger.rows(
            "select attname from pg_attribute where attrelid = 'public.audit_log'::regclass and attnum > 0"
        )
    }
    assert columns == set(CHANGES), "a new column of the audit trail is part of its hash"
    for column, value in CHANGES.items():
        with ledger.session() as connection:
            connection.execute("set local session_replication_role = replica")
            connection.execute(
                f"update public.audit_log set {column} = {value} where chain = %s and sequence = 4".encode(), [chain]
            )
            row = connection.execute("select public.verify_audit_chain()").fetchone()
            assert row is not None
            assert not row[0]["ok"], column
            if column not in ("chain", "sequence"):
                assert (row[0]["first_broken"]["chain"], row[0]["first_broken"]["sequence"]) == (chain, 4), column
            connection.rollback()
    assert _verify(ledger)["ok"]


def test_chain_when_a_link_in_the_middle_is_gone_then_its_successor_is_found(traded: Desk) -> None:
    traded.ledger.tamper("delete from public.audit_log where chain = %s and sequence = 5", str(traded.account))
    broken = _verify(traded.ledger)["first_broken"]
    assert (broken["chain"], broken["sequence"]) == (str(traded.account), 6)


def test_chain_when_a_forged_row_is_rehashed_alone_then_its_successor_is_found(traded: Desk) -> None:
    traded.ledger.tamper(
        "update public.audit_log set actor = 'x', hash = private.audit_hash(previous_hash, chain, sequence, at, 'x', "
        "action, table_name, row_id, user_id, before, after) where chain = %s and sequence = 4",
        str(traded.account),
    )
    assert _verify(traded.ledger)["first_broken"]["sequence"] == 5


def test_chain_when_its_tail_is_cut_then_the_missing_end_is_found(traded: Desk) -> None:
    chain = str(traded.account)
    end = traded.ledger.one("select max(sequence) from public.audit_log where chain = %s", chain)
    traded.ledger.tamper("delete from public.audit_log where chain = %s and sequence >= %s", chain, end - 1)
    assert _verify(traded.ledger)["first_broken"] == {
        "chain": chain,
        "sequence": end,
        "reason": "the end of the chain is missing",
    }


def test_chain_when_all_of_it_is_deleted_then_found(traded: Desk) -> None:
    traded.ledger.tamper("delete from public.audit_log where chain = %s", str(traded.account))
    assert _verify(traded.ledger)["first_broken"]["chain"] == str(traded.account)


def test_chain_when_its_head_is_deleted_then_found(traded: Desk) -> None:
    traded.ledger.tamper("delete from private.audit_heads where chain = %s", str(traded.account))
    assert _verify(traded.ledger)["first_broken"]["chain"] == str(traded.account)


def test_chain_when_a_row_is_added_without_the_trigger_then_found(traded: Desk) -> None:
    traded.ledger.run(
        "insert into public.audit_log select chain, sequence + 1, at, 'forger', action, table_name, row_id, user_id, "
        "before, after, hash, sha256(hash) from public.audit_log where chain = %s order by sequence desc limit 1",
        str(traded.account),
    )
    assert not _verify(traded.ledger)["ok"]


def test_chain_when_eight_write_at_once_then_one_unbroken_order(traded: Desk) -> None:
    works = [
        calling(
            "set_limit",
            "authenticated",
            traded.user,
            p_scope="account",
            p_scope_id=traded.account,
            p_name="position_limit",
            p_value=str(number),
            p_unit="shares or contracts",
        )
        for number in range(THREADS)
    ]
    traded.ledger.at_once(*works)
    assert _verify(traded.ledger)["ok"]
    images = traded.ledger.rows(
        "select before ->> 'value', after ->> 'value' from public.audit_log where table_name = 'risk_limits' "
        "order by sequence"
    )
    assert len(images) == THREADS
    assert [before for before, _ in images[1:]] == [after for _, after in images[:-1]]


def test_audit_when_a_user_acts_then_names_the_user(traded: Desk) -> None:
    traded.ledger.call(
        "close_gate", "authenticated", traded.user, p_gate_key=f"account:{traded.account}", p_reason="lunch"
    )
    actor = traded.ledger.one(
        "select actor from public.audit_log where table_name = 'trading_gates' order by at desc limit 1"
    )
    assert actor == f"user:{traded.user}"


def test_audit_when_somebody_edits_by_hand_then_names_the_declared_actor(traded: Desk) -> None:
    with traded.ledger.session() as connection:
        connection.execute("set local app.actor = 'studio:maria'")
        connection.execute("update public.broker_accounts set label = 'x' where id = %s", [traded.account])
    actors = traded.ledger.rows(
        "select actor from public.audit_log where table_name = 'broker_accounts' and action = 'UPDATE'"
    )
    assert actors == [("database:postgres (studio:maria)",)]
