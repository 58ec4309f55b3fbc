"""What every event bus does, whatever it is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.core.errors import BadInput
from functions.core.events import Envelope, parse

MakeEvent = Callable[..., Envelope]


def by_key(events: list[dict[str, Any]]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        found[event["key"]].append(event["sequence"])
    return dict(found)


def test_publish_when_it_returns_then_the_subscription_has_the_very_events(side: Any, make_event: MakeEvent) -> None:
    sent = [make_event("a", 1), make_event("b", 2, "deactivated")]
    side.bus.publish("busy", sent)
    received = [parse(event) for event in side.received("hears_all", 2)]
    assert sorted(received, key=lambda event: event.key) == sent


def test_publish_when_many_events_share_keys_then_each_key_keeps_its_order(side: Any, make_event: MakeEvent) -> None:
    for start in range(0, 100, 20):
        side.bus.publish("busy", [make_event(f"key-{n % 4}", n) for n in range(start, start + 20)])
    received = by_key(side.received("hears_all", 100))
    assert received == {f"key-{k}": list(range(k, 100, 4)) for k in range(4)}


def test_publish_when_threads_publish_at_once_then_nothing_is_lost_and_order_is_kept(
    side: Any, make_event: MakeEvent
) -> None:
    def publish(name: int) -> None:
        for n in range(15):
            side.bus.publish("busy", [make_event(f"thread-{name}", n)])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(publish, range(8)))
    assert by_key(side.received("hears_all", 120)) == {f"thread-{name}": list(range(15)) for name in range(8)}


def test_publish_when_the_topic_is_unknown_then_bad_input_names_the_known_ones(
    side: Any, make_event: MakeEvent
) -> None:
    with pytest.raises(BadInput) as caught:
        side.bus.publish("bussy", [make_event("a")])
    assert caught.value.code == "UNKNOWN_TOPIC"
    assert "busy" in caught.value.text


def test_publish_when_nobody_hears_the_topic_then_it_is_accepted(side: Any, make_event: MakeEvent) -> None:
    side.bus.publish("silent", [make_event("a")])


def test_publish_when_there_are_no_events_then_nothing_is_sent(side: Any, make_event: MakeEvent) -> None:
    side.bus.publish("busy", [])
    marker = make_event("after", 7)
    side.bus.publish("busy", [marker])
    assert [event["key"] for event in side.received("hears_all", 1)] == ["after"]


def test_publish_when_the_same_event_is_published_again_then_it_arrives_again(side: Any, make_event: MakeEvent) -> None:
    event = make_event("a", 1)
    side.bus.publish("busy", [event])
    side.bus.publish("busy", [event])
    assert [each["id"] for each in side.received("hears_all", 2)] == [str(event.id)] * 2


def test_close_when_called_twice_then_it_is_fine(side: Any, make_event: MakeEvent) -> None:
    side.bus.publish("busy", [make_event("a")])
    side.bus.close()
    side.bus.close()
