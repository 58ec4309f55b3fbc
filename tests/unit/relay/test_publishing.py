"""The relay: published before it is marked, in order, and one bad row holds nobody up."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.errors import BadInput, Unavailable
from functions.core.events import Envelope
from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerUnavailable
from functions.relay import handlers
from functions.relay.publishing import publish_outbox
from tests.unit.core.doubles import Turns, World

ACCOUNT = str(named_uuid("account"))


def event_id(number: int) -> UUID:
    return named_uuid("event", number)


def row(number: int, topic: str = "trade-events", **more: Any) -> dict[str, Any]:
    """An outbox row as the ledger hands it out."""
    kind = {"trade-signals": "trade.placed", "trade-controls": "trade.cancel_requested"}.get(topic, "trade.approved")
    data = {
        "trade_id": str(named_uuid("trade", number)),
        "user_id": str(named_uuid("user")),
        "broker_account_id": ACCOUNT,
        "strategy_id": None,
        "symbol": "SPY",
        "status": "approved",
        "version": 1,
    }
    event = {
        "id": str(event_id(number)),
        "type": kind,
        "key": ACCOUNT,
        "occurred_at": "2026-01-02T14:30:00+00:00",
        "trace": None,
        "data": data,
    }
    return {"outbox_id": number, "attempt": 1, "topic": topic, "event": event | more}


def outbox(*batches: list[dict[str, Any]]) -> World:
    return World(
        {
            "claim_outbox": Turns(*batches, []),
            "mark_published": lambda given: len(given["p_ids"]),
            "record_publish_failure": lambda given: {"dead": sum(each["final"] for each in given["p_failures"])},
        }
    )


def failed(world: World) -> list[tuple[int, bool]]:
    """The rows that were said to have failed, and whether for good."""
    said = [each for given in world.asked("record_publish_failure") for each in given["p_failures"]]
    assert all(each["error"] and each["attempt"] == 1 for each in said)
    return [(each["outbox_id"], each["final"]) for each in said]


def test_publish_outbox_when_rows_wait_then_each_topic_is_published_before_it_is_marked() -> None:
    world = outbox([row(1, "trade-signals"), row(2, "trade-signals"), row(3, "trade-events"), row(4, "trade-signals")])
    assert publish_outbox(world.ports) == 4
    assert world.journal[1:-1] == [
        ("publish trade-signals", [event_id(1), event_id(2), event_id(4)]),
        ("mark_published", {"p_ids": [1, 2, 4]}),
        ("publish trade-events", [event_id(3)]),
        ("mark_published", {"p_ids": [3]}),
    ]


def test_publish_outbox_when_more_comes_meanwhile_then_it_goes_on_until_nothing_is_left() -> None:
    world = outbox([row(1)], [row(2)], [row(3)])
    assert publish_outbox(world.ports) == 3
    assert len(world.asked("claim_outbox")) == 4


def test_publish_outbox_when_it_is_empty_then_nothing_is_published() -> None:
    world = outbox()
    assert publish_outbox(world.ports) == 0
    assert world.said() == ["claim_outbox"]


def test_publish_outbox_when_the_bus_is_down_then_nothing_is_marked_and_all_wait_to_be_tried_again() -> None:
    world = outbox([row(1), row(2), row(3, "trade-controls")])
    world.bus.failures = [Unavailable("BUS_UNAVAILABLE", "the bus is down")] * 2
    with pytest.raises(Unavailable):
        publish_outbox(world.ports)
    assert world.asked("mark_published") == []
    assert failed(world) == [(1, False), (2, False), (3, False)]


@pytest.mark.parametrize("error", [Unavailable("BUS_UNAVAILABLE", "not this topic"), RuntimeError("a bug")], ids=str)
def test_publish_outbox_when_one_topic_cannot_be_published_then_controls_go_out_and_then_it_is_said(
    error: Exception,
) -> None:
    world = outbox([row(1), row(2, "trade-controls")])
    world.bus.failures = [error]
    with pytest.raises(type(error)):
        publish_outbox(world.ports)
    assert world.asked("mark_published") == [{"p_ids": [2]}]
    assert failed(world) == [(1, False)]


def test_publish_outbox_when_the_bus_refuses_one_event_of_many_then_it_is_found_and_the_others_go_out() -> None:
    world = outbox([row(1), row(2), row(3)])
    refusal = BadInput("BAD_EVENT", "one of them")

    def publish(topic: str, events: Sequence[Envelope]) -> None:
        if event_id(2) in [event.id for event in events]:
            raise refusal
        world.journal.append((f"publish {topic}", [event.id for event in events]))

    world.bus.publish = publish  # type: ignore[method-assign]
    assert publish_outbox(world.ports) == 2
    assert world.asked("mark_published") == [{"p_ids": [1]}, {"p_ids": [3]}]
    assert failed(world) == [(2, True)]


def test_publish_outbox_when_the_bus_goes_down_while_one_is_looked_for_then_the_rest_waits() -> None:
    world = outbox([row(1), row(2), row(3)])
    world.bus.failures = [BadInput("BAD_EVENT", "one"), BadInput("BAD_EVENT", "this"), Unavailable("DOWN", "gone")]
    with pytest.raises(Unavailable):
        publish_outbox(world.ports)
    assert failed(world) == [(1, True), (2, False), (3, False)]


def test_publish_outbox_when_it_dies_between_publish_and_mark_then_the_next_publishes_the_same_event_again() -> None:
    world = outbox([row(1)], [row(1)])
    world.ledger.answers["mark_published"] = Turns(LedgerUnavailable("LEDGER_UNAVAILABLE", "died here"), 1)
    with pytest.raises(LedgerUnavailable):
        publish_outbox(world.ports)
    assert publish_outbox(world.ports) == 1
    # The same id both times: that is what lets a consumer handle it once.
    assert world.asked("publish trade-events") == [[event_id(1)], [event_id(1)]]


@pytest.mark.parametrize(
    "bad",
    [{"type": "trade.teleported"}, {"id": "no id"}, {"key": ""}, {"data": {}}, {"occurred_at": "2026-01-02T14:30:00"}],
    ids=str,
)
def test_publish_outbox_when_a_row_cannot_be_read_then_it_is_given_up_and_all_others_go_out(
    bad: dict[str, Any],
) -> None:
    world = outbox([row(1), row(2, **bad), row(3), row(4, "trade-controls")], [row(5)])
    assert publish_outbox(world.ports) == 4
    assert failed(world) == [(2, True)]
    assert world.asked("mark_published") == [{"p_ids": [1, 3]}, {"p_ids": [4]}, {"p_ids": [5]}]


TOPICS = st.sampled_from(["trade-signals", "trade-events", "trade-controls"])


@given(st.lists(st.lists(TOPICS, max_size=5), max_size=4))
def test_publish_outbox_when_topics_alternate_then_the_order_is_kept_and_each_is_marked_once(
    batches: list[list[str]],
) -> None:
    numbers = iter(range(1, 100))
    rows = [[row(next(numbers), topic) for topic in batch] for batch in batches if batch]
    world = outbox(*rows)
    total = sum(len(batch) for batch in rows)
    assert publish_outbox(world.ports) == total
    for topic in ("trade-signals", "trade-events", "trade-controls"):
        published = [each for given in world.asked(f"publish {topic}") for each in given]
        assert published == [event_id(each["outbox_id"]) for batch in rows for each in batch if each["topic"] == topic]
    marked = [each for given in world.asked("mark_published") for each in given["p_ids"]]
    assert sorted(marked) == list(range(1, total + 1))


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World({"claim_outbox": Turns([row(1)], []), "mark_published": 1}, webhook_secret="word")
    monkeypatch.setattr(handlers, "ports", lambda _folder: world.ports)
    return world


def test_relay_outbox_when_the_webhook_knows_the_secret_then_it_says_how_many(reached: World) -> None:
    assert handlers.relay_outbox(SimpleNamespace(headers={"x-webhook-secret": "word"})) == ({"published": 1}, 200)
    assert reached.said("publish") == ["publish trade-events"]


def test_relay_outbox_when_the_secret_is_wrong_then_401_and_nothing_is_touched(reached: World) -> None:
    _, status = handlers.relay_outbox(SimpleNamespace(headers={"x-webhook-secret": "world"}))
    assert status == 401
    assert reached.journal == []


def test_relay_outbox_when_the_ledger_is_down_then_503_so_that_it_is_called_again(reached: World) -> None:
    reached.ledger.answers["claim_outbox"] = LedgerUnavailable("LEDGER_UNAVAILABLE", "down")
    body, status = handlers.relay_outbox(SimpleNamespace(headers={"x-webhook-secret": "word"}))
    assert (body["code"], status) == ("LEDGER_UNAVAILABLE", 503)


def test_relay_unpublished_when_no_webhook_came_then_the_schedule_publishes(reached: World) -> None:
    handlers.relay_unpublished({"anything": 1})
    assert reached.asked("mark_published") == [{"p_ids": [1]}]


def test_prune_outbox_when_there_is_more_then_it_goes_on_until_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({"prune_outbox": Turns({"more": True}, {"more": True}, {"more": False})})
    monkeypatch.setattr(handlers, "ports", lambda _folder: world.ports)
    handlers.prune_outbox({"anything": 1})
    assert world.said() == ["prune_outbox"] * 3
