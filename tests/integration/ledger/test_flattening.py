"""A halt that flattens: what works is cancelled with it, what is open is closed round by round, on the one road."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.integration.ledger.desk import NOON, Desk, approval_of, calling, claim_of, new_strategy
from tests.integration.ledger.ledger import Connection, Ledger, call, refused

EVENING = NOON + timedelta(hours=8)
SESSION = {"date": "2013-10-07", "opens_at": "2013-10-07T13:30Z", "closes_at": "2013-10-07T20:00Z"}


@pytest.fixture(autouse=True, scope="module")
def open_market(ledger: Ledger) -> None:
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")


def _round(desk: Desk, now: datetime = NOON) -> list[UUID]:
    answer = desk.ledger.call("continue_halt", "fn_risk", p_account_id=desk.account, p_now=now)
    return [UUID(trade) for trade in answer["placed"]]


def _due(desk: Desk) -> bool:
    return str(desk.account) in desk.ledger.call("halts_to_continue", "fn_risk")


def _order(desk: Desk, trade: UUID) -> tuple[Any, ...]:
    (row,) = desk.ledger.rows(
        "select source, side, order_type, quantity, reduce_only, strategy_id from public.trades where id = %s", trade
    )
    return row


def _execute(desk: Desk, trade: UUID, filled: str | None = None) -> None:
    """Judged, sent and filled, in full or in part."""
    assert desk.approve(trade) == "approved"
    assert desk.claim(trade)["claimed"]
    order = desk.submit(trade)
    _, side, _, quantity, _, _ = _order(desk, trade)
    desk.fill(order, filled or str(quantity), "10", side=side)


def _neighbour(desk: Desk) -> Desk:
    return Desk(desk.ledger, desk.user, desk.account, new_strategy(desk.ledger, desk.user, desk.account))


def _rest(desk: Desk, side: str, quantity: str, **more: Any) -> tuple[UUID, str]:
    """A protective exit that rests at the broker."""
    intent = f"{side}_to_close"
    return desk.working(side, quantity, position_intent=intent, order_type="limit", price="90", **more)


@pytest.mark.parametrize("scope", ["user", "account", "strategy"])
@pytest.mark.parametrize(("held", "side"), [("100", "sell"), ("-100", "buy")])
def test_flatten_when_engaged_then_one_order_closes_the_position_and_the_record_says_flat(
    desk: Desk, scope: str, held: str, side: str
) -> None:
    desk.hold(held)
    desk.close(scope, "flatten")
    assert _due(desk)
    (trade,) = _round(desk)
    assert _order(desk, trade) == ("risk", side, "market", Decimal(100), True, desk.strategy)
    assert _round(desk) == []  # It is under way, though nobody has judged it.
    _execute(desk, trade)
    assert desk.position() == 0
    assert not _due(desk)
    progress = "select complete, open_positions, flat_at is not null from public.halt_progress where gate_key = %s"
    assert desk.ledger.rows(progress, desk.gate(scope)) == [(True, 0, True)]
    assert _actions(desk, scope) == ["engaged", "flat"]


def test_flatten_when_an_order_closes_a_part_of_an_odd_position_then_the_rest_is_closed_too(desk: Desk) -> None:
    desk.hold("100")
    at = (NOON + timedelta(minutes=1)).isoformat()  # As the fills: of equal times what was told first is first.
    desk.activity(
        "split", f"one for eight on {desk.account}", symbol="SPY", numerator="1", denominator="8", occurred_at=at
    )
    closing = desk.place_exit("sell", "5")
    desk.close("account", "flatten")
    (trade,) = _round(desk)
    assert _order(desk, trade)[3] == Decimal("7.5")
    for order in (closing, trade):
        _execute(desk, order)
    assert desk.position() == 0


def _actions(desk: Desk, scope: str = "account") -> list[str]:
    rows = desk.ledger.rows("select action from public.trading_halts where gate_key = %s order by id", desk.gate(scope))
    return [action for (action,) in rows]


def test_flatten_when_global_then_every_account_has_its_turn(fresh_ledger: Ledger) -> None:
    fresh_ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")
    desks = [Desk.open(fresh_ledger) for _ in range(3)]
    for desk in desks[:2]:
        desk.hold("100")
    desks[0].close("global", "flatten")
    due = fresh_ledger.call("halts_to_continue", "fn_risk")
    assert sorted(due) == sorted(str(desk.account) for desk in desks[:2])
    for desk in desks[:2]:
        (trade,) = _round(desk)
        _execute(desk, trade)
    assert fresh_ledger.call("halts_to_continue", "fn_risk") == []
    assert _actions(desks[0], "global") == ["engaged", "flat"]


@pytest.mark.parametrize("mode", ["no_new_entries", "cancel_working"])
def test_halt_when_it_does_not_flatten_then_positions_stay(desk: Desk, mode: str) -> None:
    desk.hold("100")
    desk.close(mode=mode)
    assert not _due(desk)
    assert _round(desk) == []


def test_flatten_when_the_market_is_closed_then_nothing_is_placed_and_protection_stays(desk: Desk) -> None:
    desk.hold("100")
    exit_trade, _ = _rest(desk, "sell", "100")
    desk.close(mode="flatten")
    assert _round(desk, EVENING) == []
    assert desk.status(exit_trade) == "submitted"


def test_flatten_when_an_exit_rests_then_it_goes_first_and_the_rest_is_closed_when_the_broker_has_let_go(
    desk: Desk,
) -> None:
    desk.hold("100")
    exit_trade, order = _rest(desk, "sell", "60")
    desk.close(mode="flatten")
    assert desk.status(exit_trade) == "submitted"  # Spared, until its position can be closed.
    (first,) = _round(desk)
    assert _order(desk, first)[3] == 40  # The broker holds 60 for the exit.
    assert desk.status(exit_trade) == "cancel_pending"
    assert _round(desk) == []
    desk.update(order, "canceled")
    (second,) = _round(desk)
    assert _order(desk, second)[3] == 60
    for trade in (first, second):
        _execute(desk, trade)
    assert desk.position() == 0


def test_flatten_when_told_not_to_spare_exits_then_they_go_with_the_halt(desk: Desk) -> None:
    desk.hold("100")
    exit_trade, _ = _rest(desk, "sell", "100")
    desk.close(mode="flatten", p_spare_exits=False)
    assert desk.status(exit_trade) == "cancel_pending"


def test_flatten_when_the_exit_fills_while_it_is_cancelled_then_nothing_is_sold_twice(desk: Desk) -> None:
    desk.hold("100")
    _, order = _rest(desk, "sell", "100")
    desk.close(mode="flatten")
    assert _round(desk) == []
    desk.fill(order, "70", "90", side="sell")
    desk.update(order, "canceled")
    (trade,) = _round(desk)
    _execute(desk, trade)
    assert (_order(desk, trade)[3], desk.position()) == (30, 0)


def test_flatten_when_an_entry_fills_late_then_the_next_round_closes_it(desk: Desk) -> None:
    entry, order = desk.working(quantity="50")
    desk.close(mode="flatten")
    assert desk.status(entry) == "cancel_pending"
    assert not _due(desk)
    desk.update(order, "canceled")
    assert not _due(desk)
    assert _actions(desk) == ["engaged", "flat"]
    desk.fill(order, "50", "10")  # After its end.
    assert _due(desk)
    (trade,) = _round(desk)
    _execute(desk, trade)
    assert not _due(desk)
    assert desk.position() == 0
    assert _actions(desk) == ["engaged", "flat", "open_again", "flat"]


def test_flatten_when_the_closing_order_fails_then_another_round_has_a_signal_of_its_own(desk: Desk) -> None:
    desk.hold("100")
    desk.close(mode="flatten")
    signals = []
    for _ in range(5):
        (trade,) = _round(desk)
        signals.append(desk.ledger.one("select signal from public.trades where id = %s", trade))
        desk.ledger.call("reject_trade", "fn_risk", p_trade_id=trade, p_decisions=[], p_refusal="A_TEST: n=1")
    assert len(set(signals)) == 5
    alerts = desk.ledger.rows("select code, severity from public.alerts where user_id = %s", desk.user)
    assert alerts == [("HALT_NOT_FLAT", "critical")]


def test_flatten_when_two_strategies_hold_the_same_side_then_each_closes_its_own(desk: Desk) -> None:
    there = _neighbour(desk)
    desk.hold("100")
    there.hold("40")
    desk.close(mode="flatten")
    trades = _round(desk)
    assert {(_order(desk, trade)[5], _order(desk, trade)[3]) for trade in trades} == {
        (desk.strategy, Decimal(100)),
        (there.strategy, Decimal(40)),
    }
    for trade in trades:
        _execute(desk, trade)
    left = "select sum(abs(quantity)) from public.strategy_positions where broker_account_id = %s"
    assert (desk.position(), desk.ledger.one(left, desk.account)) == (0, 0)


def test_flatten_when_strategies_stand_against_each_other_then_the_accounts_net_is_closed_once(desk: Desk) -> None:
    there = _neighbour(desk)
    desk.hold("100")
    there.hold("-40")
    desk.close(mode="flatten")
    (trade,) = _round(desk)
    assert _order(desk, trade) == ("risk", "sell", "market", Decimal(60), True, None)
    _execute(desk, trade)
    assert desk.position() == 0


def test_flatten_when_only_one_strategy_is_halted_then_the_others_position_and_exit_stay(desk: Desk) -> None:
    there = _neighbour(desk)
    desk.hold("100")
    there.hold("100")
    exit_trade, _ = _rest(there, "sell", "100")
    desk.close("strategy", "flatten")
    (trade,) = _round(desk)
    _execute(desk, trade)
    assert (desk.position(), there.status(exit_trade)) == (100, "submitted")
    assert not _due(desk)


def test_flatten_when_a_strategy_stands_against_its_account_then_told_and_nothing_opens(desk: Desk) -> None:
    there = _neighbour(desk)
    there.hold("-100")
    desk.hold("40")
    desk.close("strategy", "flatten")
    assert _round(desk) == []
    assert desk.ledger.rows("select code from public.alerts where user_id = %s", desk.user) == [("HALT_NOT_FLAT",)]


def test_rounds_when_eight_run_at_once_then_the_position_is_closed_once(desk: Desk) -> None:
    desk.hold("100")
    desk.close(mode="flatten")
    works = [calling("continue_halt", "fn_risk", p_account_id=desk.account, p_now=NOON)] * 8
    placed = [trade for answer in desk.ledger.at_once(*works) for trade in answer["placed"]]
    assert len(placed) == 1


def test_rounds_when_orders_are_judged_sent_filled_and_halts_moved_then_no_deadlock_and_never_short(
    desk: Desk,
) -> None:
    """The whole of it at once. Every error but a refusal fails the test: 40P01 among them."""
    desk.hold("60")
    entries = [desk.working(quantity="1") for _ in range(6)]
    exits = [desk.place_exit("sell", "5") for _ in range(6)]
    key = desk.gate()

    def often(*steps: Any) -> Any:
        def run(connection: Connection) -> None:
            for number in range(6):
                for step in steps:
                    try:
                        step(connection, number)
                        connection.commit()
                    except psycopg.Error as error:
                        connection.rollback()
                        if not str(error.sqlstate).startswith("PT"):
                            raise

        return run

    def engage(connection: Connection, number: int) -> None:
        mode = ("cancel_working", "flatten")[number % 2]
        call(connection, "close_gate", "fn_risk", p_gate_key=key, p_reason="x", p_mode=mode, p_spare_exits=number < 3)

    def lift(connection: Connection, number: int) -> None:
        connection.execute("select public.open_gate(%s, %s)", [key, f"lifted {number}"])

    def studio(connection: Connection, number: int) -> None:
        connection.execute(
            "update public.trading_gates set closed = true, mode = 'flatten', reason = 'studio' where user_id = %s",
            [desk.user],
        )

    def look(connection: Connection, number: int) -> None:
        call(connection, "halts_to_continue", "fn_risk")

    def flatten(connection: Connection, number: int) -> None:
        call(connection, "continue_halt", "fn_risk", p_account_id=desk.account, p_now=NOON)

    def judge(connection: Connection, number: int) -> None:
        for (trade,) in connection.execute(
            "select id from public.trades where broker_account_id = %s and status = 'pending' order by placed_number",
            [desk.account],
        ).fetchall():
            call(connection, "approve_trade", "fn_risk", **approval_of(trade))
            call(connection, "claim_trade", "fn_execute", **claim_of(trade))

    def tell(connection: Connection, number: int) -> None:
        _, order = entries[number]
        fill = {
            "broker_order_id": order,
            "quantity": "1",
            "cumulative_quantity": "1",
            "price": "10",
            "source": "stream",
            "executed_at": NOON.isoformat(),
        }
        call(connection, "record_fill", "fn_execute", p_account_id=desk.account, p_fill=fill)

    def cancel_exit(connection: Connection, number: int) -> None:
        call(connection, "request_cancel", "fn_risk", p_trade_id=exits[number], p_reason="x")

    def cancel_entry(connection: Connection, number: int) -> None:
        call(connection, "request_cancel", "fn_risk", p_trade_id=entries[number][0], p_reason="x")

    works = [often(engage, lift), often(studio, lift), often(look, flatten), often(flatten), often(judge), often(judge)]
    desk.ledger.at_once(*works, often(tell), often(cancel_exit, cancel_entry))
    closing = (
        "select coalesce(sum(quantity), 0) from public.trades where broker_account_id = %s and side = 'sell' "
        "and status in ('approved', 'submitting')"
    )
    assert desk.position() == 66
    assert desk.ledger.one(closing, desk.account) <= 66


def test_round_when_the_account_does_not_exist_then_refused(desk: Desk) -> None:
    with refused("NO_SUCH_ACCOUNT", 404):
        desk.ledger.call("continue_halt", "fn_risk", p_account_id=desk.strategy, p_now=NOON)
