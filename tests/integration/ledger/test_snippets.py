"""The saved snippets of the Studio: each runs as it stands, against a ledger with the people that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.stack import PROJECT
from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.people import new_administrator

SNIPPETS = sorted((PROJECT / "supabase" / "snippets").glob("*.sql"))


@pytest.fixture(scope="module")
def peopled(ledger: Ledger) -> Ledger:
    trader = Desk.open(ledger)
    trader.hold("10")
    ledger.run("update auth.users set email = 'trader@example.com' where id = %s", trader.user)
    new_administrator(ledger)
    colleague = new_administrator(ledger)
    ledger.run("update auth.users set email = 'colleague@example.com' where id = %s", colleague)
    return ledger


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda path: path.stem)
def test_snippet_when_run_as_it_stands_then_done_and_in_a_name(peopled: Ledger, snippet: Path) -> None:
    text = snippet.read_text()
    assert text.startswith("-- "), "the first line says what it does"
    with peopled.session() as connection:
        connection.execute("set local app.actor = ''")
        connection.execute(text.encode())
        connection.execute("set constraints all immediate")  # the audit trail writes at the end of a transaction
        undeclared = connection.execute(
            "select actor, table_name from public.audit_log where actor not like '%(alice@desk)' and at >= now()"
        ).fetchall()
        assert undeclared == []
        connection.rollback()


def test_views_when_read_then_each_answers_and_each_begins_with_what_names_its_row(peopled: Ledger) -> None:
    views = peopled.rows(
        "select c.relname::text, (select attname::text from pg_attribute where attrelid = c.oid and attnum = 1), "
        "obj_description(c.oid) from pg_class as c where c.relnamespace = 'admin'::regnamespace and c.relkind = 'v'"
    )
    assert len(views) >= 12
    for view, first, comment in views:
        assert (first, bool(comment)) == ("id", True), view
        peopled.rows(f"select * from admin.{view}")  # noqa: S608 - a name of the catalogue


def test_halt_when_engaged_through_the_view_then_the_same_as_by_the_function(peopled: Ledger) -> None:
    desk = Desk.open(peopled)
    gate = f"user:{desk.user}"
    peopled.run("update admin.gates set closed = true, reason = 'by the view' where id = %s", gate)
    assert peopled.rows("select action, reason from public.trading_halts where gate_key = %s", gate) == [
        ("engaged", "by the view")
    ]
    assert peopled.rows("select email, reason from admin.open_halts where id = %s", gate) == [
        (f"{desk.user}@example.com", "by the view")
    ]


def test_overview_when_a_trade_is_stuck_and_a_worker_silent_then_counts_them(fresh_ledger: Ledger) -> None:
    desk = Desk.open(fresh_ledger)
    trade = desk.place()
    fresh_ledger.tamper("update public.trades set updated_at = now() - interval '10 minutes' where id = %s", trade)
    fresh_ledger.run("insert into public.heartbeats (name, at) values ('a worker', now() - interval '10 minutes')")
    counts = dict(fresh_ledger.rows("select what, how_many from admin.overview"))
    assert (counts["stuck trades"], counts["silent workers"], counts["open halts"]) == (1, 1, 0)
    assert fresh_ledger.rows("select id, status from admin.stuck_trades") == [(trade, "pending")]
