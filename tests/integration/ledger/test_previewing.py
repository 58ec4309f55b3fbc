"""What-if: an order is evaluated as a placed one is judged, and nothing of it remains."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.core.ports import Ports
from functions.risk.judging import Judge
from functions.risk.preview import Preview, Previewer
from tests.integration.ledger.desk import NOON, Desk, new_user, order_of
from tests.integration.ledger.ledger import Direct, Ledger, become, refused
from tests.unit.core.doubles import World

SESSION = {"date": "2013-10-07", "opens_at": "2013-10-07T13:30Z", "closes_at": "2013-10-07T20:00Z"}
_IN_A_YEAR = (datetime.now(UTC) + timedelta(days=365)).isoformat()
ORDER = order_of(quantity="100", order_type="limit", price="100")


@pytest.fixture(autouse=True, scope="module")
def open_market(ledger: Ledger) -> None:
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")


def reach(desk: Desk) -> Ports:
    """The outside world of risk at noon: SPY is quoted at 99.99 to 100.01."""
    world = World()
    world.clock.at = NOON
    quote = {"symbol": "SPY", "bid": "99.99", "ask": "100.01", "bid_size": "5", "ask_size": "5"}
    times = {"quoted_at": NOON.isoformat(), "feed": "test", "delay_seconds": 0}
    world.hot.put("quote:SPY", quote | times)
    return replace(world.ports, ledger=Direct(desk.ledger, "fn_risk"))


def preview(desk: Desk, order: dict[str, Any], user: UUID | None = None) -> Preview:
    said = order if "broker_account_id" in order else order | {"broker_account_id": str(desk.account)}
    return Previewer(reach(desk)).preview(user or desk.user, said)


def everything(ledger: Ledger) -> dict[str, int]:
    """How many rows each table has."""
    tables = ledger.rows(
        "select n.nspname || '.' || c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
        "where c.relkind = 'r' and n.nspname in ('public', 'private', 'net', 'auth', 'realtime')"
    )
    return {table: ledger.one(f"select count(*) from {table}") for (table,) in tables}  # noqa: S608


def judged(desk: Desk, order: dict[str, Any]) -> tuple[str, str | None, list[tuple[Any, ...]]]:
    """What becomes of the same order when it is placed: its status, its refusal, each rule's verdict."""
    (trade,) = desk.ledger.rows("select (private.place(%s::jsonb, %s, 'manual')).id", _placed(desk, order), desk.user)
    Judge(reach(desk)).judge_pending(desk.account)
    ((status, refusal),) = desk.ledger.rows("select status, refusal from public.trades where id = %s", trade[0])
    verdicts = desk.ledger.rows(
        "select rule, verdict, numbers from public.risk_decisions where trade_id = %s and rule <> 'MARKS' "
        "order by number",
        trade[0],
    )
    return status, refusal, verdicts


def _placed(desk: Desk, order: dict[str, Any]) -> str:
    more = {"signal": "manual|a test", "event_at": NOON.isoformat(), "broker_account_id": str(desk.account)}
    return json.dumps(order | more)


@pytest.mark.parametrize(
    ("limits", "verdict", "code"),
    [
        ({}, "allow", None),
        ({"position_limit": "100", "capital_limit": "10001"}, "allow", None),
        ({"position_limit": "99"}, "deny", "POSITION_LIMIT"),
        ({"capital_limit": "9999"}, "deny", "CAPITAL_LIMIT"),
    ],
)
def test_preview_when_the_order_is_placed_then_it_was_right_to_the_number(
    desk: Desk, limits: dict[str, str], verdict: str, code: str | None
) -> None:
    for name, value in limits.items():
        desk.set_limit(name, value)
    found = preview(desk, ORDER)
    assert (found.verdict, found.code) == (verdict, code)
    status, refusal, verdicts = judged(desk, ORDER)
    assert status == ("approved" if verdict == "allow" else "rejected")
    assert refusal == (found.text if code else None)
    assert verdicts == [(rule.rule, rule.verdict, rule.numbers) for rule in found.rules]
    assert found.quantity == (Decimal(100) if verdict == "allow" else 0)
    assert bool(found.do) == (code is not None)


@pytest.mark.parametrize("limit", ["1000", "10"])
def test_preview_when_it_is_over_then_no_row_of_any_table_remains(desk: Desk, limit: str) -> None:
    desk.set_limit("position_limit", limit)
    before = everything(desk.ledger)
    preview(desk, ORDER)
    # The option is taken in by its name, as placing would: that too is undone.
    preview(desk, order_of(symbol="SPY131018C00100000", quantity="1", order_type="limit", price="1"))
    assert everything(desk.ledger) == before


def test_preview_when_the_gate_is_closed_then_an_entry_is_refused_as_placing_would_and_an_exit_passes(
    desk: Desk,
) -> None:
    desk.hold("100")
    desk.close("account")
    entry = preview(desk, ORDER)
    assert (entry.verdict, entry.step, entry.code) == ("deny", "placing", "GATE_CLOSED")
    assert "halt status" in entry.do
    assert "Exits still pass" in entry.do
    leaving = order_of("sell", "100", position_intent="sell_to_close", order_type="limit", price="100")
    assert preview(desk, leaving).verdict == "allow"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "NONE"}, "UNKNOWN_SYMBOL"),
        ({"quantity": "-1"}, "BAD_ORDER"),
        ({"price": None}, "BAD_ORDER"),
        ({"legs": [{"symbol": "SPY", "side": "buy", "position_intent": "buy_to_open"}]}, "BAD_LEGS"),
    ],
)
def test_preview_when_the_order_is_bad_then_placings_own_refusal_is_the_answer(
    desk: Desk, change: dict[str, Any], code: str
) -> None:
    found = preview(desk, ORDER | change)
    assert (found.verdict, found.step, found.code) == ("deny", "placing", code)
    assert found.quantity == 0
    assert found.do
    assert found.shown()["rules"] == []


