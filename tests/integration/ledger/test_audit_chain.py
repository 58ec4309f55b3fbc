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
_HASH = (
    "sha256(previous_hash || convert_to(private.audit_content(chain, sequence, at, actor, action, table_name, row_id, "
    "user_id, before, after), 'UTF8'))"
)


def _verify(ledger: Ledger, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = ledger.call("verify_audit_chain", "fn_report", **more)
    return found


def _broken(ledger: Ledger, **more: Any) -> tuple[str, int]:
    """Chain and number of the first broken link; fails where there is none."""
    first = _verify(ledger, **more)["first_broken"]
    return first["chain"], first["sequence"]


def _rewrite(ledger: Ledger, chain: str) -> None:
    """Makes a tampered chain consistent again, head and all: what a superuser with patience can do."""
    with ledger.session() as connection:
        connection.execute("set local session_replication_role = replica")
        connection.execute(
            f"""
            do $$
            declare link record; chained bytea := decode(repeat('00', 32), 'hex'); number bigint := 0;
            begin
              for link in select ctid, * from public.audit_log where chain = '{chain}' order by sequence loop
                number := number + 1;
                update public.audit_log set sequence = number, previous_hash = chained where ctid = link.ctid;
                update public.audit_log set hash = {_HASH} where chain = '{chain}' and sequence = number
                returning hash into chained;
              end loop;
              update private.audit_heads as h set (sequence, at, previous_hash, hash) = (
                select sequence, at, previous_hash, hash from public.audit_log where chain = h.chain
                order by sequence desc limit 1) where chain = '{chain}';
            end $$""".encode()
        )


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
        "update public.audit_log set actor = 'x', hash = "
        + _HASH.replace("actor", "'x'")
        + " where chain = %s and sequence = 4",
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


def test_chain_when_two_links_change_places_then_the_first_is_found(traded: Desk) -> None:
    traded.ledger.tamper(
        "update public.audit_log set sequence = case sequence when 3 then 1000005 else 1000003 end "
        "where chain = %s and sequence in (3, 5)",
        str(traded.account),
    )
    traded.ledger.tamper("update public.audit_log set sequence = sequence - 1000000 where sequence > 1000000")
    assert _broken(traded.ledger) == (str(traded.account), 3)


def test_chain_when_a_row_is_put_in_between_then_found(traded: Desk) -> None:
    chain = str(traded.account)
    traded.ledger.tamper("update public.audit_log set sequence = sequence + 1000 where chain = %s", chain)
    traded.ledger.tamper(
        "update public.audit_log set sequence = sequence - 1000 + (sequence > 1004)::int where chain = %s", chain
    )
    traded.ledger.run(
        "insert into public.audit_log select chain, 5, at, 'forger', action, table_name, row_id, user_id, before, "
        "after, hash, sha256(hash) from public.audit_log where chain = %s and sequence = 4",
        chain,
    )
    assert _broken(traded.ledger) == (chain, 5)


@pytest.mark.parametrize("forged", ["sequence = sequence + 1", "sequence = sequence - 1", "hash = sha256(hash)"])
def test_chain_when_its_head_is_forged_then_found(traded: Desk, forged: str) -> None:
    traded.ledger.run(f"update private.audit_heads set {forged} where chain = %s", str(traded.account))
    assert _broken(traded.ledger)[0] == str(traded.account)


def test_chain_when_rewritten_as_a_whole_then_only_the_exported_anchor_finds_it(traded: Desk) -> None:
    ledger, chain = traded.ledger, str(traded.account)
    anchor = ledger.call("audit_heads", "fn_report")
    traded.place()
    assert _verify(ledger, p_anchor=anchor)["ok"], "an anchor stays good when the chain grows"
    ledger.tamper("update public.audit_log set actor = 'nobody' where chain = %s and sequence = 4", chain)
    _rewrite(ledger, chain)
    assert _verify(ledger)["ok"], "consistent in itself"
    assert _broken(ledger, p_anchor=anchor) == (chain, anchor[chain]["sequence"])


def test_chain_when_it_vanished_with_its_head_then_only_the_exported_anchor_finds_it(traded: Desk) -> None:
    ledger, chain = traded.ledger, str(traded.account)
    anchor = ledger.call("audit_heads", "fn_report")
    ledger.tamper("delete from public.audit_log where chain = %s", chain)
    ledger.tamper("delete from private.audit_heads where chain = %s", chain)
    assert _verify(ledger)["ok"]
    assert _broken(ledger, p_anchor=anchor)[0] == chain
    assert _broken(ledger, p_chain=chain) == (chain, 0)


def test_chain_when_verified_alone_or_after_a_link_then_only_that_is_walked(traded: Desk) -> None:
    ledger, chain = traded.ledger, str(traded.account)
    own = ledger.one("select count(*) from public.audit_log where chain = %s", chain)
    assert _verify(ledger, p_chain=chain) == {"ok": True, "links": own, "first_broken": None}
    ledger.tamper("update public.audit_log set actor = 'x' where chain = %s and sequence = 4", chain)
    assert _broken(ledger, p_chain=chain) == (chain, 4)
    assert _verify(ledger, p_chain=f"user:{traded.user}")["ok"]
    assert _verify(ledger, p_chain=chain, p_after=4) == {"ok": True, "links": own - 4, "first_broken": None}
    assert _broken(ledger, p_chain=chain, p_after=3) == (chain, 4)


def test_chain_when_verified_in_parts_then_each_part_finds_what_is_wrong_in_it(traded: Desk) -> None:
    ledger, chain = traded.ledger, str(traded.account)
    end = ledger.one("select max(sequence) from public.audit_log where chain = %s", chain)

    def walk() -> list[int]:
        """The links at which the parts of three find something."""
        parts = [_verify(ledger, p_chain=chain, p_after=after, p_limit=3) for after in range(0, end, 3)]
        assert sum(part["links"] for part in parts) <= end
        return [part["first_broken"]["sequence"] for part in parts if not part["ok"]]

    assert walk() == []
    for wrong, found in (
        ("update public.audit_log set actor = 'x' where sequence = 4", [4]),
        ("delete from public.audit_log where sequence = 6", [6, 6]),
        (f"delete from public.audit_log where sequence = {end}", [end]),
    ):
        with ledger.session() as connection:
            connection.execute("set local session_replication_role = replica")
            connection.execute(f"{wrong} and chain = '{chain}'".encode())
            connection.execute("set local session_replication_role = origin")
            sequences = [
                connection.execute(
                    "select (public.verify_audit_chain(%s, %s, null, 3) #>> '{first_broken,sequence}')::int",
                    [chain, after],
                ).fetchone()[0]  # type: ignore[index]
                for after in range(0, end, 3)
            ]
            connection.rollback()
        assert [sequence for sequence in sequences if sequence] == found, wrong


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
