"""A person's order is timed by the market: the clock's time, or the tape's where the market is replayed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from psycopg.types.json import Jsonb

from tests.integration.ledger.desk import Desk

ON_THE_TAPE = datetime(2018, 2, 5, 15, 0, tzinfo=UTC)


def _placed_at(desk: Desk) -> tuple[datetime, datetime]:
    order = {
        "idempotency_key": str(uuid4()),
        "broker_account_id": str(desk.account),
        "symbol": "SPY",
        "side": "buy",
        "position_intent": "buy_to_open",
        "quantity": "1",
        "order_type": "limit",
        "price": "100",
        # Whatever a person says of the time is not listened to.
        "event_at": "2001-01-01T00:00:00Z",
    }
    placed = desk.ledger.call("place_trade", "authenticated", desk.user, p_order=Jsonb(order))
    ((at, good_until),) = desk.ledger.rows(
        "select event_at, good_until from public.trades where id = %s", placed["trade_id"]
    )
    return at, good_until


def test_order_when_a_person_places_it_then_timed_by_the_clock(desk: Desk) -> None:
    before = datetime.now(UTC)
    at, good_until = _placed_at(desk)
    assert before - timedelta(seconds=1) <= at <= datetime.now(UTC) + timedelta(seconds=1)
    assert good_until == at + timedelta(minutes=5)


def test_order_when_a_person_places_it_in_a_replay_then_timed_by_the_tape(desk: Desk) -> None:
    desk.ledger.run("insert into private.tape_time (at) values (%s)", ON_THE_TAPE)
    try:
        assert _placed_at(desk) == (ON_THE_TAPE, ON_THE_TAPE + timedelta(minutes=5))
    finally:
        desk.ledger.run("delete from private.tape_time")