def test_preview_when_the_account_is_anothers_then_refused_as_placing_would(desk: Desk) -> None:
    found = preview(desk, ORDER, new_user(desk.ledger))
    assert (found.step, found.code) == ("placing", "NO_SUCH_ACCOUNT")


def test_preview_when_an_option_has_no_quote_then_it_would_wait(desk: Desk) -> None:
    found = preview(desk, order_of(symbol="SPY131018C00100000", quantity="1", order_type="limit", price="1"))
    assert (found.verdict, found.code) == ("wait", "MISSING_QUOTE")


def test_preview_when_by_notional_then_the_same_refusal_as_the_judges(desk: Desk) -> None:
    found = preview(desk, order_of() | {"quantity": None, "notional": "1000"})
    assert (found.verdict, found.code) == ("deny", "NOTIONAL_NOT_JUDGED")


def test_preview_book_when_the_verdict_is_wrong_then_the_recheck_says_so_and_the_trade_is_gone(desk: Desk) -> None:
    desk.set_limit("position_limit", "50")
    verdict: dict[str, Any] = {"decisions": [], "marks": {"SPY": "100"}, "quantity": None, "seen": None}
    said = ORDER | {"broker_account_id": str(desk.account)}
    answer = desk.ledger.call(
        "preview_book", "fn_risk", p_user_id=desk.user, p_order=said, p_at=NOON, p_verdict=verdict
    )
    assert answer["approval"]["refusal"]["code"] == "POSITION_LIMIT"
    assert desk.count("trades") == 0


def test_preview_book_when_an_approval_came_between_then_it_is_to_be_judged_again(desk: Desk) -> None:
    verdict: dict[str, Any] = {"decisions": [], "marks": {"SPY": "100"}, "quantity": None, "seen": "another book"}
    said = ORDER | {"broker_account_id": str(desk.account)}
    answer = desk.ledger.call(
        "preview_book", "fn_risk", p_user_id=desk.user, p_order=said, p_at=NOON, p_verdict=verdict
    )
    assert answer["approval"]["judge_again"]


@pytest.mark.parametrize(("scopes", "allowed"), [(["read"], True), (["trade"], True), (["strategies", "risk"], False)])
def test_preview_user_when_a_program_asks_then_it_needs_to_read_or_trade(
    desk: Desk, scopes: list[str], allowed: bool
) -> None:
    with desk.ledger.session() as session:
        become(session, "authenticated", desk.user)
        made = session.execute("select public.create_api_key('a test', %s, %s)", [scopes, _IN_A_YEAR]).fetchone()
    assert made is not None
    claims = desk.ledger.call("use_api_key", "fn_api", p_key=made[0]["key"])["claims"]
    claims = {name: value for name, value in claims.items() if name not in ("sub", "role")}

    def asked() -> UUID:
        with desk.ledger.session() as session:
            become(session, "authenticated", desk.user, **claims)
            row = session.execute("select public.preview_user()").fetchone()
        assert row is not None
        return UUID(str(row[0]))

    if allowed:
        assert asked() == desk.user
    else:
        with refused("SCOPE_NEEDED", 403):
            asked()


def test_preview_user_when_nobody_is_signed_in_then_401(desk: Desk) -> None:
    with refused("SIGN_IN", 401):
        desk.ledger.call("preview_user", "authenticated")


@pytest.mark.parametrize(
    ("name", "value"),
    [("position_limit", "150"), ("capital_limit", "15000"), ("open_positions_limit", "5"), ("order_rate_limit", "50")],
)
@pytest.mark.parametrize("quantity", ["1", "100"])
def test_preview_when_a_limit_is_everybodys_then_nothing_of_what_a_stranger_holds_is_told(
    fresh_ledger: Ledger, name: str, value: str, quantity: str
) -> None:
    fresh_ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")
    desk, stranger = Desk.open(fresh_ledger), Desk.open(fresh_ledger)
    stranger.hold("77")
    unit = fresh_ledger.one("select unit from public.risk_limit_kinds where name = %s", name)
    fresh_ledger.run("select public.set_limit('global', null, %s, %s, %s)", name, value, unit)
    order = ORDER | {"quantity": quantity}
    found = preview(desk, order)
    assert found.rules
    for rule in found.rules:
        if rule.numbers.get("scope") == "global":
            assert set(rule.numbers) <= {"code", "limit", "scope", "within_seconds"}
    trade = desk.place(quantity=quantity)
    refusal = desk.approval(trade).get("refusal") or {}
    told = fresh_ledger.one("select coalesce(refusal, '') from public.trades where id = %s", trade)
    assert "after" not in refusal
    assert "after" not in told


def test_preview_when_everybodys_limit_meets_what_a_stranger_holds_without_a_mark_then_it_is_not_named(
    fresh_ledger: Ledger,
) -> None:
    fresh_ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")
    desk, stranger = Desk.open(fresh_ledger), Desk.open(fresh_ledger)
    stranger.activity("opening_balance", "held", symbol="IWM", quantity="7", price="100")
    fresh_ledger.run("delete from public.position_marks where symbol = 'IWM'")
    fresh_ledger.run("select public.set_limit('global', null, 'capital_limit', '15000', 'dollars')")
    found = preview(desk, ORDER)
    assert found.code == "MISSING_MARK"
    assert "IWM" not in found.text
