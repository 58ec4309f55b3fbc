"""Nobody waits for each other in a ring: the calls that meet on the same rows take them in one order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.integration.ledger.desk import NOON, Desk, approval_of, claim_of, decision, fill_of, new_strategy, order_of
from tests.integration.ledger.ledger import Connection, Ledger, call

_ROUNDS = 15


def _repeating(*calls: Callable[[Connection, int], Any]) -> Callable[[Connection], None]:
    """Makes the calls again and again, each in a transaction of its own; a deadlock ends the test."""

    def run(connection: Connection) -> None:
        for number in range(_ROUNDS):
            for one in calls:
                try:
                    one(connection, number)
                    connection.commit()
                except psycopg.Error as error:
                    connection.rollback()
                    if not str(error.sqlstate).startswith("PT"):
                        raise

    return run


def test_decisions_when_of_two_symbols_for_the_same_users_then_no_deadlock(ledger: Ledger) -> None:
    """Strategy ids cross: the first symbol's strategies name the users in the one order, the second's in the other."""
    here, there = Desk.open(ledger), Desk.open(ledger)
    strategies: dict[str, list[Any]] = {}
    for symbol, first, second in (("SPY", here, there), ("IWM", there, here)):
        pair: list[Any] = []
        while not (pair and pair[0] < pair[1]):
            pair = [new_strategy(ledger, desk.user, desk.account, (symbol,)) for desk in (first, second)]
        strategies[symbol] = pair

    def deciding(symbol: str) -> Callable[[Connection, int], Any]:
        def decide(connection: Connection, number: int) -> Any:
            at = NOON + timedelta(minutes=number)
            said = [decision(strategy, order_of(symbol=symbol), at=at) for strategy in strategies[symbol]]
            return call(connection, "record_decisions", "fn_strategy", p_symbol=symbol, p_decisions=said)

        return decide

    ledger.at_once(*[_repeating(deciding(symbol)) for symbol in ("SPY", "IWM", "SPY", "IWM")])
    assert (
        ledger.one("select count(*) from public.trades where user_id = any(%s)", [here.user, there.user]) == 4 * _ROUNDS
    )


def test_excess_fills_when_orders_are_judged_and_gates_moved_then_no_deadlock(desk: Desk) -> None:
    orders = [desk.working(quantity="1")[1] for _ in range(_ROUNDS)]
    trades = [desk.place() for _ in range(_ROUNDS)]
    key = f"account:{desk.account}"

    def overfill(connection: Connection, number: int) -> Any:
        fill = fill_of(orders[number], "2", "10")
        return call(connection, "record_fill", "fn_execute", p_account_id=desk.account, p_fill=fill)

    def judge(connection: Connection, number: int) -> Any:
        return call(connection, "approve_trade", "fn_risk", **approval_of(trades[number]))

    def send(connection: Connection, number: int) -> Any:
        return call(connection, "claim_trade", "fn_execute", **claim_of(trades[number]))

    def close(connection: Connection, number: int) -> Any:
        return call(connection, "close_gate", "fn_risk", p_gate_key=key, p_reason=str(number))

    def lift(connection: Connection, number: int) -> Any:
        return connection.execute("select public.open_gate(%s, %s)", [key, f"lifted {number}"])

    desk.ledger.at_once(
        _repeating(overfill), _repeating(judge), _repeating(judge, send), _repeating(send), _repeating(close, lift)
    )
    assert desk.position() == 2 * _ROUNDS


def test_stray_orders_when_orders_are_judged_and_sent_then_no_deadlock(desk: Desk) -> None:
    """A stray order closes the gate from within the broker's word on an order."""
    over = []
    for _ in range(_ROUNDS):
        trade, order = desk.working(quantity="1")
        desk.update(order, "canceled")
        over.append(trade)
    given_up = [_given_up(desk) for _ in range(_ROUNDS)]
    trades = [desk.place() for _ in range(_ROUNDS)]
    key = f"account:{desk.account}"

    def answer(connection: Connection, number: int) -> Any:
        said = {"p_trade_id": over[number], "p_attempt": 1, "p_broker_order_id": f"stray-{number}", "p_at": NOON}
        return call(connection, "record_submission", "fn_execute", **said)

    def tell(connection: Connection, number: int) -> Any:
        said = {
            "broker_order_id": f"late-{number}",
            "client_order_id": given_up[number],
            "status": "submitted",
            "at": NOON.isoformat(),
        }
        return call(connection, "record_broker_update", "fn_execute", p_account_id=desk.account, p_update=said)

    def judge(connection: Connection, number: int) -> Any:
        return call(connection, "approve_trade", "fn_risk", **approval_of(trades[number]))

    def resend(connection: Connection, number: int) -> Any:
        return call(connection, "claim_trade", "fn_execute", **claim_of(over[number]))

    def lift(connection: Connection, number: int) -> Any:
        return connection.execute("select public.open_gate(%s, %s)", [key, f"lifted {number}"])

    desk.ledger.at_once(
        _repeating(answer), _repeating(tell), _repeating(judge), _repeating(resend, judge), _repeating(lift)
    )
    strays = "select count(*) from private.stray_orders where broker_account_id = %s"
    assert desk.ledger.one(strays, desk.account) == 2 * _ROUNDS


