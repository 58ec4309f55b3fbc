"""What only the bus on pgmq has: its schema, its roles, its filter, its way of failing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.bus.pgmq import PgmqBus
from functions.core.errors import Misconfigured, Unavailable
from functions.core.events import Envelope
from functions.core.wiring import Function, Wiring, wiring
from local.bus.schema import apply, queue_of

MakeEvent = Callable[..., Envelope]


def test_publish_when_a_subscription_wants_only_some_types_then_its_queue_gets_those(
    database: Any, table: Wiring, make_event: MakeEvent
) -> None:
    events = [make_event("a", 1), make_event("a", 2, "halted"), make_event("b", 3)]
    PgmqBus(database.publisher, table).publish("busy", events)
    assert [event["sequence"] for event in database.queued("hears_all")] == [1, 2, 3]
    assert [event["sequence"] for event in database.queued("hears_halts")] == [2]
    assert database.queued("hears_other") == []


def test_publish_when_nothing_listens_then_unavailable(
    free_port: Callable[[], int], table: Wiring, make_event: MakeEvent
) -> None:
    bus = PgmqBus(f"postgresql://bus:x@127.0.0.1:{free_port()}/postgres", table)
    with pytest.raises(Unavailable) as caught:
        bus.publish("busy", [make_event("a")])
    assert caught.value.code == "BUS_UNAVAILABLE"


def test_publish_when_the_server_dropped_the_idle_connections_then_it_connects_anew(
    database: Any, table: Wiring, make_event: MakeEvent
) -> None:
    bus = PgmqBus(database.publisher, table)
    bus.publish("busy", [make_event("a", 1)])
    ended = database.rows("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'bus'")
    assert ended
    bus.publish("busy", [make_event("a", 2)])
    assert [event["sequence"] for event in database.queued("hears_all")] == [1, 2]


def test_publish_when_the_database_was_never_wired_then_misconfigured_says_what_to_do(
    database: Any, make_event: MakeEvent
) -> None:
    with pytest.raises(Misconfigured) as caught:
        PgmqBus(database.publisher, wiring()).publish("trade-signals", [make_event("a")])
    assert caught.value.code == "BUS_NOT_READY"


@pytest.mark.parametrize(
    "events",
    [{}, "text", [1], [{"type": "t", "id": "1"}], [{"key": "k", "id": "1"}], [{"type": "t", "key": ""}], None],
)
def test_sql_publish_when_the_events_are_malformed_then_it_refuses_all(database: Any, events: Any) -> None:
    with psycopg.connect(database.publisher, autocommit=True) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute("select bus.publish('busy', %s)", [json.dumps(events)])
    assert caught.value.sqlstate == "BU422"
    assert database.in_flight() == 0


@pytest.mark.parametrize(
    "query",
    [
        "select * from pgmq.q_hears_all",
        "select * from pgmq.read('hears_all', 1, 1)",
        "select * from bus.take('hears_all', 1, '{}', '1 s')",
        "select bus.done('hears_all', '{1}')",
        "select bus.recover()",
        "select * from bus.buried",
        "insert into bus.topics values ('mine')",
    ],
)
def test_publisher_role_when_it_reaches_for_the_queues_then_it_is_denied(database: Any, query: str) -> None:
    with (
        psycopg.connect(database.publisher, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(query.encode())


def test_in_flight_when_a_topic_is_spared_then_only_the_others_count(
    database: Any, table: Wiring, make_event: MakeEvent
) -> None:
    bus = PgmqBus(database.publisher, table)
    bus.publish("busy", [make_event("a", 1, "halted")])
    bus.publish("other", [make_event("a", 2)])
    assert database.rows("select bus.in_flight(), bus.in_flight('{busy}'), bus.in_flight('{busy,other}')") == [
        (3, 1, 0)
    ]


def test_in_flight_when_asked_within_a_snapshot_then_it_sees_that_snapshot(
    database: Any, table: Wiring, make_event: MakeEvent
) -> None:
    with psycopg.connect(database.admin) as connection:
        connection.execute("set transaction isolation level repeatable read")
        assert connection.execute("select bus.in_flight()").fetchone() == (0,)
        PgmqBus(database.publisher, table).publish("busy", [make_event("a")])
        assert connection.execute("select bus.in_flight()").fetchone() == (0,)
    assert database.in_flight() == 1


def test_apply_when_run_again_then_waiting_messages_stay(
    own_database: Any, table: Wiring, make_event: MakeEvent
) -> None:
    PgmqBus(own_database.publisher, table).publish("busy", [make_event("a", 1)])
    apply(own_database.admin, table=table)
    assert [event["sequence"] for event in own_database.queued("hears_all")] == [1]


def test_apply_when_a_subscription_is_gone_then_its_messages_become_dead_letters(
    own_database: Any, table: Wiring, make_event: MakeEvent
) -> None:
    PgmqBus(own_database.publisher, table).publish("other", [make_event("a", 1), make_event("a", 2)])
    remaining = {name: function for name, function in table.functions.items() if name != "hears_other"}
    apply(own_database.admin, table=table.model_copy(update={"functions": remaining}))
    letters = own_database.rows("select function, key, message ->> 'sequence', last_error from bus.buried order by id")
    assert [letter[:3] for letter in letters] == [("hears_other", "a", "1"), ("hears_other", "a", "2")]
    assert "no longer" in letters[0][3]
    assert own_database.rows("select to_regclass('pgmq.q_hears_other')") == [(None,)]


def _with_keeper(table: Wiring) -> Wiring:
    keeper = Function.model_validate({"in": "relay", "trigger": {"dead_letters": "all"}})
    return table.model_copy(update={"functions": {**table.functions, "keeps": keeper}})


def test_bury_when_a_function_hears_dead_letters_then_forwarded_as_pub_sub_does(
    own_database: Any, table: Wiring, make_event: MakeEvent
) -> None:
    apply(own_database.admin, table=_with_keeper(table))
    PgmqBus(own_database.publisher, table).publish("other", [make_event("a", 1), make_event("a", 2)])
    own_database.rows("select bus.bury('hears_other', min(msg_id), 'HTTP 500') from pgmq.q_hears_other")
    assert own_database.rows("select message ->> 'sequence', headers from pgmq.q_keeps") == [
        (
            "1",
            {
                "x-pgmq-group": "a",
                "topic": "dead-letters",
                "attributes": {
                    "CloudPubSubDeadLetterSourceSubscription": "hears_other",
                    "CloudPubSubDeadLetterSourceDeliveryCount": "0",
                    "error": "HTTP 500",
                },
            },
        )
    ]
    assert own_database.rows("select count(*) from bus.buried") == [(0,)]
    assert [event["sequence"] for event in own_database.queued("hears_other")] == [2]


def test_apply_when_a_subscription_is_gone_and_somebody_hears_dead_letters_then_its_messages_go_there(
    own_database: Any, table: Wiring, make_event: MakeEvent
) -> None:
    PgmqBus(own_database.publisher, table).publish("other", [make_event("a", 1)])
    remaining = {name: function for name, function in table.functions.items() if name != "hears_other"}
    apply(own_database.admin, table=_with_keeper(table.model_copy(update={"functions": remaining})))
    assert [event["sequence"] for event in own_database.queued("keeps")] == [1]


def test_apply_when_given_the_projects_own_table_then_every_subscriber_has_a_queue(own_database: Any) -> None:
    apply(own_database.admin)
    expected = {name for topic in wiring().topics for name in wiring().subscribers(topic)} | {"keep_dead_letter"}
    assert {row[0] for row in own_database.rows("select function from bus.subscriptions")} == expected


@settings(deadline=None)
@given(
    st.lists(st.text(st.sampled_from("abAB_z09é-;$'"), min_size=1, max_size=60), min_size=2, max_size=2, unique=True)
)
def test_queue_of_when_names_differ_then_queues_are_valid_and_differ(names: list[str]) -> None:
    first, second = (queue_of(name) for name in names)
    assert first != second
    for queue in (first, second):
        assert len(queue) <= 47
        assert set(queue) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
