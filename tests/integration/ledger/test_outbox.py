"""The outbox: exactly one event for each transition, in order by topic and key, published at least once."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterable
from decimal import Decimal
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
        call(connection, "set_limit", "authenticated", desk.user, **_limit(desk))
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
    first = _claim(fresh_desk.ledger, limit=4)
    begun = ["strategy.edited", "strategy.validated", "strategy.activated"]
    assert [item["event"]["type"] for item in first] == [*begun, "trade.placed"]
    taken = {item["outbox_id"] for item in first}
    # The account's other events wait, because one of its events is being published.
    assert _claim(fresh_desk.ledger) == []
    assert fresh_desk.ledger.call("mark_published", "fn_relay", p_ids=_array(taken)) == 4
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


def _claimed(connection: Connection, limit: int, lease: Decimal | int = 30) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(
        connection, "claim_outbox", "fn_relay", p_owner="a test", p_limit=limit, p_lease_seconds=lease
    )
    return found


RELAYS = 16


def test_relays_when_sixteen_work_and_die_then_every_event_is_published_in_the_order_of_its_key(
    fresh_ledger: Ledger,
) -> None:
    """Each relay dies again and again: before publishing, between publishing and marking, or saying that it failed."""
    desks = [Desk.open(fresh_ledger) for _ in range(4)]
    _publish_all(fresh_ledger)
    fresh_ledger.run("update private.settings set value = '1 millisecond' where name = 'outbox_backoff_first'")
    fresh_ledger.run("update private.settings set value = '2 milliseconds' where name = 'outbox_backoff_cap'")
    fresh_ledger.run("update private.settings set value = '1000000' where name = 'outbox_attempts'")
    for _ in range(25):
        for desk in desks:
            desk.approve(desk.place())
    waiting = "select count(*) from private.outbox where published_at is null"
    wanted = fresh_ledger.one(waiting)
    published: list[tuple[str, str, int]] = []

    def relay(number: int) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            fate = random.Random(number)
            while True:
                claimed = _claimed(connection, limit=fate.randrange(1, 6), lease=Decimal("0.05"))
                connection.commit()
                for item in claimed:
                    blow = fate.random()
                    if blow < 0.15:
                        break  # It died with the rest in its hands: the lease ends.
                    if blow < 0.3:
                        said = {
                            "outbox_id": item["outbox_id"],
                            "attempt": item["attempt"],
                            "error": "x",
                            "final": False,
                        }
                        call(connection, "record_publish_failure", "fn_relay", p_failures=[said])
                        connection.commit()
                        break  # What follows may be of its key.
                    published.append((item["topic"], item["event"]["key"], item["outbox_id"]))
                    if blow < 0.4:
                        break  # It died between publishing and marking.
                    call(connection, "mark_published", "fn_relay", p_ids=_array([item["outbox_id"]]))
                    connection.commit()
                row = connection.execute(waiting.encode()).fetchone()
                connection.commit()
                if row == (0,):
                    return

        return work

    fresh_ledger.at_once(*[relay(number) for number in range(RELAYS)])
    assert wanted == 200
    assert len({number for _, _, number in published}) == wanted, "every event at least once"
    # A repetition may come late, as from any bus; the first time is in order.
    firsts: dict[tuple[str, str], list[int]] = {}
    for topic, key, number in published:
        known = firsts.setdefault((topic, key), [])
        if number not in known:
            known.append(number)
    assert all(numbers == sorted(numbers) for numbers in firsts.values())
    assert fresh_ledger.one("select count(*) from public.dead_letters") == 0


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


# --- failures -------------------------------------------------------------------------------------------------------


def _emit(ledger: Ledger, name: str, topic: str = "trade-events", key: str = "a key") -> int:
    ledger.run("select private.emit(%s, 'trade.approved', %s, now(), '{}', %s)", topic, key, name)
    number: int = ledger.one("select id from private.outbox where event_id = %s", named_uuid(name))
    return number


def _fail(ledger: Ledger, item: dict[str, Any], error: str = "BUS_UNAVAILABLE: down", final: bool = False) -> Any:
    said = {"outbox_id": item["outbox_id"], "attempt": item["attempt"], "error": error, "final": final}
    return ledger.call("record_publish_failure", "fn_relay", p_failures=[said])


def _due(ledger: Ledger) -> None:
    """Time passes: what waits to be tried again is due."""
    ledger.run("update private.outbox set next_attempt_at = '-infinity'")


def test_event_when_publishing_fails_then_waits_longer_each_time_and_its_key_with_it(fresh_ledger: Ledger) -> None:
    _publish_all(fresh_ledger)
    first, second = _emit(fresh_ledger, "1"), _emit(fresh_ledger, "2")
    other = _emit(fresh_ledger, "3", key="another key")
    waits = []
    for attempt in range(1, 12):
        items = {item["outbox_id"]: item for item in _claim(fresh_ledger)}
        assert set(items) == ({first, second, other} if attempt == 1 else {first, second})
        fresh_ledger.call("mark_published", "fn_relay", p_ids=_array([other]))
        assert _fail(fresh_ledger, items[first]) == {"retried": 1, "dead": 0}
        fresh_ledger.run("update private.outbox set claimed_until = null where id = %s", second)
        assert _claim(fresh_ledger) == [], "the next event of the key does not overtake"
        waits.append(
            fresh_ledger.one(
                "select extract(epoch from next_attempt_at - clock_timestamp()) from private.outbox where id = %s",
                first,
            )
        )
        _due(fresh_ledger)
    assert [round(wait) for wait in waits] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert fresh_ledger.rows("select failures, last_error from private.outbox where id = %s", first) == [
        (11, "BUS_UNAVAILABLE: down")
    ]


@pytest.mark.parametrize("final", [True, False])
def test_event_when_it_fails_for_good_then_a_dead_letter_and_one_alert_and_its_key_goes_on(
    fresh_ledger: Ledger, final: bool
) -> None:
    _publish_all(fresh_ledger)
    fresh_ledger.run("update private.settings set value = '3' where name = 'outbox_attempts'")
    poison, later = _emit(fresh_ledger, "poison"), _emit(fresh_ledger, "later")
    for _ in range(0 if final else 2):
        _fail(fresh_ledger, _claim(fresh_ledger, limit=1)[0])
        _due(fresh_ledger)
    claimed = _claim(fresh_ledger, limit=1)
    assert claimed[0]["outbox_id"] == poison
    assert _fail(fresh_ledger, claimed[0], "BAD_EVENT: no", final) == {"retried": 0, "dead": 1}
    assert next(item["outbox_id"] for item in _claim(fresh_ledger)) == later
    assert fresh_ledger.rows(
        "select stage, topic, consumer, event ->> 'id', error, state from public.dead_letters"
    ) == [("publish", "trade-events", None, str(named_uuid("poison")), "BAD_EVENT: no", "open")]
    again = _emit(fresh_ledger, "more poison", key="third key")
    item = next(item for item in _claim(fresh_ledger) if item["outbox_id"] == again)
    _fail(fresh_ledger, item, final=True)
    assert fresh_ledger.one("select count(*) from public.dead_letters") == 2
    assert fresh_ledger.rows("select code, user_id from public.alerts") == [("DEAD_LETTER", None)]
    assert fresh_ledger.one("select private.unfinished() -> 'unpublished'") == 2, "what came later, and the alert's own"


def test_controls_when_everything_else_is_stuck_then_taken_at_once_and_first(fresh_ledger: Ledger) -> None:
    _publish_all(fresh_ledger)
    stuck = _emit(fresh_ledger, "stuck", key="the same key")
    _fail(fresh_ledger, _claim(fresh_ledger)[0])
    for number in range(10):
        _emit(fresh_ledger, f"piled up {number}", key=f"key {number}")
    control = _emit(fresh_ledger, "cancel", topic="trade-controls", key="the same key")
    assert [item["outbox_id"] for item in _claim(fresh_ledger, limit=1)] == [control]
    assert stuck not in [item["outbox_id"] for item in _claim(fresh_ledger)]


def test_failure_when_another_relay_has_the_event_by_now_then_it_changes_nothing(fresh_ledger: Ledger) -> None:
    _publish_all(fresh_ledger)
    _emit(fresh_ledger, "slow")
    old = _claim(fresh_ledger, lease=-1)[0]
    new = _claim(fresh_ledger)[0]
    assert old["attempt"] < new["attempt"]
    assert _fail(fresh_ledger, old, final=True) == {"retried": 0, "dead": 0}
    fresh_ledger.call("mark_published", "fn_relay", p_ids=_array([new["outbox_id"]]))
    assert _fail(fresh_ledger, new, final=True) == {"retried": 0, "dead": 0}, "what is published does not fail"


def test_prune_when_events_were_kept_long_enough_then_only_published_ones_go_and_not_all_at_once(
    fresh_ledger: Ledger,
) -> None:
    _publish_all(fresh_ledger)
    fresh_ledger.run("delete from private.outbox")
    for number in range(5):
        _emit(fresh_ledger, f"event {number}")
        fresh_ledger.call("record_handled", "fn_report", p_consumer="a test", p_event_id=named_uuid(str(number)))
    fresh_ledger.run("update private.outbox set published_at = now() - interval '8 days' where key = 'a key'")
    fresh_ledger.run("update private.inbox set handled_at = now() - interval '59 days'")
    _emit(fresh_ledger, "unpublished")
    fresh_ledger.run("update private.outbox set created_at = now() - interval '1 year' where published_at is null")
    pruned = fresh_ledger.call("prune_outbox", "fn_relay", p_limit=3)
    assert pruned == {"events": 3, "handled": 0, "more": True}
    fresh_ledger.run("update private.inbox set handled_at = now() - interval '61 days'")
    assert fresh_ledger.call("prune_outbox", "fn_relay") == {"events": 2, "handled": 5, "more": False}
    assert fresh_ledger.rows("select event_id from private.outbox") == [(named_uuid("unpublished"),)]


def test_wake_up_when_a_transaction_writes_many_events_then_one_request_with_an_empty_body(fresh_desk: Desk) -> None:
    ledger = fresh_desk.ledger
    ledger.run("insert into private.settings (name, value) values ('relay_url', 'http://127.0.0.1:1/relay')")
    ledger.run("select vault.create_secret('the word', 'relay_webhook_secret')")
    ledger.run("delete from net.http_request_queue")
    with ledger.session() as connection:
        for number in range(3):
            connection.execute("select private.emit('alerts', 'alert.raised', 'key', now(), '{}', %s)", [str(number)])
    requests = ledger.rows(
        "select convert_from(body, 'UTF8'), headers ->> 'x-webhook-secret' from net.http_request_queue"
    )
    assert requests == [("{}", "the word")]
    assert "the word" not in ledger.one("select pg_get_functiondef('private.wake_relay'::regproc)")
    _emit(ledger, "the next transaction")
    assert ledger.one("select count(*) from net.http_request_queue") == 2


def test_wake_up_when_the_address_is_wrong_then_the_order_is_placed_all_the_same(fresh_desk: Desk) -> None:
    fresh_desk.ledger.run("insert into private.settings (name, value) values ('relay_url', 'nonsense')")
    assert fresh_desk.status(fresh_desk.place()) == "pending"
    fresh_desk.ledger.run("delete from private.settings where name = 'relay_url'")
