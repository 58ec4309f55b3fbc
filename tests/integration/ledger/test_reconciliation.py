"""Breaks: each difference with the broker is one row, halts where told, and only evidence closes it."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.integration.ledger.desk import NOON, Desk, calling
from tests.integration.ledger.ledger import THREADS, refused


def _difference(desk: Desk, **more: Any) -> dict[str, Any]:
    return {
        "p_account_id": desk.account,
        "p_kind": "position",
        "p_text": "The broker holds 90 SPY and the ledger 100. New entries are halted. Compare the fills of today.",
        "p_numbers": {"expected": "100", "found": "90"},
        "p_name": f"position|{desk.account}|SPY",
        "p_symbol": "SPY",
    } | more


def _open(desk: Desk, **more: Any) -> UUID:
    found: UUID = desk.ledger.call("open_break", "fn_report", **_difference(desk, **more))
    return found


def test_break_when_opened_then_it_is_on_record_alerted_and_halts_the_account(desk: Desk) -> None:
    opened = _open(desk)

    row = desk.ledger.rows(
        "select status, kind, numbers, opened_by from public.reconciliation_breaks where id = %s", opened
    )
    assert row == [("open", "position", {"expected": "100", "found": "90"}, "fn_report")]
    assert desk.halted()
    alerts = desk.ledger.rows("select code, severity from public.alerts where numbers ->> 'break' = %s", str(opened))
    assert alerts == [("POSITION_BREAK", "critical")]


def test_break_when_it_is_told_not_to_halt_then_it_only_warns(desk: Desk) -> None:
    opened = _open(desk, p_halts=False, p_kind="fee")

    assert not desk.halted()
    assert desk.ledger.rows("select severity from public.alerts where numbers ->> 'break' = %s", str(opened)) == [
        ("warning",)
    ]


def test_break_when_found_by_many_at_once_then_it_is_one_with_one_alert(desk: Desk) -> None:
    opened = desk.ledger.at_once(*[calling("open_break", "fn_execute", **_difference(desk))] * THREADS)

    assert len(set(opened)) == 1
    assert desk.ledger.one("select count(*) from public.alerts where broker_account_id = %s", desk.account) == 1
    assert (
        desk.ledger.one("select count(*) from public.trading_halts where gate_key = %s", f"account:{desk.account}") == 1
    )


def test_break_when_closed_by_evidence_then_who_and_when_are_the_ledgers_and_the_halt_stays(desk: Desk) -> None:
    opened = _open(desk)

    closed = {"p_break_id": opened, "p_evidence": {"fill": "f-1"}, "p_resolution": "The missing fill came in."}
    assert desk.ledger.call("close_break", "fn_report", **closed) is True
    assert desk.ledger.call("close_break", "fn_report", **closed) is False

    row = desk.ledger.rows(
        "select status, closed_by, closed_at is not null from public.reconciliation_breaks where id = %s", opened
    )
    assert row == [("closed", "fn_report", True)]
    assert desk.halted(), "a person lifts it"
    assert _open(desk) == opened
    assert desk.ledger.one("select status from public.reconciliation_breaks where id = %s", opened) == "closed"


@pytest.mark.parametrize(("evidence", "words"), [({}, "because"), ([], "because"), (None, "because"), ({"a": 1}, " ")])
def test_break_when_closed_without_evidence_or_words_then_refused(desk: Desk, evidence: Any, words: str) -> None:
    opened = _open(desk)

    with refused("EVIDENCE_NEEDED", 422):
        desk.ledger.call("close_break", "fn_report", p_break_id=opened, p_evidence=evidence, p_resolution=words)
    assert desk.ledger.one("select status from public.reconciliation_breaks where id = %s", opened) == "open"


@pytest.mark.parametrize(
    "change",
    [
        "text = 'nothing happened'",
        "numbers = '{}'",
        "halts = false",
        "user_id = gen_random_uuid()",
        "created_at = now() - interval '1 day', kind = 'fee'",
    ],
)
def test_break_when_an_administrator_rewrites_it_then_refused(desk: Desk, change: str) -> None:
    opened = _open(desk)

    with refused("BREAK_IS_FIXED", 409):
        desk.ledger.run(f"update public.reconciliation_breaks set {change} where id = %s", opened)
    with refused("APPEND_ONLY", 409):
        desk.ledger.run("delete from public.reconciliation_breaks where id = %s", opened)


def test_break_when_an_administrator_closes_it_by_hand_then_evidence_is_needed_and_the_signature_is_true(
    desk: Desk,
) -> None:
    opened = _open(desk)

    with pytest.raises(psycopg.errors.CheckViolation):
        desk.ledger.run("update public.reconciliation_breaks set status = 'closed' where id = %s", opened)
    desk.ledger.run(
        "update public.reconciliation_breaks set status = 'closed', resolution = 'Statement of 7 October shows 100.', "
        "evidence = '{\"statement\": \"2013-10-07\"}', closed_by = 'somebody else' where id = %s",
        opened,
    )
    assert (
        desk.ledger.one("select closed_by from public.reconciliation_breaks where id = %s", opened) != "somebody else"
    )
    with refused("BREAK_IS_FIXED", 409):
        desk.ledger.run("update public.reconciliation_breaks set status = 'open' where id = %s", opened)


@pytest.mark.parametrize(
    ("wrong", "code", "status"),
    [
        ({"p_kind": "mood"}, "BAD_BREAK", 422),
        ({"p_name": ""}, "BAD_BREAK", 422),
        ({"p_text": None}, "BAD_BREAK", 422),
        ({"p_account_id": "00000000-0000-4000-8000-000000000000"}, "NO_SUCH_ACCOUNT", 404),
    ],
)
def test_break_when_malformed_then_refused_and_nothing_is_halted(
    desk: Desk, wrong: dict[str, Any], code: str, status: int
) -> None:
    with refused(code, status):
        _open(desk, **wrong)
    assert not desk.halted()


def test_run_when_it_found_an_open_break_then_it_is_not_clean(desk: Desk) -> None:
    asked = {"p_account_id": desk.account, "p_kind": "on_demand", "p_as_of": NOON.isoformat()}
    run = desk.ledger.call("start_reconciliation", "fn_report", **asked)
    assert desk.ledger.call("start_reconciliation", "fn_report", **asked) == run
    _open(desk, p_run_id=run)

    assert desk.ledger.call(
        "finish_reconciliation", "fn_report", p_run_id=run, p_status="clean", p_summary={"fills": 3}
    )

    assert desk.ledger.one("select status from public.reconciliation_runs where id = %s", run) == "broken"
    assert not desk.ledger.call("finish_reconciliation", "fn_report", p_run_id=run, p_status="clean", p_summary={})


def test_run_when_a_closing_one_names_no_session_then_refused(desk: Desk) -> None:
    with refused("BAD_RUN", 422):
        desk.ledger.call(
            "start_reconciliation", "fn_report", p_account_id=desk.account, p_kind="close", p_as_of=NOON.isoformat()
        )


def test_break_when_its_run_is_of_another_trader_then_refused(desk: Desk) -> None:
    stranger = Desk.open(desk.ledger)
    run = desk.ledger.call(
        "start_reconciliation",
        "fn_report",
        p_account_id=stranger.account,
        p_kind="on_demand",
        p_as_of=NOON.isoformat(),
    )
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        _open(desk, p_run_id=run)
