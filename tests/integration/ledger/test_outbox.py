"""The outbox: exactly one event for each transition, in order for each key, published at least once and marked once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import psycopg
import pytest

from functions.core.identity import named_uuid
from tests.integration.ledger.desk import Desk, calling
from tests.integration.ledger.ledger import THREADS, Connection, Ledger, call

EVENTS = {"pending": "trade.placed", "cancel_pending": "trade.cancel_requested"}


def _claim(ledger: Ledger, limit: int = 100, lease: int = 30) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ledger.call(
        "claim_outbox", "fn_relay", p_owner="a test", p_limit=limit, p_lease_seconds=lease
    )
    return found


def _array(ids: Iterable[int]) -> str:
    return "{" + ",".join(map(str, ids)) + "}"


def _publish_all(ledger: Ledger) -> None:
    ledger.run("update private.outbox set published_at = now() where published_at is null")


def test_transitions_when_a_trade_lives_then_exactly_one_event_each_with_a_named_id(desk: Desk) -> None:
    trade, order = desk.working()
    desk.fill(order, "30", "10", "30")
    desk.ledger.call("request_cancel", "authenticated", desk.user, p_trade_id=trade, p_reason="enough")
    desk.update(order, "canceled")
    steps = desk.ledger.rows(
        "select number, to_status, event_at from public.trade_transitions where trade_id = %s order by number", trade
    )
    events = desk.ledger.rows(
        "select event_id, type, occurred_at, key, topic from private.outbox where data ->> 'trade_id' = %s order by id",
        str(trade),
    )
    assert [event[:3] for event in events] == [
        (named_uuid("trade", trade, number), EVENTS.get(status, f"trade.{status}"), at) for number, status, at in steps
    ]
    assert {event[1]: event[3] for event in events if event[4] == "trade-controls"} == {
        "trade.cancel_requested": str(trade)
    }
    assert {event[3] for event in events if event[4] != "trade-controls"} == {str(desk.account)}
    assert [event[4] for event in events if event[1] == "trade.placed"] == ["trade-signals"]


def test_event_when_its_transaction_is_rolled_back_then_there_is_none(desk: Desk) -> None:
    before = desk.ledger.one("select count(*) from private.outbox")
    with desk.ledger.session() as connection:
        call(connection, "set_limit", "fn_api", **_limit(desk))
        connection.execute("update public.trades set reason = reason where false")
        connection.rollback()
    trade = desk.place()
    with desk.ledger.session() as connection:
        connection.execute("update public.trades set status = 'canceled' where id = %s", [trade])
        connection.rollback()
    assert desk.ledger.one("select count(*) from private.outbox") == before + 1


def _limit(desk: Desk) -> dict[str, object]:
    return {
        "p_scope": "account",
        "p_scope_id": desk.account,
        "p_name": "position_limit",
        "p_value": "1",
        "p_unit": "shares or contracts",
    }


def test_claim_when_taken_then_in_order_and_nobody_else_has_it(fresh_desk: Desk) -> None:
    for _ in range(3):
        fresh_desk.place()
    first = _claim(fresh_desk.ledger, limit=2)
    assert [item["event"]["type"] for item in first] == ["strategy.activated", "trade.placed"]
    taken = {item["outbox_id"] for item in first}
    # The account's other events wait, because one of its events is being published.
    assert _claim(fresh_desk.ledger) == []
    assert fresh_desk.ledger.call("mark_published", "fn_relay", p_ids=_array(taken)) == 2
    assert [item["event"]["type"] for item in _claim(fresh_desk.ledger)] == ["trade.placed"] * 2


def test_claim_when_another_relay_has_not_committed_its_claim_then_key_is_not_overtaken(fresh_desk: Desk) -> None:
    """The moment between a claim and its commit: the next event of the same key must not slip through."""
    _publish_all(fresh_desk.ledger)
    fresh_desk.place()
    fresh_desk.place()
    with fresh_desk.ledger.session() as first, fresh_desk.ledger.session() as second:
        assert len(_claimed(first, limit=1)) == 1
        second.execute("set local lock_timeout = '100ms'")
        # Either the second relay waits, or it sees nothing of the key.
        with contextlib.suppress(psycopg.errors.LockNotAvailable):
            assert _claimed(second, limit=10) == []


def _claimed(connection: Connection, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(
        connection, "claim_outbox", "fn_relay", p_owner="a test", p_limit=limit, p_lease_seconds=30
    )
    return found


def test_relays_when_eight_work_at_once_then_all_published_in_key_order(fresh_ledger: Ledger) -> None:
    desks = [Desk.open(fresh_ledger) for _ in range(4)]
    _publish_all(fresh_ledger)
    for _ in range(10):
        for desk in desks:
            desk.approve(desk.place())
    wanted = fresh_ledger.one("select count(*) from private.outbox where published_at is null")
    published: list[tuple[str, int]] = []

    def relay(connection: Connection) -> None:
        idle = 0
        while idle < 3:
            claimed = _claimed(connection, limit=3)
            connection.commit()
            idle = 0 if claimed else idle + 1
            for item in claimed:
                published.append((item["event"]["key"], item["outbox_id"]))
                call(connection, "mark_published", "fn_relay", p_ids=_array([item["outbox_id"]]))
                connection.commit()

    fresh_ledger.at_once(*[relay] * THREADS)
    while claimed := _claim(fresh_ledger):
        published += [(item["event"]["key"], item["outbox_id"]) for item in claimed]
        fresh_ledger.call("mark_published", "fn_relay", p_ids=_array([item["outbox_id"] for item in claimed]))
    assert len(published) == len(set(published)) == wanted
    for desk in desks:
        numbers = [number for key, number in published if key == str(desk.account)]
        assert numbers == sorted(numbers)


def test_claim_when_its_lease_is_over_then_taken_again_in_order(fresh_desk: Desk) -> None:
    fresh_desk.place()
    fresh_desk.place()
    lost = _claim(fresh_desk.ledger, limit=2, lease=-1)
    found = _claim(fresh_desk.ledger)
    assert [item["outbox_id"] for item in found][:2] == [item["outbox_id"] for item in lost]
    attempts = fresh_desk.ledger.rows("select attempts from private.outbox order by id limit 3")
    assert attempts == [(2,), (2,), (1,)]


def test_event_when_marked_by_eight_at_once_then_marked_once(fresh_desk: Desk) -> None:
    fresh_desk.place()
    ids = [item["outbox_id"] for item in _claim(fresh_desk.ledger)]
    works = [calling("mark_published", "fn_relay", p_ids=_array(ids))] * THREADS
    assert sorted(fresh_desk.ledger.at_once(*works)) == [0] * (THREADS - 1) + [len(ids)]
    assert _claim(fresh_desk.ledger) == []


def test_same_thing_when_emitted_twice_then_one_event(ledger: Ledger) -> None:
    for _ in range(2):
        ledger.run("select private.emit('alerts', 'alert.raised', 'key', now(), '{}', 'the same thing')")
    name = named_uuid("the same thing")
    assert ledger.one("select count(*) from private.outbox where event_id = %s", name) == 1


@pytest.mark.parametrize("status", ["submitting", "unknown"])
def test_events_when_outcome_was_unknown_then_still_one_for_each_step(desk: Desk, status: str) -> None:
    trade = desk.place()
    desk.approve(trade)
    desk.claim(trade)
    if status == "unknown":
        said = {"p_trade_id": trade, "p_attempt": 1, "p_outcome": "unknown", "p_detail": "timeout", "p_at": "now"}
        desk.ledger.call("record_attempt", "fn_execute", **said)
    desk.submit(trade)
    query = "select count(*) from private.outbox where data ->> 'trade_id' = %s"
    assert desk.ledger.one(query, str(trade)) == (5 if status == "unknown" else 4)
