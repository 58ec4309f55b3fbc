"""The relay: published before it is marked, in order, and one bad row holds nobody up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.errors import BadInput, Unavailable
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
    return {"outbox_id": number, "topic": topic, "event": event | more}


def outbox(*batches: list[dict[str, Any]]) -> World:
    return World({"claim_outbox": Turns(*batches, []), "mark_published": lambda given: len(given["p_ids"])})


def test_publish_outbox_when_rows_wait_then_each_topic_is_published_before_it_is_marked() -> None:
    world = outbox([row(1, "trade-signals"), row(2, "trade-signals"), row(3, "trade-events"), row(4, "trade-signals")])
    assert publish_outbox(world.ports) == 4
    assert world.journal[1:-1] == [
        ("publish trade-signals", [event_id(1), event_id(2)]),
        ("mark_published", {"p_ids": [1, 2]}),
        ("publish trade-events", [event_id(3)]),
        ("mark_published", {"p_ids": [3]}),
        ("publish trade-signals", [event_id(4)]),
        ("mark_published", {"p_ids": [4]}),
    ]


def test_publish_outbox_when_more_comes_meanwhile_then_it_goes_on_until_nothing_is_left() -> None:
    world = outbox([row(1)], [row(2)], [row(3)])
    assert publish_outbox(world.ports) == 3
    assert len(world.asked("claim_outbox")) == 4


def test_publish_outbox_when_it_is_empty_then_nothing_is_published() -> None:
    world = outbox()
    assert publish_outbox(world.ports) == 0
    assert world.said() == ["claim_outbox"]


def test_publish_outbox_when_the_bus_is_down_then_nothing_is_marked() -> None:
    world = outbox([row(1), row(2, "trade-controls")])
    world.bus.failures = [Unavailable("BUS_UNAVAILABLE", "the bus is down")]
    with pytest.raises(Unavailable):
        publish_outbox(world.ports)
    assert world.asked("mark_published") == []


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
def test_publish_outbox_when_a_row_cannot_be_read_then_all_others_go_out_and_then_it_is_said(
    bad: dict[str, Any],
) -> None:
    world = outbox([row(1), row(2, **bad), row(3), row(4, "trade-controls")], [row(5)])
    with pytest.raises(BadInput) as refused:
        publish_outbox(world.ports)
    assert refused.value.code == "BAD_EVENT"
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
    published = [each for name, given in world.journal if name.startswith("publish") for each in given]
    assert published == [event_id(number) for number in range(1, total + 1)]
    marked = [each for given in world.asked("mark_published") for each in given["p_ids"]]
    assert marked == list(range(1, total + 1))


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
