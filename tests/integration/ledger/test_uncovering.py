"""What covers a sold option, through the ledger: two that are closed at once, and a halt that closes everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from functions.core.ledger.judging import RiskLedger
from functions.risk.judging import Judge
from tests.integration.ledger.desk import NOON, Desk, decision, rules_of
from tests.integration.ledger.ledger import Direct, Ledger, refused
from tests.integration.ledger.test_flattening import SESSION
from tests.integration.ledger.test_judging_options import CREDIT, DEBIT, HIGH, LATE, LOW, MARKS, filled, leg, place
from tests.unit.core.doubles import World

DENIED = "LEAVES_UNCOVERED: units_of_calls=100"


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


def alerts(desk: Desk, code: str) -> list[tuple[str, str]]:
    said: list[tuple[str, str]] = desk.ledger.rows(
        "select severity, numbers ->> 'symbol' from public.alerts where code = %s and user_id = %s", code, desk.user
    )
    return said


def sales(desk: Desk) -> list[str]:
    """What became of each order that sells the cover, as risk has placed it."""
    rows = desk.ledger.rows(
        "select status from public.trades where broker_account_id = %s and source = 'risk' and symbol = %s "
        "order by placed_number",
        desk.account,
        LOW,
    )
    return [status for (status,) in rows]


def stop(desk: Desk, price: str = "2") -> UUID:
    return UUID(
        str(
            desk.ledger.call(
                "set_position_exit",
                "authenticated",
                desk.user,
                p_account_id=desk.account,
                p_symbol=LOW,
                p_exit={"stop_price": price},
            )
        )
    )


def cover_with_a_stop(desk: Desk) -> UUID:
    """A call is held with a stop; then it covers another one, which is sold."""
    filled(desk, place(desk, leg(LOW, "buy"), price="3"), "3")
    armed = stop(desk)
    filled(desk, place(desk, leg(HIGH, "sell"), price="1"), "1")
    return armed


def test_exit_when_it_would_let_cover_go_then_it_is_not_armed(desk: Desk) -> None:
    filled(desk, place(desk, *DEBIT, price="2"), "3", "1")
    with refused("EXIT_WOULD_UNCOVER", 409):
        stop(desk)
    # One to spare covers what is sold: the exit of the manual ones would close both.
    filled(desk, place(desk, leg(LOW, "buy"), price="3"), "3")
    with refused("EXIT_WOULD_UNCOVER", 409):
        stop(desk)
    filled(desk, closes(desk, HIGH), "1")
    stop(desk)


def test_exit_when_shares_cover_the_call_then_it_is_armed_and_the_shares_exit_is_not(desk: Desk) -> None:
    filled(desk, place(desk, leg("SPY", "buy"), price="100", quantity="100"), "100")
    filled(desk, place(desk, *DEBIT, price="2"), "3", "1")
    stop(desk)
    filled(desk, closes(desk, LOW), "3")
    asked = {"p_account_id": desk.account, "p_symbol": "SPY", "p_exit": {"stop_price": "90"}}
    with refused("EXIT_WOULD_UNCOVER", 409):
        desk.ledger.call("set_position_exit", "authenticated", desk.user, **asked)


def test_exit_plan_when_what_is_bought_would_be_cover_then_its_order_is_refused(desk: Desk) -> None:
    filled(desk, place(desk, leg(HIGH, "sell"), price="1"), "1")
    with refused("BAD_EXIT_PLAN", 422):
        place(desk, leg(LOW, "buy"), price="3", exit_plan={"stop_price": "2"})
    place(desk, leg(LOW, "buy"), price="3")


def test_exit_when_its_position_has_become_cover_then_told_once_and_asked_again_seldom(desk: Desk) -> None:
    armed = cover_with_a_stop(desk)
    said = {"p_exit_id": armed, "p_by": "stop", "p_price": "2"}
    for seconds in range(0, 30 * 60 + 1, 20):
        at = NOON + timedelta(seconds=seconds)
        answer = desk.ledger.call("trigger_exit", "fn_risk", **said, p_at=at)
        if answer["status"] == "triggered":
            desk.ledger.call("reject_trade", "fn_risk", p_trade_id=answer["trade_id"], p_decisions=[], p_refusal=DENIED)
            desk.ledger.call("settle_exits", "fn_risk", p_account_id=desk.account)
            said |= {"p_by": "rest", "p_price": None}
        else:
            assert answer["waits_for"] == "cover"
    # At once, and after 2, 4, 8 and 16 minutes.
    assert sales(desk) == ["rejected"] * 5
    assert alerts(desk, "EXIT_REFUSED") == [("critical", LOW)]


def test_exit_when_what_is_sold_has_been_bought_back_then_it_goes_on_at_once(desk: Desk) -> None:
    armed = cover_with_a_stop(desk)
    said = {"p_exit_id": armed, "p_by": "stop", "p_price": "2", "p_at": NOON}
    desk.ledger.call("trigger_exit", "fn_risk", **said)
    judged(desk)
    assert sales(desk) == ["rejected"]
    desk.ledger.call("settle_exits", "fn_risk", p_account_id=desk.account)
    said |= {"p_by": "rest", "p_price": None, "p_at": NOON + timedelta(seconds=10)}
    assert desk.ledger.call("trigger_exit", "fn_risk", **said)["waits_for"] == "cover"
    filled(desk, closes(desk, HIGH), "1")
    assert desk.ledger.call("trigger_exit", "fn_risk", **said)["status"] == "triggered"
    judged(desk)
    assert sales(desk) == ["rejected", "approved"]


def test_deactivation_when_its_strategy_covers_what_another_has_sold_then_it_waits_and_says_so_once(
    desk: Desk,
) -> None:
    order = {"number": 1, "order_type": "limit", "price": "3", "quantity": "1"} | leg(LOW, "buy")
    order.pop("ratio")
    (bought,) = desk.decide(decision(desk.strategy, order))
    filled(desk, UUID(bought), "3")
    filled(desk, place(desk, leg(HIGH, "sell"), price="1"), "1")
    desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy, p_then="flatten")

    def round_(minutes: int) -> tuple[list[str], str | None]:
        at = NOON + timedelta(minutes=minutes)
        desk.ledger.call("continue_halt", "fn_risk", p_account_id=desk.account, p_now=at)
        judged(desk)
        waits = "select waiting_for from public.deactivation_progress where strategy_id = %s"
        return sales(desk), desk.ledger.one(waits, desk.strategy)

    assert round_(0) == (["rejected"], "orders")
    assert [round_(0), round_(1)] == [(["rejected"], "cover")] * 2
    assert alerts(desk, "DEACTIVATION_NOT_FLAT") == [("critical", LOW)]
    assert round_(2)[0] == ["rejected", "rejected"]
    assert round_(3) == (["rejected"] * 2, "cover")
    filled(desk, closes(desk, HIGH), "1")
    assert round_(3) == (["rejected", "rejected", "approved"], "orders")
    assert alerts(desk, "DEACTIVATION_NOT_FLAT") == [("critical", LOW)]


@pytest.mark.parametrize(
    ("spare", "becomes", "cover"),
    [
        ("0", "rejected", "canceled"),
        ("0", "unknown", "canceled"),
        ("0", "works", "submitting"),
        ("0", "filled", "submitting"),
        ("1", "rejected", "submitting"),
    ],
)
def test_flatten_when_the_cover_counted_on_a_buy_back_then_it_is_sent_only_while_that_holds(
    desk: Desk, spare: str, becomes: str, cover: str
) -> None:
    filled(desk, place(desk, *DEBIT, price="2"), "3", "1")
    if spare == "1":
        filled(desk, place(desk, leg(LATE, "buy"), price="2"), "2")
    desk.close(mode="flatten")
    desk.ledger.call("continue_halt", "fn_risk", p_account_id=desk.account, p_now=NOON)
    judged(desk)
    (back,), (sale,) = (
        desk.ledger.rows(
            "select id from public.trades where broker_account_id = %s and source = 'risk' and symbol = %s",
            desk.account,
            symbol,
        )[0]
        for symbol in (HIGH, LOW)
    )
    if spare == "1":
        desk.ledger.run(
            "update public.trades set status = 'canceled' where broker_account_id = %s and source = 'risk' "
            "and symbol = %s",
            desk.account,
            LATE,
        )
    assert [desk.status(back), desk.status(sale)] == ["approved", "approved"]
    assert desk.claim(back)["claimed"]
    if becomes in ("rejected", "unknown"):
        assert desk.attempted(back, becomes) == becomes
    else:
        order = desk.submit(back)
        if becomes == "filled":
            desk.fill(order, "1", "1", symbol=HIGH, side="buy")
    desk.claim(sale)
    assert desk.status(sale) == cover
    assert (refusal(desk, sale) == "COVER_IS_NEEDED") == (cover == "canceled")
    if cover == "canceled" and becomes == "rejected":
        desk.ledger.call("continue_halt", "fn_risk", p_account_id=desk.account, p_now=NOON + timedelta(minutes=1))
        assert judged(desk) == []
        assert sales(desk) == ["canceled", "approved"]
