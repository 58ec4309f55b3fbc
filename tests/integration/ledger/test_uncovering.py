"""What covers a sold option, through the ledger: two that are closed at once, and a halt that closes everything."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from functions.core.ledger.judging import RiskLedger
from functions.risk.judging import Judge
from tests.integration.ledger.desk import NOON, Desk, rules_of
from tests.integration.ledger.ledger import Direct, Ledger
from tests.integration.ledger.test_flattening import SESSION
from tests.integration.ledger.test_judging_options import CREDIT, DEBIT, HIGH, LOW, MARKS, filled, leg, place
from tests.unit.core.doubles import World


@pytest.fixture(autouse=True, scope="module")
def _options(ledger: Ledger) -> None:
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")
    for symbol in MARKS:
        ledger.run(
            "insert into public.instruments (symbol, kind, multiplier, source) values (%s, 'option', 100, 'test')",
            symbol,
        )


def judged(desk: Desk, *trades: UUID) -> list[str]:
    """The status of each, after risk looked at what is pending, at noon."""
    for trade in trades:
        desk.ledger.tamper(
            "update public.trades set event_at = %s, good_until = %s where id = %s and status = 'pending'",
            NOON,
            NOON,
            trade,
        )
    world = World()
    world.clock.at = NOON
    Judge(replace(world.ports, ledger=Direct(desk.ledger, "fn_risk"))).judge_pending(desk.account)
    return [desk.status(trade) for trade in trades]


def refusal(desk: Desk, trade: UUID) -> str:
    return str(desk.ledger.one("select split_part(refusal, ':', 1) from public.trades where id = %s", trade))


def closes(desk: Desk, symbol: str, quantity: str = "1", **more: str) -> UUID:
    side = (
        "sell"
        if desk.ledger.one(
            "select quantity > 0 from public.position_books where broker_account_id = %s and symbol = %s",
            desk.account,
            symbol,
        )
        else "buy"
    )
    return place(desk, leg(symbol, side, to="close"), price=None, quantity=quantity, **more)


def test_closing_when_only_the_cover_is_sold_then_refused_until_what_is_sold_is_bought_back(desk: Desk) -> None:
    filled(desk, place(desk, *DEBIT, price="2"), "3", "1")
    cover = closes(desk, LOW)
    assert judged(desk, cover) == ["rejected"]
    assert refusal(desk, cover) == "LEAVES_UNCOVERED"
    # Bought back by a person at the market: it may yet be cancelled.
    short = closes(desk, HIGH)
    assert judged(desk, short, again := closes(desk, LOW)) == ["approved", "rejected"]
    assert refusal(desk, again) == "LEAVES_UNCOVERED"
    assert desk.claim(short)["claimed"]
    desk.fill(desk.submit(short), "1", "1", symbol=HIGH, side="buy")
    assert judged(desk, closes(desk, LOW)) == ["approved"]


def test_closing_when_two_sell_one_spare_cover_at_once_then_the_second_is_judged_anew_and_refused(desk: Desk) -> None:
    filled(desk, place(desk, *DEBIT, price="2"), "3", "1")
    filled(desk, place(desk, leg(LOW, "buy"), price="3"), "3")
    first, second = closes(desk, LOW), closes(desk, LOW)
    risk = RiskLedger(Direct(desk.ledger, "fn_risk"))
    books = [risk.risk_book(trade) for trade in (first, second)]
    answers = [risk.approve_trade(one.trade.id, [], {}, None, one.seen) for one in books if one is not None]
    assert [(one.status, one.judge_again) for one in answers] == [("approved", False), ("pending", True)]
    assert judged(desk, second) == ["rejected"]
    assert refusal(desk, second) == "LEAVES_UNCOVERED"


def test_closing_when_nothing_is_sold_on_the_account_then_an_older_book_does_not_hold_it_up(desk: Desk) -> None:
    filled(desk, place(desk, leg(LOW, "buy"), price="3", quantity="2"), "3")
    first, second = closes(desk, LOW), closes(desk, LOW)
    risk = RiskLedger(Direct(desk.ledger, "fn_risk"))
    books = [risk.risk_book(trade) for trade in (first, second)]
    answers = [risk.approve_trade(one.trade.id, [], {}, None, one.seen) for one in books if one is not None]
    assert [one.status for one in answers] == ["approved", "approved"]


@pytest.mark.parametrize("spread", [DEBIT, CREDIT], ids=["debit", "credit"])
def test_flatten_when_a_spread_is_held_then_both_of_its_orders_get_through_at_once(
    ledger: Ledger, spread: tuple[dict[str, object], ...]
) -> None:
    desk = Desk.open(ledger)
    desk.ledger.call("record_account_rules", "fn_execute", p_account_id=desk.account, p_as_of=NOON, p_rules=rules_of())
    filled(desk, place(desk, *spread, price="2" if spread is DEBIT else "-2"), "3", "1")
    desk.close(mode="flatten")
    desk.ledger.call("continue_halt", "fn_risk", p_account_id=desk.account, p_now=NOON)
    rows = desk.ledger.rows(
        "select id, side from public.trades where broker_account_id = %s and source = 'risk' order by placed_number",
        desk.account,
    )
    assert [side for _, side in rows] == ["buy", "sell"]
    assert judged(desk, *(trade for trade, _ in rows)) == ["approved", "approved"]


def test_flatten_when_an_exit_of_the_short_leg_rests_then_the_cover_waits_and_all_is_closed_in_the_end(
    desk: Desk,
) -> None:
    filled(desk, place(desk, *DEBIT, price="2"), "3", "1")
    resting = place(desk, leg(HIGH, "buy", to="close"), price="0.5")
    assert judged(desk, resting) == ["approved"]
    assert desk.claim(resting)["claimed"]
    order = desk.submit(resting)
    desk.close(mode="flatten")

    def round_() -> dict[tuple[str, str], str]:
        desk.ledger.call("continue_halt", "fn_risk", p_account_id=desk.account, p_now=NOON)
        judged(desk)
        rows = desk.ledger.rows(
            "select symbol, status from public.trades where broker_account_id = %s and source = 'risk' "
            "order by placed_number",
            desk.account,
        )
        return {(symbol, status): status for symbol, status in rows}

    # The order that rests is asked to be cancelled; while nobody knows of it, what covers is not let go.
    assert round_().keys() == {(LOW, "rejected")}
    desk.update(order, "canceled", is_over=True)
    assert round_().keys() == {(LOW, "rejected"), (HIGH, "approved"), (LOW, "approved")}
