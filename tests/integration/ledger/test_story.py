"""The story of one trade, from its signal to what it made."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from functions.core.errors import BadInput
from functions.risk.judging import Judge
from local.cli.why_trade import as_json, lines
from local.story import Story, story_of, trade_named
from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.test_previewing import SESSION, reach


@pytest.fixture(autouse=True, scope="module")
def open_market(ledger: Ledger) -> None:
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")


def _story(desk: Desk, trade: UUID) -> Story:
    with desk.ledger.session() as session:
        assert trade_named(session, str(trade)) == trade
        return story_of(session, trade)


def _filled(desk: Desk, trade: UUID, quantity: str, price: str, side: str = "buy", **more: str) -> None:
    """Judged by the rules, sent and filled."""
    Judge(reach(desk)).judge_pending(desk.account)
    assert desk.claim(trade)["claimed"]
    desk.fill(desk.submit(trade), quantity, price, side=side, **more)


def test_story_when_bought_and_sold_then_signal_rules_broker_fills_exit_and_profit_are_told(desk: Desk) -> None:
    bought = desk.place(quantity="10")
    _filled(desk, bought, "10", "100.05")
    sold = desk.place_exit("sell", "10")
    _filled(desk, sold, "10", "101.05", "sell", executed_at="2013-10-07T16:05:00Z")
    # Opened and closed after it was closed: no part of this story.
    _filled(desk, desk.place(quantity="7"), "7", "50", executed_at="2013-10-07T16:06:00Z")
    _filled(desk, desk.place_exit("sell", "7"), "7", "90", "sell", executed_at="2013-10-07T16:07:00Z")

    story = _story(desk, bought)

    assert story.decision is not None
    assert story.decision["reason"] == "a test says so"
    assert {row["rule"] for row in story.verdicts} >= {"GATE_CLOSED", "STALE_QUOTE"}
    assert story.recheck is None
    assert story.marks == {"SPY": Decimal(100)}
    assert [step["to_status"] for step in story.steps] == ["pending", "approved", "submitting", "submitted", "filled"]
    assert all(step["seconds"] is not None for step in story.steps[1:])
    ((attempt),) = story.attempts
    assert (attempt["outcome"], attempt["broker_order_id"]) == ("accepted", f"order-{bought}")
    ((fill),) = story.fills
    assert fill["slippage"] == Decimal("0.05")
    assert [closing["id"] for closing in story.exits] == [sold]
    assert (story.realised, story.do) == (Decimal(10), None)
    told = "\n".join(lines(story))
    for said in (
        "buy 10 SPY market: filled",
        "a test says so",
        "slippage 0.05",
        f"Closed by {sold}",
        "Realised P&L 10 dollars",
    ):
        assert said in told
    assert as_json(story)["fills"][0]["slippage"] == "0.05"

    leaving = _story(desk, sold)
    assert (leaving.exits, leaving.realised) == ([], Decimal(10))
    assert leaving.fills[0]["slippage"] == Decimal("-1.05"), "sold above the mark: it gained"


def test_story_when_rejected_by_a_rule_then_its_numbers_and_what_to_do(desk: Desk) -> None:
    desk.set_limit("position_limit", "5")
    trade = desk.place(quantity="10")
    Judge(reach(desk)).judge_pending(desk.account)
    story = _story(desk, trade)
    (denied,) = [row for row in story.verdicts if row["verdict"] == "deny"]
    assert (denied["rule"], denied["numbers"]["limit"]) == ("POSITION_LIMIT", "5")
    assert story.recheck is None
    told = "\n".join(lines(story))
    assert "POSITION_LIMIT" in told
    assert "Order less" in told


def test_story_when_the_recheck_refused_then_it_is_told_apart_from_the_rules(desk: Desk) -> None:
    desk.set_limit("position_limit", "5")
    trade = desk.place(quantity="10")
    rules = [{"rule": "POSITION_LIMIT", "verdict": "allow", "numbers": {}}]
    desk.ledger.call(
        "approve_trade",
        "fn_risk",
        p_trade_id=trade,
        p_decisions=[*rules, {"rule": "MARKS", "verdict": "allow", "numbers": {"SPY": "100"}}],
        p_marks={"SPY": "100"},
    )
    story = _story(desk, trade)
    assert [row["verdict"] for row in story.verdicts] == ["allow"]
    assert story.recheck is not None
    assert story.recheck["rule"] == "POSITION_LIMIT"


def test_story_when_it_still_holds_then_nothing_is_realised(desk: Desk) -> None:
    trade = desk.place(quantity="10")
    _filled(desk, trade, "10", "100")
    story = _story(desk, trade)
    assert not story.exits
    assert story.realised == 0
    assert "still held" in "\n".join(lines(story))


def test_story_when_no_mark_is_on_record_then_the_slippage_is_unknown(desk: Desk) -> None:
    desk.hold("10")
    trade = desk.ledger.one("select id from public.trades where broker_account_id = %s", desk.account)
    assert _story(desk, trade).fills[0]["slippage"] is None


def test_trade_named_when_by_its_beginning_or_the_brokers_order_then_found(desk: Desk) -> None:
    trade, order = desk.working()
    client_order_id = desk.ledger.one("select client_order_id from public.trades where id = %s", trade)
    with desk.ledger.session() as session:
        for named in (str(trade)[:13], client_order_id, client_order_id[:20], order):
            assert trade_named(session, named) == trade
        for named in ("", "at-", "RSI reversion", str(desk.strategy)):
            assert trade_named(session, named) is None


def test_trade_named_when_several_begin_so_then_they_are_listed(desk: Desk) -> None:
    trades = [desk.place() for _ in range(2)]
    with desk.ledger.session() as session:
        session.execute("set local session_replication_role = replica")
        for number, trade in enumerate(trades):
            session.execute(
                "update public.trades set client_order_id = %s where id = %s", [f"at-abcdef{number}", trade]
            )
        with pytest.raises(BadInput, match="AMBIGUOUS_TRADE") as error:
            trade_named(session, "at-abcdef")
    assert all(str(trade) in error.value.text for trade in trades)