def _given_up(desk: Desk) -> str:
    """The client order id of a trade that was ended because the broker did not know it."""
    trade = desk.place()
    desk.approve(trade)
    client_order_id = str(desk.claim(trade)["client_order_id"])
    said = {"p_trade_id": trade, "p_attempt": 1, "p_outcome": "not_placed", "p_detail": "", "p_at": NOON}
    assert desk.ledger.call("record_attempt", "fn_execute", **said) == {"status": "expired"}
    return client_order_id


def test_answer_when_it_comes_as_the_resolver_starts_then_no_deadlock(desk: Desk) -> None:
    trades = []
    for _ in range(_ROUNDS):
        trade = desk.place()
        desk.approve(trade)
        desk.ledger.call("claim_trade", "fn_execute", **claim_of(trade) | {"p_lease_seconds": -1})
        trades.append(trade)

    def answer(connection: Connection, number: int) -> Any:
        said = {"p_trade_id": trades[number], "p_attempt": 1, "p_broker_order_id": f"o-{trades[number]}", "p_at": NOON}
        return call(connection, "record_submission", "fn_execute", **said)

    def resolve(connection: Connection, number: int) -> Any:
        said = {"p_owner": str(number), "p_lease_seconds": -1, "p_account_id": desk.account}
        return call(connection, "claim_unresolved", "fn_execute", **said)

    desk.ledger.at_once(_repeating(answer), _repeating(resolve), _repeating(resolve))
    assert {desk.status(trade) for trade in trades} == {"submitted"}


def test_resolver_when_the_trade_is_being_answered_then_it_takes_another(desk: Desk) -> None:
    """The interleaving itself: the answer holds the trade while the resolver looks for work."""
    trade = desk.place()
    desk.approve(trade)
    desk.ledger.call("claim_trade", "fn_execute", **claim_of(trade) | {"p_lease_seconds": -1})
    with desk.ledger.session() as answering, desk.ledger.session() as resolving:
        answering.execute("select from public.trades where id = %s for update", [trade])
        resolving.execute("set local lock_timeout = '100ms'")
        said = {"p_owner": "resolver", "p_lease_seconds": 30, "p_account_id": desk.account}
        try:
            found = call(resolving, "claim_unresolved", "fn_execute", **said)
        except psycopg.errors.LockNotAvailable:
            pytest.fail("the resolver waits for the trade while it holds the attempt")
        assert found == []
        call(
            answering,
            "record_submission",
            "fn_execute",
            p_trade_id=trade,
            p_attempt=1,
            p_broker_order_id="answered",
            p_at=NOON,
        )
