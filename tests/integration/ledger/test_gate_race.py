"""The race of orders with a halt: what the halt's row says closed, no entry crossed, whoever was quicker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import psycopg

from tests.integration.ledger.desk import NOON, Desk, approval_of, claim_of, decision, order_of
from tests.integration.ledger.ledger import Connection, Ledger, call

CLIENTS = 16
ROUNDS = 5

# Entries of the desk that moved while one of its gates was closed: the halt's time was told while the gate's row was
# held for writing, the transition's while it was held for sharing, so the two never cross.
_CROSSED = """
with halted as (
  select h.gate_key, h.at as engaged_at, (
      select min(l.at) from public.trading_halts as l
      where l.gate_key = h.gate_key and l.action = 'lifted' and l.at > h.at) as lifted_at
  from public.trading_halts as h where h.action = 'engaged'
)
select count(*) from public.trade_transitions as t join public.trades as o on o.id = t.trade_id
join halted as h on h.gate_key = any (private.gates_of(o.user_id, o.broker_account_id, o.strategy_id))
  and t.at > h.engaged_at and t.at < coalesce(h.lifted_at, 'infinity')
where t.user_id = any (%s) and t.to_status in ('pending', 'approved', 'submitting') and not o.reduce_only
"""


def _until(stop: threading.Event, *steps: Callable[[Connection], Any]) -> Callable[[Connection], int]:
    """Makes the steps again and again; a refusal is an answer, and any other error (a deadlock) ends the test."""

    def run(connection: Connection) -> int:
        made = 0
        while not stop.is_set():
            for step in steps:
                try:
                    step(connection)
                    connection.commit()
                    made += 1
                except psycopg.Error as error:
                    connection.rollback()
                    if not str(error.sqlstate).startswith("PT"):
                        stop.set()
                        raise
        return made

    return run


def _place(desk: Desk) -> Callable[[Connection], Any]:
    def place(connection: Connection) -> Any:
        order = order_of(quantity="1") | {"idempotency_key": str(uuid4()), "broker_account_id": str(desk.account)}
        return call(connection, "place_trade", "authenticated", desk.user, p_order=order)

    return place


def _decide(desk: Desk) -> Callable[[Connection], Any]:
    minutes = count()

    def decide(connection: Connection) -> Any:
        said = decision(desk.strategy, order_of(quantity="1"), at=NOON + timedelta(minutes=next(minutes)))
        return call(connection, "record_decisions", "fn_strategy", p_symbol="SPY", p_decisions=[said])

    return decide


def _next(connection: Connection, desk: Desk, status: str) -> Any:
    row = connection.execute(
        "select id from public.trades where user_id = %s and status = %s order by random() limit 1",
        [desk.user, status],
    ).fetchone()
    return row[0] if row else None


def _approve(desk: Desk) -> Callable[[Connection], Any]:
    def approve(connection: Connection) -> None:
        if trade := _next(connection, desk, "pending"):
            call(connection, "approve_trade", "fn_risk", **approval_of(trade))

    return approve


def _claim(desk: Desk) -> Callable[[Connection], Any]:
    def claim(connection: Connection) -> None:
        if trade := _next(connection, desk, "approved"):
            call(connection, "claim_trade", "fn_execute", **claim_of(trade))

    return claim


def test_entries_when_sixteen_clients_never_stop_then_halts_are_prompt_and_none_is_crossed(
    fresh_ledger: Ledger,
) -> None:
    """Gates of every scope close and open under the orders of two desks, by call and in the Studio."""
    desks = [Desk.open(fresh_ledger) for _ in range(2)]
    stop = threading.Event()
    slowest: list[float] = []

    def halt(connection: Connection) -> int:
        try:
            connection.execute("set statement_timeout = '20s'")
            connection.commit()
            for number in range(ROUNDS):
                for scope in ("global", "user", "account", "strategy"):
                    key, began = desks[number % 2].gate(scope), time.monotonic()
                    if scope == "account":
                        # As an excess fill closes it: with the row alone, without the queue of the orders.
                        move = "select private.move_gate(%s, true, 'cancel_working', 'x')"
                        connection.execute(move.encode(), [key])
                    elif scope == "global":
                        call(connection, "close_gate", "fn_risk", p_gate_key=key, p_reason="x", p_mode="cancel_working")
                    else:
                        edit = (
                            "update public.trading_gates set closed = true, mode = 'cancel_working' where gate_key = %s"
                        )
                        connection.execute(edit.encode(), [key])
                    connection.commit()
                    slowest.append(time.monotonic() - began)
                    connection.execute("select public.open_gate(%s, %s)", [key, f"lifted {number}"])
                    connection.commit()
        finally:
            stop.set()
        return 0

    deciding = [_decide(desk) for desk in desks]
    clients = [
        _until(stop, (_place(desk), deciding[number % 2])[number // 2 % 2], _approve(desk), _claim(desk))
        for number in range(CLIENTS)
        for desk in [desks[number % 2]]
    ]
    made = sum(fresh_ledger.at_once(halt, *clients))

    assert fresh_ledger.one(_CROSSED, [desk.user for desk in desks]) == 0
    assert fresh_ledger.one("select count(*) from public.trading_halts") == 2 * 4 * ROUNDS
    assert made > 100, "the clients must have tried"
    # Without the queues of hold_orders() a halt never gets in while orders go on; what is waited for here is one order
    # of each desk, on a busy machine.
    assert max(slowest) < 6


def test_crossing_when_a_gate_does_not_hold_then_the_question_above_finds_it(desk: Desk) -> None:
    """The test of the test: an entry that passes a closed gate is found."""
    desk.close()
    desk.ledger.tamper("update public.trading_gates set closed = false where gate_key = %s", desk.gate())
    desk.place()
    assert desk.ledger.one(_CROSSED, [desk.user]) == 1


def test_fill_when_orders_of_its_account_never_stop_then_it_is_recorded_promptly(desk: Desk) -> None:
    """The broker's word takes the account's gate for itself, as a halt does: it must not wait for a pause either."""
    _, order = desk.working(quantity="1")
    stop = threading.Event()

    def record(connection: Connection) -> int:
        try:
            connection.execute("set local statement_timeout = '6s'")
            call(connection, "record_fill", "fn_execute", p_account_id=desk.account, p_fill=_fill(order))
        finally:
            stop.set()
        return 0

    desk.ledger.at_once(record, *[_until(stop, _place(desk)) for _ in range(8)])
    assert desk.position() == 1


def _fill(order: str) -> dict[str, Any]:
    return {
        "broker_order_id": order,
        "quantity": "1",
        "cumulative_quantity": "1",
        "price": "10",
        "executed_at": "2013-10-07T16:01:00Z",
        "source": "stream",
    }


def test_exits_when_two_want_the_same_shares_behind_a_closed_gate_then_one_passes_every_time(desk: Desk) -> None:
    """Each of them alone only reduces; both together would open a short position."""
    desk.hold("10")
    for _ in range(8):
        trades = [desk.place_exit("sell", "10") for _ in range(2)]
        desk.close()
        works = [
            lambda connection, trade=trade: call(connection, "approve_trade", "fn_risk", **approval_of(trade))
            for trade in trades
        ]
        assert sorted(answer["status"] for answer in desk.ledger.at_once(*works)) == ["approved", "rejected"]
        for trade in trades:
            desk.ledger.call("request_cancel", "fn_risk", p_trade_id=trade, p_reason="next round")
        desk.lift()
